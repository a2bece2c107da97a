/**
 * Initial weights from PyTorch's files and from other runs.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { readPlan } from "../../src/run/read_plan.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/files/safetensors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { UserError } from "../../src/base/errors.ts";
import { Forward } from "../../src/train/forward.ts";
import { readInitial } from "../../src/run/initial.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { initialValues } from "../../src/train/variables.ts";
import { assertNear, readPretrainedReference } from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const current = () => tf.getBackend() === "wasm" ? "wasm" as const : "native" as const;

const reference = (name: string) =>
  fileURLToPath(new URL(`../reference/pretrained_${name}.safetensors`, import.meta.url));

/** The authors' modules. */
const wrn = {
  use: "wide-resnet",
  sharing: "none",
  light: { depth: 10, width: 1 },
  booster: { depth: 10, width: 1 },
  initial: {
    booster: {
      file: reference("wrn"),
      layout: "pytorch",
      names: {
        "conv1.weight": "stem/kernel",
        "block*.layer.0.conv*.weight": "booster/group*/block1/conv*/kernel",
        "block*.layer.0.shortcut.weight": "booster/group*/block1/shortcut/kernel",
        "block*.layer.0.bn*.weight": "booster/group*/block1/norm*/scale",
        "block*.layer.0.bn*.bias": "booster/group*/block1/norm*/offset",
        "block*.layer.0.bn*.running_mean": "booster/group*/block1/norm*/mean",
        "block*.layer.0.bn*.running_var": "booster/group*/block1/norm*/variance",
        "bn1.weight": "booster/head/norm/scale",
        "bn1.bias": "booster/head/norm/offset",
        "bn1.running_mean": "booster/head/norm/mean",
        "bn1.running_var": "booster/head/norm/variance",
        "fc.weight": "booster/head/kernel",
        "fc.*": "booster/head/*",
      },
    },
  },
};

const mlp = {
  use: "mlp",
  light: [4],
  booster: [12],
  initial: {
    booster: {
      file: reference("mlp"),
      layout: "pytorch",
      names: {
        "1.weight": "booster/dense1/kernel",
        "1.bias": "booster/dense1/bias",
        "3.weight": "booster/head/kernel",
        "3.bias": "booster/head/bias",
      },
    },
  },
};

/** The first values of a pipeline's variables, and its nets. */
async function prepared(network: unknown) {
  const plan = await readPlan(digitsPipeline({ network }) as unknown as Pipeline);
  const data = await prepareData(plan);
  try {
    const nets = prepareNets(plan, data, netsOf(plan));
    return { nets, given: await readInitial(plan, nets), seed: plan.seed };
  } finally {
    await data.close();
  }
}

for (const [name, network] of [["wrn", wrn], ["mlp", mlp]] as const) {
  forEachEngine(`weights from PyTorch give PyTorch's logits: ${name}`, async () => {
    const { nets: { model }, given, seed } = await prepared(network);
    const values = initialValues(model.variables, seed, given.values);
    const image = tf.tensor(referenceUniform("pretrained/image", [4, 8, 8, 1], 0, 1), [4, 8, 8, 1]);
    const logits = tf.tidy(() => {
      const features = { image }, seed = () => tf.scalar(0, "int32");
      const forward = new Forward(model.pair, { values, features, training: false, seed });
      return forward.outputs("booster").logits.dataSync();
    });
    tf.dispose([values, image]);
    assertNear(name, logits, (await readPretrainedReference())[name], 1e-5);
    assert([...given.values.keys()].every((variable) => !variable.startsWith("light/")));
  });
}

async function refusal(network: unknown): Promise<string> {
  const { problems } = await assertRejects(() => prepared(network), UserError);
  return problems.map(({ message, hint }) => `${message}; ${hint}`).join("\n");
}

const withMlp = (booster: Record<string, unknown>, network: Record<string, unknown> = {}) => ({
  ...mlp,
  ...network,
  initial: { booster: { ...mlp.initial.booster, ...booster } },
});

Deno.test("all names and shapes of weights that do not fit are reported together, with the nearest names", async () => {
  const { "1.bias": _, ...names } = mlp.initial.booster.names;
  const said = await refusal(withMlp({
    names: { ...names, "3.weigth": "booster/head/kernel", "1.bias": "booster/dense1/bais" },
  }, { booster: [13] }));
  assertStringIncludes(said, "has no tensor 3.weigth; did you mean 3.weight?");
  assertStringIncludes(said, "the net has no variable booster/dense1/bais");
  assertStringIncludes(said, "did you mean booster/dense1/bias?");
  assertStringIncludes(
    said,
    "has the tensor 1.weight with shape [12,64], transposed to [64,12]; " +
      "the variable booster/dense1/kernel has shape [64,13]",
  );
});

Deno.test("PyTorch's kernels in Rocket's layout are refused with the hint `layout: pytorch`", async () => {
  assertStringIncludes(await refusal(withMlp({ layout: "rocket" })), "`layout: pytorch`");
});

Deno.test("weights that are missing or not finite are refused", async () => {
  assertStringIncludes(
    await refusal(withMlp({ file: "/nowhere.safetensors" })),
    "the file does not exist",
  );
  await withPipeline({}, async (_, folder) => {
    const { tensors } = decodeSafetensors(
      encodeSafetensors(
        new Map([
          ["1.weight", { shape: [12, 64], values: new Float32Array(12 * 64) }],
          ["1.bias", { shape: [12], values: new Float32Array(12).fill(NaN) }],
          ["3.weight", { shape: [10, 12], values: new Float32Array(120) }],
          ["3.bias", { shape: [10], values: new Float32Array(10) }],
        ]),
      ),
    );
    const file = join(folder, "broken.safetensors");
    await Deno.writeFile(file, encodeSafetensors(tensors));
    assertStringIncludes(await refusal(withMlp({ file })), "broken.safetensors contains NaN");
  });
});

forEachEngine(
  "a frozen booster from another run has the same metrics as in that run",
  () =>
    withPipeline(
      digitsPipeline({ outputs: ["checkpoint"] }),
      async (file, folder) => {
        const out = join(folder, "teacher");
        const { result } = await runFile(file, out, current());
        const { losses: _, ...student } = digitsPipeline({
          network: {
            ...digitsPipeline().network as object,
            initial: { booster: { run: "teacher", checkpoint: "last" } },
          },
          phases: [{
            name: "student",
            freeze: ["booster"],
            losses: [{ use: "cross-entropy", on: "light" }, { use: "kl" }],
          }],
        });
        const second = join(folder, "student.json");
        await Deno.writeTextFile(second, JSON.stringify(student));
        const after = await runFile(second, join(folder, "student"), current());
        assertEquals(after.result.test.booster, result.test.booster);
        assert(after.result.test.light!.accuracy! !== result.test.light!.accuracy!);
        // A checkpoint that is not there is refused with those that are.
        const other = JSON.stringify(student).replace('"last"', '"bset"');
        await Deno.writeTextFile(second, other);
        const { message } = await assertRejects(
          () => runFile(second, join(folder, "other"), current()),
          UserError,
        );
        assertStringIncludes(message, "has no checkpoint bset");
      },
    ),
);

forEachEngine(
  "a run without a checkpoint is not resumed with other initial weights",
  async () => {
    const weights = await Deno.readFile(reference("mlp"));
    const network = withMlp({ file: "first.safetensors" });
    const pipeline = digitsPipeline({
      network,
      train: { epochs: 2, batch: 128, baseline: "light-alone" },
      outputs: [{ use: "checkpoint", everySteps: 3 }],
    });
    await withPipeline(pipeline, async (file, folder) => {
      const first = join(folder, "first.safetensors"), out = join(folder, "run");
      await Deno.writeFile(first, weights);
      const stopAt = (last: number) => ({
        step({ step }: { step: number }) {
          if (step === last) throw new Error("stopped");
        },
      });
      await assertRejects(() => runFile(file, out, current(), stopAt(1)), Error, "stopped");
      const resume = (listener = {}) => runFile(file, out, current(), listener, { resume: true });
      const other = weights.slice();
      other[other.length - 1]! ^= 1;
      await Deno.writeFile(first, other);
      const { message } = await assertRejects(() => resume(), UserError);
      assertEquals(
        message,
        "the file with the initial weights of the booster net has changed since the run began",
      );
      await Deno.writeFile(first, weights);
      await assertRejects(() => resume(stopAt(5)), Error, "stopped");
      // From now on they are in the checkpoint; the light net alone, which begins later, has none.
      await Deno.remove(first);
      const { result } = await resume();
      assertEquals([result.epochs, result.baseline?.epochs], [2, 2]);
    });
  },
);
