import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import ctr from "../../../plugins/networks/ctr.ts";
import deepfm from "../../../plugins/networks/deepfm.ts";
import dcn from "../../../plugins/networks/dcn_v2.ts";
import mlp from "../../../plugins/networks/mlp.ts";
import pair from "../../../plugins/networks/pair.ts";
import wideResnet from "../../../plugins/networks/wide_resnet.ts";
import { defineNetwork, type NetworkStage, UserError, z } from "../../../plugin.ts";
import { networkPart } from "../../../src/stages/network_part.ts";
import { StageError } from "../../../src/stages/stage_error.ts";
import { checkStage } from "../../../testing.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel } from "../../support/labels.ts";
import { assertCapturedStep, features, inputs, modelOf, referenceValues } from "./clicks.ts";
import {
  assertAloneAsInRocket,
  assertRefused,
  build,
  type Built,
  forward,
  namesOf,
} from "./support.ts";

/** A part of a pair, as the plan of a pipeline makes it. */
const part = (stage: NetworkStage, options: unknown) =>
  networkPart(stage, stage.options.parse(options), { kind: "network", name: stage.name });

const base = { embedding: 4, activation: "prelu" };
const light = () => part(ctr, { ...base, shared: [5], light: { hidden: [6] } });
const booster = () => part(deepfm, { ...base, booster: { hidden: [12] } });
const built = (options: object = {}) =>
  build(pair, { light: light(), booster: booster(), ...options }, { features, units: 1 });

/** The values of a part that is built alone, by the names that its variables have in a pair. */
const alone = (stage: NetworkStage, options: object, net: "light" | "booster") =>
  build(stage, { ...base, ...options }, { features, units: 1, nets: [net] });

const logits = (of: Built, net: "light" | "booster", values: Record<string, tf.Tensor>) =>
  forward(of, values, inputs().features).outputs(net).logits.dataSync();

Deno.test("pair fulfills the contract of a network, also with shared tables", async () => {
  for (const share of [[], ["embedding"]]) {
    await checkStage(pair, {
      options: { light: light(), booster: booster(), share },
      features,
      label: binaryLabel,
    });
  }
});

forEachEngine("pair builds each net as its stage builds it alone", () => {
  const two = built(), values = referenceValues(two);
  const own = {
    light: alone(ctr, { shared: [5], light: { hidden: [6] } }, "light"),
    booster: alone(deepfm, { booster: { hidden: [12] } }, "booster"),
  };
  assertEquals(namesOf(two, "shared"), []);
  for (const net of ["light", "booster"] as const) {
    const nameOf = (name: string) =>
      net === "light" || name.startsWith("booster/") ? name : `booster/${name}`;
    assertEquals(new Set(own[net].variables.map(({ owner }) => owner)), new Set([net]));
    assertEquals(namesOf(two, net), own[net].variables.map(({ name }) => nameOf(name)));
    const mapped = Object.fromEntries(
      own[net].variables.map(({ name }) => [name, values[nameOf(name)]!]),
    );
    assertEquals(logits(two, net, values), logits(own[net], net, mapped));
  }
});

Deno.test("each built-in network builds the booster alone, whose variables are its own", () => {
  const image = { image: { shape: [8, 8, 1], dtype: "float32" } } as const;
  const numbers = { numbers: features.numbers };
  for (
    const [stage, options, some] of [
      [ctr, {}, features],
      [deepfm, {}, features],
      [dcn, { sharing: "separate" }, features],
      [mlp, { shared: [4] }, numbers],
      [wideResnet, { booster: { depth: 10 } }, image],
      [wideResnet, { sharing: "separate", booster: { depth: 10 } }, image],
    ] as const
  ) {
    const { variables } = build(stage, options, { features: some, units: 1, nets: ["booster"] });
    assertEquals(new Set(variables.map(({ owner }) => owner)), new Set(["booster"]), stage.name);
  }
});

forEachEngine("pair without a booster declares the light net as with a booster", () => {
  for (const share of [[], ["embedding"]]) {
    const options = { light: light(), booster: booster(), share };
    assertAloneAsInRocket(
      build(pair, options, { features, units: 1, nets: ["light"] }),
      build(pair, options, { features, units: 1 }),
    );
  }
});

forEachEngine("pair shares the tables and layers that both nets declare and `share` names", () => {
  const two = built({ share: ["embedding"] });
  assertEquals(namesOf(two, "shared"), ["embedding/item", "embedding/tags"]);
  assertEquals(namesOf(built({ share: ["embedding/tags"] }), "shared"), ["embedding/tags"]);
  const values = referenceValues(two);
  const moved = { ...values, "embedding/item": tf.add(values["embedding/item"]!, 1) };
  for (const net of ["light", "booster"] as const) {
    assertNotEquals(logits(two, net, moved), logits(two, net, values));
  }
  const mlps = ["light", "booster"].map((net) => [net, part(mlp, { shared: [4, 3], [net]: [2] })]);
  const layers = build(pair, { ...Object.fromEntries(mlps), share: ["shared/dense1"] }, {
    features: { numbers: features.numbers },
  });
  assertEquals(namesOf(layers, "shared"), ["shared/dense1/kernel", "shared/dense1/bias"]);
  assert(namesOf(layers, "booster").includes("booster/shared/dense2/kernel"));
});

forEachEngine("pair computes the same step captured and operation by operation", () => {
  const two = built({ share: ["embedding"] });
  assertEquals(modelOf(two).variables.length, two.variables.length);
  assertCapturedStep(two, undefined);
});

forEachEngine("pair passes each net its own features", () => {
  const own = { light: ["numbers", "item"], booster: ["numbers", "item", "tags"] };
  const two = built({ features: own });
  assertEquals(namesOf(two, "light").filter((name) => name.startsWith("embedding")), [
    "embedding/item",
  ]);
  const values = referenceValues(two), { tags: _, ...visible } = inputs().features;
  const seen = forward(two, values, inputs().features).outputs("light").logits.dataSync();
  assertEquals(forward(two, values, visible).outputs("light").logits.dataSync(), seen);
});

Deno.test("pair refuses to share what the nets do not have in common, and unknown features", () => {
  const options = (more: object) => ({ light: light(), booster: booster(), ...more });
  const refused = (more: object, message: string, hint: string) => {
    const error = assertThrows(() => built(options(more)), UserError, message);
    assertEquals([error.exitCode, error.problems[0]!.hint], [2, hint]);
  };
  refused(
    { share: ["shared"] },
    'the nets cannot share "shared": the light net has shared/dense1/kernel [14,5], the booster has none',
    "the nets can share embedding/item, embedding/tags",
  );
  refused(
    { booster: part(deepfm, { embedding: 3 }), share: ["embedding"] },
    'the nets cannot share "embedding": the light net has embedding/item [12,4], the booster has embedding/item [12,3]',
    "remove `share`: the nets declare no table or layer with the same name and shape",
  );
  assertRefused(
    pair,
    options({ features: { light: ["itm"] } }),
    features,
    'there is no feature "itm" for the light net',
    "the features are numbers, item, history, tags",
  );
});

Deno.test("an error of a part names the part", () => {
  const none = defineNetwork({
    name: "none",
    summary: "Builds no booster.",
    options: z.object({}),
    create: () => ({}),
  });
  const error = assertThrows(() => built({ booster: part(none, {}) }), StageError);
  assertEquals(
    error.message,
    'the network stage "none" returned nothing as the booster net; expected a function',
  );
  const numbers = build(pair, { light: part(mlp, {}), booster: booster() }, {
    features: { item: features.item },
    units: 1,
  });
  assertThrows(
    () => logits(numbers, "light", referenceValues(numbers)),
    UserError,
    "the feature item holds ids, but the network mlp reads numbers",
  );
});
