import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import ctr from "../../../plugins/networks/ctr.ts";
import { checkStage } from "../../../testing.ts";
import { captureInference } from "../../../src/train/inference.ts";
import { initialValues } from "../../../src/train/variables.ts";
import { assertNear, readCtrReference } from "../../reference/fixtures.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { binaryLabel } from "../../support/labels.ts";
import { assertCapturedStep, assertStep, features, id, inputs, referenceValues } from "./clicks.ts";
import {
  assertAloneAsInRocket,
  assertRefused,
  build,
  forward,
  issuesOf,
  namesOf,
} from "./support.ts";

/** As `ctr.py` has it. */
const optionsOf = (activation: "prelu" | "dice") => ({
  embedding: 4,
  features: {
    history: { attention: { to: "item", hidden: [8], activation } },
    tags: { pooling: activation === "dice" ? "mean" : "sum" },
  },
  shared: [10],
  light: { hidden: [6] },
  booster: { hidden: [12] },
  activation,
});

Deno.test("ctr fulfills the contract of a network", async () => {
  for (const activation of ["prelu", "dice"] as const) {
    await checkStage(ctr, {
      options: { ...optionsOf(activation), batchNorm: activation === "prelu" },
      features,
      label: binaryLabel,
    });
  }
  await checkStage(ctr, { options: { booster: { hidden: [5] }, dropout: 0.5 }, features });
});

for (const activation of ["prelu", "dice"] as const) {
  forEachEngine(
    `ctr with ${activation} computes the logits of PyTorch, in training and in evaluation`,
    async () => {
      const reference = (await readCtrReference())[activation];
      const built = build(ctr, optionsOf(activation), { features, units: 1 });
      const values = referenceValues(built), { features: rows } = inputs();
      for (const mode of ["training", "evaluation"] as const) {
        const passes = forward(built, values, rows, mode === "training");
        for (const net of ["light", "booster"] as const) {
          assertNear(`${mode} ${net}`, passes.outputs(net).logits.dataSync(), reference[mode][net]);
        }
      }
      const light = captureInference(built.pair, "light", values);
      for (let call = 0; call < 3; call++) {
        const { logits } = light.call({ features: rows });
        assertNear("captured light", logits.dataSync(), reference.evaluation.light);
      }
      light.dispose();
    },
  );

  forEachEngine(
    `ctr with ${activation} computes the gradients of PyTorch, captured and operation by operation`,
    async () => {
      const reference = (await readCtrReference())[activation];
      const built = build(ctr, optionsOf(activation), { features, units: 1 });
      assertStep(built, reference);
      assertCapturedStep(built, reference);
    },
  );
}

forEachEngine("ctr ignores all positions after the end of a list", () => {
  const built = build(ctr, optionsOf("prelu"), { features, units: 1 });
  const values = referenceValues(built), { features: rows } = inputs();
  const logits = (values: Record<string, tf.Tensor>) =>
    forward(built, values, rows).outputs("light").logits.dataSync();
  const table = values["embedding/item"]!;
  const changed = tf.concat([tf.fill([1, 4], 99), tf.slice(table, [1, 0])]);
  assertEquals(logits({ ...values, "embedding/item": changed }), logits(values));
  const other = tf.concat([tf.slice(table, [0, 0], [11, 4]), tf.fill([1, 4], 99)]);
  assertNotEquals(logits({ ...values, "embedding/item": other }), logits(values));
});

Deno.test("ctr has one table for each vocabulary, with one more row than ids", () => {
  const { variables } = build(ctr, optionsOf("dice"), { features, units: 1 });
  const tables = variables.filter(({ table }) => table);
  assertEquals(tables.map(({ name, shape, owner }) => `${owner} ${name} [${shape}]`), [
    "shared embedding/item [12,4]",
    "shared embedding/tags [8,4]",
  ]);
});

forEachEngine(
  "ctr with sharing: separate gives each net its own lower layers, which compute the same as shared ones",
  async () => {
    const reference = (await readCtrReference()).prelu;
    const options = { ...optionsOf("prelu"), sharing: "separate" };
    const built = build(ctr, options, { features, units: 1 });
    assertEquals(namesOf(built, "shared"), []);
    const shared = referenceValues(build(ctr, optionsOf("prelu"), { features, units: 1 }));
    const values = Object.fromEntries(
      built.variables.map((
        { name },
      ) => [name, shared[name] ?? shared[name.replace(/^\w+\//, "")]!]),
    );
    const { features: rows } = inputs();
    const logits = (net: "light" | "booster", changed = {}) =>
      forward(built, { ...values, ...changed }, rows).outputs(net).logits.dataSync();
    assertNear("light", logits("light"), reference.evaluation.light);
    assertNear("booster", logits("booster"), reference.evaluation.booster);
    const moved = { "booster/embedding/item": tf.add(values["booster/embedding/item"]!, 1) };
    assertEquals(logits("light", moved), logits("light"));
    assertNotEquals(logits("booster", moved), logits("booster"));
  },
);

forEachEngine("ctr names the outputs of hidden layers and leaks no tensors", () => {
  const built = build(ctr, { ...optionsOf("dice"), light: { hidden: [6, 3] } }, {
    features,
    units: 1,
  });
  const values = referenceValues(built), { features: rows } = inputs();
  assertEquals(
    leftBehind(() =>
      tf.tidy(() => {
        const outputs = forward(built, values, rows, true).outputs("light");
        const shapes = Object.entries(outputs).map(([name, { shape }]) => `${name} [${shape}]`);
        assertEquals(shapes, ["hidden1 [6,6]", "hidden2 [6,3]", "logits [6,1]"]);
        return outputs.logits;
      })
    ),
    0,
  );
});

forEachEngine(
  "ctr without a booster declares the light net with the same initial weights as with a booster",
  () => {
    for (const some of [optionsOf("dice"), {}, { ...optionsOf("prelu"), sharing: "separate" }]) {
      assertAloneAsInRocket(
        build(ctr, some, { features, units: 1, nets: ["light"] }),
        build(ctr, some, { features, units: 1 }),
      );
    }
  },
);

forEachEngine(
  "ctr applies batch normalization and dropout in training if its options say so",
  () => {
    const options = { light: { hidden: [4] }, batchNorm: true };
    const built = build(ctr, options, { features, units: 1 });
    const names = built.variables.map(({ name }) => name);
    assert(names.includes("light/dense1/norm/mean"), `${names}`);
    const values = initialValues(built.variables, 1), { features: rows } = inputs();
    const passes = forward(built, values, rows, true);
    passes.outputs("light");
    assertEquals([...passes.updates.keys()], [
      "light/dense1/norm/mean",
      "light/dense1/norm/variance",
    ]);
  },
);

Deno.test("ctr accepts features that are named like properties of Object.prototype", () => {
  const named = { ...features, toString: features.numbers, constructor: id(5, "constructor") };
  assert(build(ctr, optionsOf("prelu"), { features: named }));
});

Deno.test("ctr refuses features that do not fit its options", () => {
  const attention = (to: string) => ({ features: { history: { attention: { to } } } });
  const sized = { features: { history: { size: 8 } } };
  const all = "the features are numbers, item, history, tags";
  for (
    const [options, message, hint] of [
      [
        { features: { histroy: {} } },
        'there is no feature "histroy"',
        `did you mean history? ${all}`,
      ],
      [
        attention("itm"),
        'there is no feature "itm" for history to attend to',
        "did you mean item? the features with one id per row are item",
      ],
      [
        attention("tags"),
        "the feature tags cannot be the candidate of history because it does not have one id per row",
        "the features with one id per row are item",
      ],
      [
        sized,
        "other features with the same ids have size 16",
        "features with the same ids share a table: write `size: 16` for history",
      ],
      [
        { features: { item: { pooling: "sum" } } },
        "has one id per row, so there is nothing to pool",
        "remove `pooling` and `attention`",
      ],
      [
        { features: { numbers: { size: 8 } } },
        "holds numbers, which have no embedding",
        "remove numbers from the network's `features`",
      ],
    ] as const
  ) assertRefused(ctr, options, features, message, hint);
  assertRefused(
    ctr,
    {},
    { code: { shape: [], dtype: "int32" } },
    "the number of ids of the feature code is unknown",
    "write at data.features.code: ids: train, { hash: N } or { count: N }",
  );
  assertEquals(
    issuesOf(ctr, { features: { tags: { pooling: "mean", attention: { to: "item" } } } }),
    [
      "features.tags: expected pooling or attention",
    ],
  );
});
