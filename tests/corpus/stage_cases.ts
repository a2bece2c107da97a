import { arrowFile } from "./small_rows.ts";
import { type CommandCase, inPipeline, ofRows } from "./rows_pipeline.ts";

/**
 * Stages of each kind that do not keep to their contract in the way that they are told, and do with
 * `how: good`.
 */
const code = `
import {
  defineGradient, defineLoss, defineMetric, defineNetwork, defineOptimizer, defineOutput, defineSource,
  defineTransform, tf, z,
} from "@rocket-launching/rocket/plugin";
import arrow from "ARROW";

const options = z.object({ how: z.string() });
const about = { summary: "Breaks.", options };
const as = (how, broken, good) => Object.hasOwn(broken, how) ? broken[how]() : good();

export const source = defineSource({
  ...about, name: "broken-source",
  create: ({ how }, context) => ({
    async open(request) {
      const opened = await arrow.create({ path: "rows.arrow" }, context).open(request);
      const { schema, fingerprint } = opened;
      const batches = (change) => async function* () {
        for await (const batch of opened.recordBatches()) yield change(batch);
      };
      const given = { schema, fingerprint, recordBatches: batches((batch) => batch) };
      return as(how, {
        nothing: () => ({}),
        noColumns: () => ({ ...given, schema: new schema.constructor([]) }),
        fewer: () => ({ ...given, rows: async (numbers) => {
          for await (const batch of opened.recordBatches()) return batch.slice(0, numbers.length - 1);
        } }),
        less: () => ({ ...given, recordBatches: batches((batch) => batch.select(["y"])) }),
        rowCounts: () => ({
          ...given, rowCounts: [3001],
          recordBatch: async () => { for await (const batch of opened.recordBatches()) return batch; },
        }),
      }, () => given);
    },
  }),
});

export const transform = defineTransform({
  ...about, name: "broken-transform",
  create: ({ how }, { features }) => {
    const good = { features, apply: (batch) => batch };
    const other = (feature) => ({ ...good, apply: (batch) => ({ ...batch, features: { n: feature(batch) } }) });
    return as(how, {
      nothing: () => ({}),
      measured: () => ({ ...good, measure: () => 1n, restore() {} }),
      label: () => ({ ...good, apply: ({ label, ...batch }) => batch }),
      dtype: () => other((batch) => ({
        ...batch.features.n, values: Int32Array.from(batch.features.n.values),
      })),
      shape: () => ({
        features: { n: { ...features.n, shape: [2] } },
        apply: (batch) => ({ ...batch, features: { n: {
          ...batch.features.n, shape: [2], values: new Float32Array(2 * batch.size),
        } } }),
      }),
    }, () => good);
  },
});

export const network = defineNetwork({
  ...about, name: "broken-network", batchNorm: false,
  create: ({ how }, { nets, variables, units, features }) => {
    const wide = how === "units" ? units + 1 : units;
    const made = nets.map((owner) => {
      const kernel = variables.add({
        name: owner + "/kernel", shape: [1, wide], owner,
        initializer: { kind: "constant", value: 1 },
        ...how === "axes" && { axes: [{ features: ["n", "n"] }, "units"] },
      });
      return [owner, (features, scope) => as(how, {
        logits: () => ({ output: scope.read(kernel) }),
      }, () => ({
        logits: tf.matMul(features.n.reshape([-1, 1]), scope.read(kernel)),
      }))];
    });
    return as(how, { nothing: () => ({}) }, () => Object.fromEntries(made));
  },
});

export const statistics = defineNetwork({
  ...about, name: "silent-network",
  create: ({ how }, { nets, variables, units }) => Object.fromEntries(nets.map((owner) => {
    const kernel = variables.add({
      name: owner + "/kernel", shape: [1, units], owner, trainable: how === "good",
      initializer: { kind: "constant", value: 1 },
    });
    return [owner, (features, scope) => ({
      logits: tf.matMul(features.n.reshape([-1, 1]), scope.read(kernel)),
    })];
  })),
});

export const loss = defineLoss({
  ...about, name: "broken-loss", form: "task",
  create: ({ how }) => as(how, { nothing: () => undefined }, () => (output) => tf.mean(output, -1)),
});

export const gradient = defineGradient({
  ...about, name: "broken-gradient",
  create: ({ how }) => as(how, { nothing: () => [] }, () => [{ from: 1, to: 1, shared: 1 }]),
});

export const optimizer = defineOptimizer({
  ...about, name: "broken-optimizer", slots: {},
  create: ({ how }) => as(how, { nothing: () => undefined }, () => ({ value, slots }) => ({ value, slots })),
});

export const slots = defineOptimizer({
  ...about, name: "broken-slots", slots: { momentum: NaN },
  create: () => ({ value, slots }) => ({ value, slots }),
});

export const metric = defineMetric({
  ...about, name: "broken-metric",
  create: ({ how }) => as(how, { nothing: () => ({}) }, () => ({
    start: () => ({
      add() {},
      value: () => how === "several" ? { one: 1, two: 2 } : how === "list" ? [1] : 1,
    }),
  })),
});

export const newer = { ...metric, rocket: "^99.1" };
`;

/** Stages of others that the nets and rows of a pipeline cannot be made of. */
export function* stageCases(): Iterable<CommandCase> {
  const arrow = new URL("../../plugins/sources/arrow.ts", import.meta.url).href;
  const files = { "stages.ts": code.replace("ARROW", arrow) };
  const one = (
    name: string,
    stage: string,
    how: string,
    words: readonly string[],
    id: string,
    code: 1 | 2 = 1,
  ): CommandCase => {
    const use = (more = "") => `{ use: "./stages.ts#${stage}", how: ${how}${more} }`;
    const fitting = {
      source: { source: use() },
      transform: { transforms: `[${use()}]` },
      network: { network: use() },
      statistics: { network: use() },
      loss: { losses: `[${use(", on: light")}]` },
      gradient: {
        losses: "[{ use: binary-cross-entropy, on: light }, " +
          "{ use: binary-cross-entropy, on: booster }, " +
          `{ use: mse-hint, gradient: ${use()} }]`,
      },
      optimizer: { optimizer: use(", learningRate: 0.1") },
      slots: { optimizer: use(", learningRate: 0.1") },
      metric: { metrics: `[${use()}]` },
      newer: { metrics: `[${use()}]` },
    }[stage];
    const mended = stage === "slots"
      ? inPipeline("#slots", "#optimizer")
      : stage === "newer"
      ? inPipeline("#newer", "#metric")
      : inPipeline(`how: ${how}`, "how: good");
    return {
      ...ofRows(name, code, words, { features: "{ n: }", ...fitting, files }, { [id]: mended }),
      name: `contracts: ${name}`,
    };
  };
  yield one("a source of nothing", "source", "nothing", ["from open()"], "source/open");
  yield one(
    "a stage for another version of Rocket",
    "newer",
    "good",
    ["the metric stage broken-metric", "works with Rocket ^99.1, but this is Rocket"],
    "stage/rocket",
    2,
  );
  yield one("a source without columns", "source", "noColumns", ["no columns"], "column/none", 2);
  yield one(
    "a source that leaves out a column",
    "source",
    "less",
    ["which its schema declares"],
    "source/schema",
  );
  const count = 3000;
  const many = arrowFile({
    n: ["float", Array.from({ length: count }, (_, row) => row / count)],
    y: ["int", Array.from({ length: count }, (_, row) => row % 2)],
  });
  const streamed = (one: CommandCase): CommandCase => {
    const text = String(one.files!["p.yaml"]).replace("  features:", "  memory: 10kB\n  features:");
    return { ...one, files: { ...one.files, "p.yaml": text, "rows.arrow": many } };
  };
  yield streamed(
    one(
      "a source that counts more rows than there are",
      "source",
      "rowCounts",
      ["set rowCounts to the number of rows"],
      "source/row-counts",
    ),
  );
  yield streamed(
    one(
      "a source that gives fewer rows than before",
      "source",
      "fewer",
      ["do not write to files"],
      "source/unchanged",
    ),
  );
  yield one(
    "a transform of nothing",
    "transform",
    "nothing",
    ["{ features, apply"],
    "transform/create",
  );
  yield one(
    "a transform that measures a bigint",
    "transform",
    "measured",
    ["plain numbers"],
    "transform/measured",
  );
  yield one(
    "a transform without the label",
    "transform",
    "label",
    ["without the label"],
    "transform/label",
  );
  yield one("a transform of another type", "transform", "dtype", ["Int32Array"], "transform/dtype");
  yield {
    ...one(
      "augmentation of another shape",
      "transform",
      "shape",
      ["the same features"],
      "transform/shapes",
    ),
    ...(() => {
      const own = one("", "transform", "shape", [], "transform/shapes");
      const text = String(own.files!["p.yaml"]).replace("how: shape", "how: shape, on: training");
      return { files: { ...own.files, "p.yaml": text } };
    })(),
  };
  yield one("a network of nothing", "network", "nothing", ["{ light, booster }"], "network/create");
  yield one(
    "a network without logits",
    "network",
    "logits",
    ["from the function of each net"],
    "network/logits",
  );
  yield one(
    "a network of more logits",
    "network",
    "units",
    ["as many logits as `units`"],
    "network/units",
  );
  yield one("a network of other axes", "network", "axes", ["docs/plugins.md"], "network/axes");
  yield one(
    "a network with silent statistics",
    "statistics",
    "bad",
    ["batchNorm: true"],
    "network/batch-norm",
  );
  yield one("a loss of nothing", "loss", "nothing", ["function of two tensors"], "loss/create");
  yield one(
    "a gradient of no passes",
    "gradient",
    "nothing",
    ["{ from, to, shared }"],
    "gradient/create",
  );
  yield one(
    "an optimizer of nothing",
    "optimizer",
    "nothing",
    ["to { value, slots }"],
    "optimizer/create",
  );
  yield one(
    "an optimizer of a slot that is no number",
    "slots",
    "bad",
    ["{ momentum: 0 }"],
    "optimizer/slots",
  );
  yield one("a metric of nothing", "metric", "nothing", ["the method start()"], "metric/create");
  yield one("a metric of several values that says it has one", "metric", "several", [
    'values: "several"',
  ], "metric/several");
  yield one(
    "a metric whose value is a list",
    "metric",
    "list",
    ["undefinedMetric"],
    "metric/value",
  );
}
