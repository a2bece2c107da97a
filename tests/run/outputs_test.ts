import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { OutputsFailed } from "../../src/run/outputs.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

/** An output that notes its events in a file, and throws at some. */
const noting = (name: string, throwsAt = "") => `
import { defineOutput, z } from "${pluginApi}";
export default defineOutput({
  name: "${name}", summary: "Notes.", options: z.object({}),
  create: (_options, { folder }) => Object.fromEntries(
    ["runStart", "step", "epoch", "runEnd"].map((event) => [event, () => {
      Deno.writeTextFileSync(folder + "/${name}.txt", event + "\\n", { append: true });
      if (event === "${throwsAt}") throw new Error("no idea");
    }]),
  ),
});
`;

const outputs = ["./broken.ts", "checkpoint", "./whole.ts"];
const train = { epochs: 2, batch: 512 };
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

for (const event of ["step", "epoch", "runEnd"]) {
  Deno.test(`runPlan() continues without an output that throws in ${event}(), and fails at the end`, async () => {
    await openEngine("wasm");
    await withPipeline(
      digitsPipeline({ train, outputs }),
      async (file, folder) => {
        const out = join(folder, "run"), reports: string[] = [];
        let failures = 0;
        const error = await assertRejects(
          () =>
            runFile(file, out, "wasm", { failure: () => void failures++ }, {
              report: (line) => reports.push(line),
            }),
          OutputsFailed,
        );
        assertEquals([error.exitCode, error.problems.length, failures], [1, 1, 1]);
        const told = formatProblem(error.problems[0]!);
        assertStringIncludes(told, `"./broken.ts" failed in ${event}(): Error: no idea`);
        assertStringIncludes(told, "pipeline.yaml:");
        const early = reports.filter((line) => line.includes("continues without the output"));
        assertEquals(early.length, 1);
        // All else is there, and the broken one heard of nothing more.
        const result = JSON.parse(await Deno.readTextFile(join(out, "result.json")));
        assertEquals(result.test, JSON.parse(JSON.stringify(error.result.test)));
        assert(namesIn(join(out, "checkpoints")).includes("best.safetensors"));
        const metrics = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n");
        assertEquals(metrics.length, 4);
        const heard = async (name: string) =>
          (await Deno.readTextFile(join(out, `${name}.txt`))).trim().split("\n");
        const whole = await heard("whole");
        assertEquals([whole[0], whole.at(-1)], ["runStart", "runEnd"]);
        const broken = await heard("broken");
        assertEquals(broken, whole.slice(0, whole.indexOf(event) + 1));
      },
      { "broken.ts": noting("broken", event), "whole.ts": noting("whole") },
    );
  });
}

Deno.test("runPlan() ends before training if an output throws in runStart()", async () => {
  await openEngine("wasm");
  await withPipeline(digitsPipeline({ train, outputs }), async (file, folder) => {
    let steps = 0;
    const error = await assertRejects(
      () => runFile(file, join(folder, "run"), "wasm", { step: () => void steps++ }),
      UserError,
      "failed in runStart(): Error: no idea",
    );
    assertEquals([error instanceof OutputsFailed, steps], [false, 0]);
  }, { "broken.ts": noting("broken", "runStart"), "whole.ts": noting("whole") });
});

Deno.test("runPlan() writes the result before other outputs receive runEnd", async () => {
  await openEngine("wasm");
  const looking = noting("broken").replace(
    "if (event",
    `if (event === "runEnd") Deno.statSync(folder + "/result.json");
      if (event`,
  );
  await withPipeline(digitsPipeline({ train, outputs }), async (file, folder) => {
    await runFile(file, join(folder, "run"), "wasm");
  }, { "broken.ts": looking, "whole.ts": noting("whole") });
});
