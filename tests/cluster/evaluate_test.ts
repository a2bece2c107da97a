import { assertEquals, assertStringIncludes } from "@std/assert";
import { Table, tableFromIPC, tableToIPC, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";
import { runCluster, writeClicks } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

Deno.test({
  name: "evaluate in 3 processes prints the metrics and writes the rows of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      // Three batches of 256 rows, and a part of one.
      writeClicks(folder, "{ epochs: 2, batch: 20, baseline: none }", 800);
      const file = join(folder, "p.yaml");
      const metrics = "metrics: [auc, { use: gauc, by: user }, log-loss, loss]";
      const text = Deno.readTextFileSync(file).replace(/metrics: .*/, metrics);
      Deno.writeTextFileSync(file, text);
      const native = ["--engine", "native"];
      const run = await rocket(["p.yaml", "--out", "run", ...native], { cwd: folder });
      assertEquals(run.code, 0, run.stderr);
      const command = (out: string) => [
        ...["evaluate", "run", "--json", "--by", "user", "--errors", "5", "--out", out],
      ];
      const alone = await rocket([...command("alone.csv"), ...native], { cwd: folder });
      assertEquals(alone.code, 0, alone.stderr);
      const [first, ...others] = await runCluster(3, command("together.csv"), folder);
      assertEquals(first!.code, 0, first!.stderr);
      assertStringIncludes(first!.stderr, "TensorFlow listens on 127.0.0.1:");
      assertEquals(others, others.map(() => ({ code: 0, stdout: "", stderr: "" })));
      assertStringIncludes(alone.stdout, "gauc");
      assertEquals(first!.stdout, alone.stdout);
      const written = (out: string) => Deno.readFileSync(join(folder, out));
      assertEquals(written("together.csv"), written("alone.csv"));
    }),
});

Deno.test({
  name: "evaluate refuses processes that have other rows in the same file, and as many",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const folders = ["one", "other"].map((name) => join(folder, name));
      for (const each of folders) {
        Deno.mkdirSync(each);
        writeClicks(each, "{ epochs: 1, batch: 20, baseline: none }");
      }
      const run = await rocket(["p.yaml", "--out", "../run"], { cwd: folders[0]! });
      assertEquals(run.code, 0, run.stderr);
      // The same rows, and then other ones.
      const same = await runCluster(2, ["evaluate", "../run", "train.arrow"], folders);
      assertEquals(same.map(({ code }) => code), [0, 0], same[0]!.stderr + same[1]!.stderr);
      const bytes = Deno.readFileSync(join(folders[1]!, "train.arrow"));
      const table = tableFromIPC(bytes);
      const reversed = new Table(Object.fromEntries(
        table.schema.fields.map(({ name, type }) => [
          name,
          vectorFromArray([...table.getChild(name)!].toReversed(), type),
        ]),
      ));
      Deno.writeFileSync(join(folders[1]!, "train.arrow"), tableToIPC(reversed, "file"));
      for (
        const { code, stderr } of await runCluster(
          2,
          ["evaluate", "../run", "train.arrow"],
          folders,
        )
      ) {
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, " has rows other than the process at 127.0.0.1:");
      }
    }),
});

Deno.test({
  name: "evaluate refuses processes that would evaluate something else",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 1, batch: 20, baseline: none }");
      const run = await rocket(["p.yaml", "--out", "run"], { cwd: folder });
      assertEquals(run.code, 0, run.stderr);
      const all = await runCluster(2, ["evaluate", "run"], folder, [
        "--checkpoint",
        "last",
        "--net",
        "light",
      ]);
      for (const { code, stderr } of all) {
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, " has a command other than the process at 127.0.0.1:");
      }
    }),
});
