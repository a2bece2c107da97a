/**
 * What `new` writes: for each kind a small stage that works and says what to change.
 *
 * @module
 */

import type { StageKind } from "../stages/stage.ts";

/** The names of a new stage. */
export interface StageNames {
  /** The file, `my_hint.ts`. */
  readonly file: string;
  /** The stage's name, `my-hint`. */
  readonly name: string;
  /** The variable in the file, `myHint`. */
  readonly variable: string;
}

/** A new stage. */
export interface Template {
  /** The stage's module. */
  readonly stage: string;
  /** The checks that its test asks for, as source; none by default. */
  readonly checks?: string;
  /** The parts of a pipeline that use it, in the place of the usual ones. */
  readonly pipeline: Readonly<Partial<Record<keyof typeof usual, string>>>;
}

/** A pipeline on points in a plane, part by part; `ROWS` stands for the file of points. */
const usual = {
  train: `{ use: arrow, path: ROWS }`,
  test: `{ use: arrow, path: ROWS }`,
  transforms: `[]`,
  network: `{ use: mlp, shared: [16], light: [8], booster: [32] }`,
  hint: `{ use: mse-hint, from: booster.logits, to: light.logits, weight: 0.1 }`,
  optimizer: `{ use: adam, learningRate: 0.01 }`,
  metrics: `[accuracy]`,
  outputs: `[progress]`,
};

/** Where the file of points is named. */
const rows = "ROWS";

/**
 * The pipeline that uses a new stage.
 *
 * @param names The stage's names.
 * @param template The stage.
 * @param points The file of points.
 */
export function templatePipeline(
  { name }: StageNames,
  { pipeline }: Template,
  points: string,
): string {
  const part = { ...usual, ...pipeline };
  return `name: ${name}
seed: 1
data:
  train: ${part.train}
  test: ${part.test}
  features: { point: { shape: [2] } }
  label: cluster
  transforms: ${part.transforms}
network: ${part.network}
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - ${part.hint}
optimizer:${/^\n/.test(part.optimizer) ? "" : " "}${part.optimizer}
train: { epochs: 5, batch: 32 }
metrics: ${part.metrics}
outputs: ${part.outputs}
`.replaceAll(rows, points);
}

/**
 * Whether a pipeline of a template reads the file of points.
 *
 * @param template The stage.
 */
export function readsPoints({ pipeline }: Template): boolean {
  return pipeline.train === undefined;
}

/**
 * The test of a new stage.
 *
 * @param kind The kind.
 * @param names The stage's names.
 * @param template The stage.
 */
export function templateTest(
  kind: StageKind,
  { file, name, variable }: StageNames,
  { checks }: Template,
): string {
  const article = /^[aeiou]/.test(kind) ? "an" : "a";
  return `import { checkStage } from "@rocket-launching/rocket/testing";
import ${variable} from "./${file}";

Deno.test("${name} keeps the contract of ${article} ${kind}", async () => {
  await checkStage(${variable}${checks ? `, ${checks}` : ""});
});
`;
}

/** A stage of each kind, formatted as `deno fmt` does in a project of its own. */
export const templates: Readonly<Record<StageKind, (names: StageNames) => Template>> = {
  source: ({ file, name, variable }) => ({
    stage: `import {
  defineSource,
  type SourceStage,
  z,
} from "@rocket-launching/rocket/plugin";
import { tableFromArrays } from "npm:apache-arrow@21.2.0";

const ${variable}: SourceStage = defineSource({
  name: "${name}",
  summary: "Points in a plane, and in which half they are.",
  options: z.object({
    rows: z.int().positive().describe("How many points."),
  }),
  create: ({ rows }) => ({
    open() {
      const point = Array.from(
        { length: rows },
        (_, row) => [Math.sin(row), Math.cos(7 * row)],
      );
      const table = tableFromArrays({
        point,
        cluster: Int32Array.from(point, ([x]) => Number(x! > 0)),
      });
      return Promise.resolve({
        schema: table.schema,
        fingerprint: \`\${rows} points\`,
        async *recordBatches() {
          yield* table.batches;
        },
      });
    },
  }),
});
export default ${variable};
`,
    checks: "{ options: { rows: 100 } }",
    pipeline: {
      train: `{ use: ./${file}, rows: 300 }`,
      test: `{ use: ./${file}, rows: 100 }`,
    },
  }),
  transform: ({ file, name, variable }) => ({
    stage: `import {
  defineTransform,
  type TransformStage,
  UserError,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: TransformStage = defineTransform({
  name: "${name}",
  summary: "Adds uniform noise to a feature while training.",
  on: "training",
  options: z.object({
    feature: z.string().describe("The feature."),
    by: z.number().positive().default(0.1).describe("The greatest change."),
  }),
  create({ feature, by }, { features }) {
    if (!features[feature]) {
      throw new UserError(\`there is no feature \${feature}\`, {
        hint: \`the features are \${Object.keys(features).join(", ")}\`,
      });
    }
    return {
      features,
      apply(batch, { random }) {
        const column = batch.features[feature]!;
        const values = Float32Array.from(
          column.values,
          (value) => value + by * (2 * random.uniform() - 1),
        );
        return {
          ...batch,
          features: { ...batch.features, [feature]: { ...column, values } },
        };
      },
    };
  },
});
export default ${variable};
`,
    checks: `{ options: { feature: "image" } }`,
    pipeline: { transforms: `[{ use: ./${file}, feature: point, by: 0.2 }]` },
  }),
  network: ({ file, name, variable }) => ({
    stage: `import {
  defineNetwork,
  type Net,
  type NetName,
  type NetworkStage,
  ops,
  tf,
  type Variable,
  type VariableOwner,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: NetworkStage = defineNetwork({
  name: "${name}",
  summary:
    "One layer in common, then a head for each net; the booster has a layer more.",
  options: z.object({
    shared: z.int().positive().default(16).describe(
      "Units of the layer in common.",
    ),
    booster: z.int().positive().default(32).describe(
      "Units of the booster's own layer.",
    ),
  }),
  create(options, { features, units, nets, variables }) {
    const [feature] = Object.keys(features) as [string];
    const inputs = features[feature]!.shape.reduce(
      (product, size) => product * size,
      1,
    );
    const kernel = (
      name: string,
      from: number,
      to: number,
      owner: VariableOwner,
    ) =>
      variables.add({
        name,
        shape: [from, to],
        initializer: { kind: "normal", deviation: Math.sqrt(2 / from) },
        owner,
      });
    const pair = nets.includes("booster");
    const bottom = kernel(
      "bottom",
      inputs,
      options.shared,
      pair ? "shared" : "light",
    );
    const below: (...args: Parameters<Net>) => tf.Tensor = (features, scope) =>
      scope.shared("bottom", (scope) => {
        const flat = tf.reshape(features[feature]!, [-1, inputs]);
        return ops.relu(tf.matMul(flat, scope.read(bottom)));
      });
    const net = (
      owner: NetName,
      hidden: Variable | undefined,
      width: number,
    ): Net => {
      const head = kernel(\`\${owner}/head\`, width, units, owner);
      return (features, scope) => {
        const x = below(features, scope);
        const top = hidden ? ops.relu(tf.matMul(x, scope.read(hidden))) : x;
        return { logits: tf.matMul(top, scope.read(head)) };
      };
    };
    const light = net("light", undefined, options.shared);
    if (!pair) return { light };
    const hidden = kernel(
      "booster/hidden",
      options.shared,
      options.booster,
      "booster",
    );
    return { light, booster: net("booster", hidden, options.booster) };
  },
});
export default ${variable};
`,
    pipeline: { network: `{ use: ./${file}, booster: 24 }` },
  }),
  loss: ({ file, name, variable }) => ({
    stage: `import {
  defineLoss,
  type LossStage,
  tf,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: LossStage = defineLoss({
  name: "${name}",
  summary: "The absolute distance of two outputs, summed over their units.",
  form: "hint", // or "task", to compare an output with the label
  options: z.object({
    scale: z.number().positive().default(1).describe(
      "The factor on the distance.",
    ),
  }),
  create: ({ scale }) => (from, to) =>
    tf.mul(tf.sum(tf.abs(tf.sub(from, to)), -1), scale),
});
export default ${variable};
`,
    pipeline: {
      hint: `{ use: ./${file}, from: booster.logits, to: light.logits, scale: 0.5 }`,
    },
  }),
  gradient: ({ file, name, variable }) => ({
    stage: `import {
  defineGradient,
  type GradientStage,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: GradientStage = defineGradient({
  name: "${name}",
  summary: "Blocks the booster until a part of the run has passed.",
  options: z.object({
    after: z.number().min(0).max(1).default(0.5).describe(
      "The part of the run.",
    ),
  }),
  create: ({ after }) => [
    {
      from: ({ step, steps }) => (step < after * steps ? 0 : 1),
      to: 1,
      shared: 1,
    },
  ],
});
export default ${variable};
`,
    pipeline: {
      hint: `use: mse-hint
    weight: 0.1
    gradient: { use: ./${file}, after: 0.8 }`,
    },
  }),
  optimizer: ({ file, name, variable }) => ({
    stage: `import {
  defineOptimizer,
  type OptimizerStage,
  tf,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: OptimizerStage = defineOptimizer({
  name: "${name}",
  summary: "Moves by a decaying mean of the gradients.",
  options: z.object({
    decay: z.number().min(0).lt(1).default(0.9).describe(
      "What is kept of the mean in each step.",
    ),
  }),
  slots: { mean: 0 },
  create: ({ decay }) => ({ value, gradient, slots, learningRate }) => {
    const mean = tf.add(tf.mul(slots.mean, decay), tf.mul(gradient, 1 - decay));
    return { value: tf.sub(value, tf.mul(mean, learningRate)), slots: { mean } };
  },
});
export default ${variable};
`,
    pipeline: { optimizer: `{ use: ./${file}, learningRate: 0.1, decay: 0.8 }` },
  }),
  schedule: ({ file, name, variable }) => ({
    stage: `import {
  defineSchedule,
  type ScheduleStage,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: ScheduleStage = defineSchedule({
  name: "${name}",
  summary: "Falls to 0 as a power of what is left of the run.",
  options: z.object({
    power: z.number().positive().default(2).describe("The power."),
  }),
  create: ({ power }) => ({ step, steps }) => (1 - step / steps) ** power,
});
export default ${variable};
`,
    pipeline: {
      optimizer: `
  use: adam
  learningRate: 0.01
  schedule: { use: ./${file}, power: 1 }`,
    },
  }),
  metric: ({ file, name, variable }) => ({
    stage: `import {
  defineMetric,
  type MetricStage,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: MetricStage = defineMetric({
  name: "${name}",
  summary: "The greatest logit of all rows.",
  options: z.object({}),
  create: () => ({
    start() {
      let greatest = -Infinity;
      return {
        add({ outputs: { logits } }) {
          for (const logit of logits.values) {
            greatest = Math.max(greatest, logit);
          }
        },
        value: () => greatest,
      };
    },
  }),
});
export default ${variable};
`,
    pipeline: { metrics: `[accuracy, ./${file}]` },
  }),
  output: ({ file, name, variable }) => ({
    stage: `import {
  defineOutput,
  type OutputStage,
  writeFileWhole,
  z,
} from "@rocket-launching/rocket/plugin";

const ${variable}: OutputStage = defineOutput({
  name: "${name}",
  summary: "Writes the loss of each step as losses.csv.",
  options: z.object({}),
  create: (_options, { folder }) => {
    const lines = ["step,loss"];
    return {
      step: ({ job, step, loss }) => {
        if (job === "rocket") lines.push(\`\${step},\${loss}\`);
      },
      runEnd: () => {
        const text = lines.join("\\n") + "\\n";
        return writeFileWhole(
          \`\${folder}/losses.csv\`,
          new TextEncoder().encode(text),
        );
      },
    };
  },
});
export default ${variable};
`,
    pipeline: { outputs: `[progress, ./${file}]` },
  }),
};
