import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import dcn from "../../../plugins/networks/dcn_v2.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear, readClickNetsReference } from "../../reference/fixtures.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { binaryLabel } from "../../support/labels.ts";
import { assertCapturedStep, assertStep, features, inputs, referenceValues } from "./clicks.ts";
import { assertAloneAsInRocket, build, forward, namesOf } from "./support.ts";

const base = { embedding: 4, features: { tags: { pooling: "sum" } }, activation: "prelu" };

/** As `click_nets.py` has it. */
const cases = {
  "dcn": {
    ...base,
    light: { cross: 1, hidden: [6] },
    booster: { cross: 3, hidden: [12, 5] },
  },
  "dcn low rank": {
    ...base,
    structure: "parallel",
    light: { cross: 1, rank: 2, hidden: [6] },
    booster: { cross: 3, rank: 2, hidden: [12, 5] },
  },
};

Deno.test("dcn-v2 fulfills the contract of a network", async () => {
  for (const options of Object.values(cases)) {
    await checkStage(dcn, { options, features, label: binaryLabel });
  }
  await checkStage(dcn, {
    options: { light: { cross: 0 }, sharing: "separate", structure: "parallel" },
    features,
  });
});

for (const [name, options] of Object.entries(cases)) {
  forEachEngine(
    `dcn-v2 computes the logits and gradients of PyTorch, captured and operation by operation: ${name}`,
    async () => {
      const reference = (await readClickNetsReference())[name as keyof typeof cases];
      const built = build(dcn, options, { features, units: 1 });
      const passes = forward(built, referenceValues(built), inputs().features);
      for (const net of ["light", "booster"] as const) {
        assertNear(net, passes.outputs(net).logits.dataSync(), reference.logits[net]);
      }
      assertStep(built, reference);
      assertCapturedStep(built, reference);
    },
  );
}

forEachEngine(
  "dcn-v2 names the outputs of cross layers and hidden layers, and leaks no tensors",
  () => {
    const built = build(dcn, cases.dcn, { features, units: 3 });
    const values = referenceValues(built), { features: rows } = inputs();
    const compute = () => {
      const outputs = forward(built, values, rows, true).outputs("booster");
      assertEquals(Object.entries(outputs).map(([name, { shape }]) => `${name} [${shape}]`), [
        "cross1 [6,14]",
        "cross2 [6,14]",
        "cross3 [6,14]",
        "hidden1 [6,12]",
        "hidden2 [6,5]",
        "logits [6,3]",
      ]);
      return outputs.logits;
    };
    assertEquals(leftBehind(() => tf.tidy(compute)), 0);
  },
);

Deno.test("dcn-v2 shares embeddings, or nothing with sharing: separate", () => {
  const names = (sharing: string) =>
    namesOf(build(dcn, { ...cases.dcn, sharing }, { features, units: 1 }), "shared");
  assertEquals(names("bottom").toSorted(), ["embedding/item", "embedding/tags"]);
  assertEquals(names("separate"), []);
});

forEachEngine(
  "dcn-v2 without a booster declares the light net with the same initial weights as with a booster",
  () => {
    for (const some of [cases.dcn, { ...cases["dcn low rank"], sharing: "separate" }]) {
      assertAloneAsInRocket(
        build(dcn, some, { features, units: 1, nets: ["light"] }),
        build(dcn, some, { features, units: 1 }),
      );
    }
  },
);
