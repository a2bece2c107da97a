import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import deepfm from "../../../plugins/networks/deepfm.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear, readClickNetsReference } from "../../reference/fixtures.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { binaryLabel } from "../../support/labels.ts";
import { assertCapturedStep, assertStep, features, inputs, referenceValues } from "./clicks.ts";
import {
  assertAloneAsInRocket,
  assertRefused,
  build,
  forward,
  issuesOf,
  namesOf,
} from "./support.ts";

/** As `click_nets.py` has it. */
const options = {
  embedding: 4,
  features: { tags: { pooling: "sum" } },
  light: { hidden: [6] },
  booster: { hidden: [12, 5] },
  activation: "prelu",
};

Deno.test("deepfm fulfills the contract of a network", async () => {
  await checkStage(deepfm, { options, features, label: binaryLabel });
  const attention = { features: { history: { attention: { to: "item" } } }, sharing: "separate" };
  await checkStage(deepfm, { options: attention, features, label: binaryLabel });
});

forEachEngine(
  "deepfm computes the logits and gradients of PyTorch, captured and operation by operation",
  async () => {
    const { deepfm: reference } = await readClickNetsReference();
    const built = build(deepfm, options, { features, units: 1 });
    const passes = forward(built, referenceValues(built), inputs().features);
    for (const net of ["light", "booster"] as const) {
      assertNear(net, passes.outputs(net).logits.dataSync(), reference.logits[net]);
    }
    assertStep(built, reference);
    assertCapturedStep(built, reference);
  },
);

forEachEngine("deepfm leaks no tensors", () => {
  const built = build(deepfm, options, { features, units: 1 });
  const values = referenceValues(built), { features: rows } = inputs();
  const compute = () => forward(built, values, rows, true).outputs("booster").logits;
  assertEquals(leftBehind(() => tf.tidy(compute)), 0);
});

Deno.test("deepfm shares embeddings and the weights of the factorization machine", () => {
  const shared = namesOf(build(deepfm, options, { features, units: 1 }), "shared");
  assertEquals(shared.toSorted(), [
    "embedding/item",
    "embedding/tags",
    "factors/numbers",
    "linear/embedding/item",
    "linear/embedding/tags",
    "linear/factors/numbers",
  ]);
  const separate = build(deepfm, { ...options, sharing: "separate" }, { features, units: 1 });
  assertEquals(namesOf(separate, "shared"), []);
});

forEachEngine("deepfm with sharing: separate computes the same as with shared parts", async () => {
  const { deepfm: reference } = await readClickNetsReference();
  const built = build(deepfm, { ...options, sharing: "separate" }, { features, units: 1 });
  const shared = referenceValues(build(deepfm, options, { features, units: 1 }));
  const values = Object.fromEntries(
    built.variables.map((
      { name },
    ) => [name, shared[name] ?? shared[name.replace(/^\w+\//, "")]!]),
  );
  const passes = forward(built, values, inputs().features);
  for (const net of ["light", "booster"] as const) {
    assertNear(net, passes.outputs(net).logits.dataSync(), reference.logits[net]);
  }
});

forEachEngine(
  "deepfm without a booster declares the light net with the same initial weights as with a booster",
  () => {
    for (const some of [options, { ...options, sharing: "separate" }]) {
      assertAloneAsInRocket(
        build(deepfm, some, { features, units: 1, nets: ["light"] }),
        build(deepfm, some, { features, units: 1 }),
      );
    }
  },
);

Deno.test("deepfm refuses labels with several logits, and embeddings of several sizes", () => {
  assertRefused(
    deepfm,
    {},
    features,
    "deepfm computes one logit, but the label has 10 classes, one logit each",
    "use: dcn-v2, which computes any number of logits",
  );
  assertEquals(issuesOf(deepfm, { features: { tags: { size: 3 } } }), [
    'features.tags: Unrecognized key: "size"',
  ]);
});
