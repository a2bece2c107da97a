/** What nets are fed with: numbers, or ids only where they say that they read them. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import {
  Int32,
  Table,
  tableToIPC,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { UserError } from "../../src/base/errors.ts";
import {
  defineNetwork,
  type Net,
  type NetName,
  type NetworkReads,
  type NetworkStage,
  z,
} from "../../plugin.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, type PreparedNets, prepareNets } from "../../src/run/prepare_nets.ts";
import { forEachEngine } from "../support/engines.ts";
import { withFiles } from "../support/problems.ts";

const table = new Table({
  number: vectorFromArray([0.5, 1, 2, 3], undefined),
  mixed: vectorFromArray(["0.5", "NA", "-3.0", "2.5"], new Utf8()),
  city: vectorFromArray(["Oslo", "Bergen", "Oslo", "Bergen"], new Utf8()),
  code: vectorFromArray([3, 1, 3, 2], new Int32()),
  at: vectorFromArray([1.7e12, 1.7e12 + 1000, 0, 5], new TimestampMillisecond()),
  y: vectorFromArray([0, 1, 0, 1], new Int32()),
});

/** Nets on some features, which they take for numbers. */
function naive(names: readonly string[], reads?: NetworkReads): NetworkStage {
  return defineNetwork({
    name: "naive",
    summary: "Linear nets on some features.",
    ...(reads && { reads }),
    options: z.object({}),
    create(_options, { units, nets, variables }) {
      const net = (owner: NetName): Net => {
        const kernel = variables.add({
          name: owner,
          shape: [1, units],
          initializer: { kind: "constant", value: 1 },
          owner,
        });
        return (features, scope) => {
          const all = names.map((name) => tf.reshape(features[name]!.toFloat(), [-1, 1]));
          return { logits: tf.matMul(tf.addN(all), scope.read(kernel)) };
        };
      };
      return nets.includes("booster")
        ? { light: net("light"), booster: net("booster") }
        : { light: net("light") };
    },
  });
}

interface Parts {
  readonly features: Record<string, unknown>;
  readonly network: unknown;
  readonly transforms?: unknown[];
}

/** Builds the nets of a pipeline. */
async function prepare({ features, network, transforms = [] }: Parts): Promise<PreparedNets> {
  const files = { "rows.arrow": tableToIPC(table, "file") as Uint8Array<ArrayBuffer> };
  return await withFiles(files, async (folder) => {
    const source = { use: "arrow", path: join(folder, "rows.arrow") };
    const plan = await readPlan({
      name: "meaning",
      data: {
        train: source,
        test: source,
        features,
        label: { column: "y", kind: "binary" },
        transforms,
      },
      network,
      losses: ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on })),
      optimizer: { use: "sgd", learningRate: 1 },
      train: { epochs: 1, batch: 4 },
    } as unknown as Pipeline);
    const data = await prepareData(plan);
    try {
      return prepareNets(plan, data, netsOf(plan));
    } finally {
      await data.close();
    }
  });
}

forEachEngine(
  "mlp refuses all features that are not numbers together, with hints",
  async () => {
    const error = await assertRejects(
      () =>
        prepare({
          features: {
            number: {},
            mixed: {},
            city: {},
            known: { column: "code", ids: "train" },
            plain: { column: "code", dtype: "int32" },
            at: {},
          },
          network: { use: "mlp" },
        }),
      UserError,
    );
    assertEquals(error.exitCode, 2);
    assertEquals(
      error.problems.map(({ message }) => message),
      [
        'the feature mixed holds text (row 1 of rows.arrow (train split), column mixed: "NA"), but the network mlp reads numbers',
        'the feature city holds text (row 0 of rows.arrow (train split), column city: "Oslo"), but the network mlp reads numbers',
        "the feature known holds ids, but the network mlp reads numbers",
        "the feature plain holds ids (int32), but the network mlp reads numbers",
        "the feature at holds times in seconds since 1970, which float32 rounds to minutes, but the network mlp reads numbers",
      ].map((message) =>
        message.replaceAll("rows.arrow", /row 1 of (.*?) \(/.exec(error.message)![1]!)
      ),
    );
    assertStringIncludes(error.problems[0]!.hint!, "if NA means that a number is missing");
    assert(!error.problems[1]!.hint!.includes("missing"));
  },
);

forEachEngine("mlp accepts the features after each hint is followed", async () => {
  const oneHot = (feature: string) => ({ use: "one-hot", feature });
  const { shapes } = await prepare({
    features: {
      city: {},
      known: { column: "code", ids: "train" },
      plain: { column: "code" },
      at: {},
    },
    transforms: [oneHot("city"), oneHot("known"), { use: "normalize", feature: "at" }],
    network: { use: "mlp" },
  });
  assertEquals(shapes["light.logits"], [1]);
});

forEachEngine("a plugin's network that reads only numbers receives no ids", async () => {
  const features = { number: {}, city: {} };
  const error = await assertRejects(
    () => prepare({ features, network: { use: naive(["number", "city"]) } }),
    UserError,
  );
  assertStringIncludes(error.message, "the feature city holds text");
  assertStringIncludes(error.message, "but the network naive reads numbers");
  // What the nets do not read is no matter.
  await prepare({ features, network: { use: naive(["number"]) } });
  await prepare({ features, network: { use: naive(["number", "city"], "numbers and ids") } });
});

forEachEngine(
  "a network that reads ids receives no timestamps that float32 would round",
  async () => {
    const parts = { features: { at: {}, city: {} }, network: { use: "ctr", embedding: 2 } };
    await assertRejects(() => prepare(parts), UserError, "the feature at holds times");
    await prepare({ ...parts, transforms: [{ use: "normalize", feature: "at" }] });
  },
);
