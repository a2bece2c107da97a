import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { clickDays } from "../support/clicks.ts";
import { runFile, withPipeline } from "../support/pipelines.ts";
import { deno, flags, inFolder, rocket, root, userEnvironment } from "../support/command_line.ts";
import { writeParquet } from "../support/formats.ts";
import { blocks } from "./documents.ts";

/** The blocks of a language under a heading of docs/clicks.md. */
async function blocksOf(heading: string, language: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(root, "docs", "clicks.md"));
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const [own = ""] = section.split(/^## /m);
  return Array.from(
    own.matchAll(new RegExp(`^\`\`\`${language}[^\\n]*\\n([^]*?)^\`\`\``, "gm")),
    ([, code]) => code!,
  );
}

Deno.test("the pipeline of docs/clicks.md with several labels trains", async (t) => {
  await openEngine("wasm");
  const [yaml] = await blocksOf("Several labels", "yaml");
  const rows = clickDays({ seed: 4, days: 1, rows: 300 })[0]!.map((
    { user, item, hour, y },
    row,
  ) => [user, item, hour, y, y === 1 ? row % 2 : ""].join());
  await withPipeline({}, async (_file, folder) => {
    const file = join(folder, "labels.yaml");
    await Deno.writeTextFile(file, yaml!);
    const { result, reports } = await runFile(file, join(folder, "run"), "wasm");
    assertEquals(result.best.metric, "light/click.auc");
    const keys = ["click.auc", "buy.auc", "click.log-loss"];
    for (const key of keys) assert(Object.hasOwn(result.test.light!, key), key);
    assert(reports.some((line) => line.includes("have no label buy")), reports.join("\n"));
    await t.step("the program of docs/serving.md prints predictions for both labels", async () => {
      const { text } = blocks.find(({ path, info }) =>
        path === "docs/serving.md" && info === "run-by: tests/docs/clicks_test.ts"
      )!;
      const program = join(folder, "predict.ts");
      await Deno.writeTextFile(program, text.replace("runs/labels", join(folder, "run")));
      const args = ["run", "-A", "--no-check", "--quiet", ...flags, program];
      const { code, stdout, stderr } = await deno(args, { env: userEnvironment() });
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /^0\.\d+ .*\b0\.\d+/);
    });
  }, { "impressions.csv": ["user,item,hour,clicked,bought", ...rows].join("\n") });
});

Deno.test("the pipelines of docs/clicks.md train each day from the last one, by the commands there", async () => {
  const [day, next] = await blocksOf("Daily training", "yaml");
  const [commands] = await blocksOf("Daily training", "sh");
  await inFolder(async (folder) => {
    const dates = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"];
    const rows = clickDays({ seed: 3, days: dates.length, rows: 200 }).flatMap((clicks, day) =>
      clicks.map(({ user, item, hour, y }) => [dates[day], user, item, hour, y].join())
    );
    await Deno.writeTextFile(
      join(folder, "clicks.csv"),
      ["day,user,item,price,clicked", ...rows].join("\n"),
    );
    await writeParquet(`FROM '${join(folder, "clicks.csv")}'`, join(folder, "clicks.parquet"));
    await Deno.writeTextFile(join(folder, "day.yaml"), day!);
    await Deno.writeTextFile(join(folder, "next.yaml"), next!);
    const [ranking] = await blocksOf("Ranking within a group", "yaml");
    const [ranks] = await blocksOf("Ranking within a group", "sh");
    await Deno.writeTextFile(join(folder, "ranking.yaml"), ranking!);
    const lines = [...commands!.trim().split("\n"), ranks!.trim()];
    assertEquals(lines.length, 4);
    for (const line of lines) {
      const [, variables, args] = /^((?:[A-Z]+=\S+ )+)deno task pipeline (.*)$/.exec(line)!;
      const env = Object.fromEntries(variables!.trim().split(" ").map((one) => one.split("=")));
      const ran = await rocket([...args!.split(" "), "--engine", "wasm"], { cwd: folder, env });
      assertEquals(ran.code, 0, ran.stderr);
      if (!env.LAST) continue;
      const counts = /embedding\/user: values of user: (\d+) kept, (\d+) new, (\d+) removed/;
      assertMatch(ran.stderr, counts);
      const [, kept, added, gone] = counts.exec(ran.stderr)!;
      assert(Number(kept) > 10 && Number(added) > 0 && gone === "0", ran.stderr);
      assertMatch(ran.stderr, /the optimizer continues after \d+ steps/);
    }
  });
});
