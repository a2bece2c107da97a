import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { takeFolder } from "../../src/base/files/folder_lock.ts";
import { rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

Deno.test("runs lists finished, stopped, running, unfinished and nested runs in 80 columns", () =>
  withPipeline(
    digitsPipeline({
      train: { epochs: 2, batch: 1024 },
      metrics: ["accuracy", { use: "top-k", k: 3 }],
      outputs: ["metrics", "result"],
    }),
    async (file, folder) => {
      const runs = join(folder, "runs"), first = join(runs, "first");
      const trained = await rocket([file, "--engine", "wasm", "--quiet", "--out", first]);
      assertEquals(trained.code, 0, trained.stderr);
      const text = await Deno.readTextFile(join(first, "result.json"));
      const result = JSON.parse(text);
      const another = async (name: string) => {
        await cp(first, join(runs, name), { recursive: true });
        return join(runs, name);
      };
      const stopped = await another("stopped");
      await Deno.writeTextFile(
        join(stopped, "result.json"),
        JSON.stringify({ ...result, stopped: true, epochs: 1 }),
      );
      const unfinished = await another("a-very-long-name-of-a-run-that-has-no-end-20261128-154733");
      await Deno.remove(join(unfinished, "result.json"));
      const lines = (await Deno.readTextFile(join(first, "metrics.jsonl"))).split("\n");
      const ofFirstEpoch = lines.filter((line) => line.includes('"epoch":1'));
      await Deno.writeTextFile(
        join(unfinished, "metrics.jsonl"),
        ofFirstEpoch.join("\n") + '\n{"epoch":2,"sp',
      );
      const running = await another("running");
      await Deno.remove(join(running, "result.json"));
      await another("sweep/rocket/seed-1");
      const damaged = await another("damaged");
      await Deno.writeTextFile(join(damaged, "pipeline.json"), "{");
      const noResult = await another("no-result");
      await Deno.writeTextFile(join(noResult, "result.json"), "{}");
      await Deno.mkdir(join(runs, "photos", "summer"), { recursive: true });

      using _ = takeFolder(running) as Disposable;
      const listed = await rocket(["runs"], { cwd: folder });
      assertEquals(listed.code, 0, listed.stderr);
      for (const line of `${listed.stdout}${listed.stderr}`.split("\n")) {
        if (!line.startsWith("warning")) assert(line.length <= 80, line);
      }
      const accuracy = result.test.light.accuracy.toFixed(4);
      const row = (name: string, rest: string) =>
        assertMatch(
          listed.stdout,
          new RegExp(`^${name} +${rest}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d$`, "m"),
        );
      row("first", `finished +2/2 +${accuracy}.*`);
      row("stopped", `stopped +1/2 +${accuracy}.*`);
      row("running", "running +2/2 +–.*");
      row("a-very-long-name.*…[^ ]*154733", "unfinished +1/2 +–.*");
      row("sweep/rocket/seed-1", `finished +2/2 +${accuracy}.*`);
      assertStringIncludes(listed.stderr, "warning: runs/damaged/pipeline.json is damaged");
      assertStringIncludes(listed.stderr, "warning: runs/no-result/result.json is damaged");
      assertStringIncludes(listed.stderr, "not runs: runs/photos\n");

      const json = JSON.parse((await rocket(["runs", runs, "--json"])).stdout);
      assertEquals(json.runs.length, 5);
      assertEquals(json.foreign, ["photos"]);
      assertEquals(json.problems.length, 2);
      const one = json.runs.find(({ run }: { run: string }) => run === "first");
      assertEquals(one.test, result.test);
      assertEquals([one.epochs, one.planned, one.seconds], [2, 2, result.seconds]);
    },
  ));

Deno.test("runs says that a folder contains no runs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    const { code, stdout } = await rocket(["runs", folder]);
    assertEquals([code, stdout], [0, `there are no runs in ${folder}\n`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
