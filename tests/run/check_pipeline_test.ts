import { assert, assertEquals, assertRejects } from "@std/assert";
import { checkPipeline } from "../../src/run/check_pipeline.ts";
import { definePipeline, type Pipeline } from "../../src/pipeline/define.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

const engine = "wasm";
const digits = digitsPipeline() as unknown as Pipeline;

Deno.test("checkPipeline() reports rows, steps and parameters, and writes nothing", async () => {
  const { problems, warnings, run } = await checkPipeline(definePipeline(digits), { engine });
  assertEquals([problems, warnings], [[], []]);
  // The counts of layers: 64·16 + 16 shared, 16·8 + 8 and 8·10 + 10 light, 16·32 + 32 and 32·10 +
  // 10 booster.
  const shared = 64 * 16 + 16;
  assertEquals(run?.parameters, { light: shared + 136 + 90, booster: shared + 544 + 330 });
  assertEquals(run?.rows, { train: 1437, test: 360 });
  assertEquals(run?.stepsPerEpoch, Math.ceil(1437 / 128));
  assert(run!.stepBytes > 0);
});

Deno.test("checkPipeline() returns all problems of a file with places and does not throw", () =>
  withPipeline(
    digitsPipeline({ metrics: ["acuracy"], network: { use: "mpl" } }),
    async (file) => {
      const { problems, run } = await checkPipeline(file, { engine });
      assertEquals(run, undefined);
      assertEquals(problems.map(({ message }) => message).toSorted(), [
        'there is no metric stage called "acuracy"',
        'there is no network stage called "mpl"',
      ]);
      assert(problems.every(({ place }) => place?.file === file && place.line! > 1));
    },
  ));

Deno.test("checkPipeline() returns problems of data and stages, and warnings", async () => {
  const missing = await checkPipeline(digits, { engine, set: ["data.label=digits"] });
  assertEquals(missing.problems.length, 1);
  const large = await checkPipeline(digits, { engine, set: ["data.transforms.0.by=1000"] });
  assertEquals(large.problems, []);
  assert(large.warnings.length > 0);
});

Deno.test("checkPipeline() throws errors that are not caused by the pipeline", async () => {
  const broken = () => {
    throw new TypeError("of the program");
  };
  await assertRejects(() => checkPipeline(digits, { engine, report: broken }), TypeError);
});
