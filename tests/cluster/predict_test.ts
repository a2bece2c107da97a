import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";
import { runCluster, writeClicks } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/** Trains a net of a few clicks in the folder `run`. */
async function trainClicks(folder: string): Promise<void> {
  writeClicks(folder, "{ epochs: 1, batch: 20, baseline: none }");
  const file = join(folder, "p.yaml");
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(file).replace("x: {}", "x: { nulls: drop }"),
  );
  const run = await rocket(["p.yaml", "--out", "run"], { cwd: folder });
  assertEquals(run.code, 0, run.stderr);
}

/** Writes rows of which some have nulls, and therefore no prediction. */
function writeRows(file: string, rows: number, first = 0): void {
  const lines = Array.from({ length: rows }, (_, row) => {
    const x = row % 11 === 5 ? "" : Math.sin((row + first) * 5);
    return `${row * 7 % 23},${x},row ${row}`;
  });
  Deno.writeTextFileSync(file, ["user,x,note", ...lines, ""].join("\n"));
}

// The section "Predictions" of docs/distributed.md.
Deno.test({
  name: "predict in 3 processes writes the file of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await trainClicks(folder);
      writeRows(join(folder, "new.csv"), 803);
      writeRows(join(folder, "few.csv"), 2);
      const cases = [
        ["csv", "new.csv", "--keep", "note,x", "--batch", "50"],
        ["arrow", "new.csv", "--keep", "all", "--net", "booster", "--logits", "--batch", "64"],
        ["parquet", "few.csv", "--keep", "user", "--batch", "1"],
      ];
      for (const [format, input, ...more] of cases) {
        const command = (out: string) => ["predict", "run", input!, "--out", out, ...more];
        const one = `one.${format}`, three = `three.${format}`;
        const alone = await rocket([...command(one), "--engine", "native"], { cwd: folder });
        assertEquals(alone.code, 0, alone.stderr);
        const [first, ...others] = await runCluster(3, command(three), folder);
        assertEquals(first!.code, 0, first!.stderr);
        assertStringIncludes(first!.stderr, "TensorFlow listens on 127.0.0.1:");
        assertEquals(others, others.map(() => ({ code: 0, stdout: "", stderr: "" })));
        const counts = (stderr: string) =>
          stderr.split("\n").find((line) => /: \d+ rows/.test(line))
            ?.replace(/^\w+\.|, [\d,.]+ rows\/s/g, "");
        assertEquals(counts(first!.stderr), counts(alone.stderr));
        const written = (out: string) => Deno.readFileSync(join(folder, out));
        assertEquals(written(three), written(one), `${format} ${input}`);
      }
    }),
});

Deno.test({
  name: "predict refuses processes with another command, or with other rows",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await trainClicks(folder);
      const other = join(folder, "other");
      Deno.mkdirSync(other);
      writeRows(join(folder, "new.csv"), 100);
      writeRows(join(other, "new.csv"), 100, 1);
      const command = ["predict", join(folder, "run"), "new.csv", "--out", "scores.csv"];
      const refused = [
        ["a command", await runCluster(2, command, folder, ["--net", "booster"])],
        ["rows", await runCluster(2, [...command, "--batch", "40"], [folder, other])],
      ] as const;
      for (const [what, all] of refused) {
        for (const { code, stderr } of all) {
          assertEquals(code, 1, stderr);
          assertStringIncludes(stderr, ` has ${what} other than the process at 127.0.0.1:`);
        }
      }
      assert(!existsSync(join(folder, "scores.csv")));
    }),
});

Deno.test({
  name: "predict ends in all processes if one of them fails",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await trainClicks(folder);
      writeRows(join(folder, "new.csv"), 100);
      const command = ["predict", "run", "new.csv", "--out", "nowhere/scores.csv", "--batch", "7"];
      const [first, second] = await runCluster(2, command, folder);
      assertEquals(first!.code, 1, first!.stderr);
      assertStringIncludes(first!.stderr, "nowhere");
      assertEquals(second!.code, 75, second!.stderr);
      assertStringIncludes(second!.stderr, "is gone");
      assertStringIncludes(second!.stderr, "start all processes again with the same command line");
    }),
});
