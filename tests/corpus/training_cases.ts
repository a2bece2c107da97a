import { dirname, join } from "node:path";
import { Float32, Int32, Table, tableToIPC, vectorFromArray } from "apache-arrow";
import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";

/** What a stage does when it is called for the third time. */
const faults = {
  good: "return good();",
  throws: "throw new Error('not now');",
  throwsText: "throw 'not now';",
  nothing: "return undefined;",
  null: "return null;",
  promise: "return Promise.resolve(good());",
  number: "return 3;",
  text: "return 'three';",
} as const;

/**
 * Stages of each kind that work, and fail at their third call: a transform's batch, a loss's step,
 * an optimizer's variable, a metric's batch, an output's event.
 */
const stages = `
import { defineLoss, defineMetric, defineOptimizer, defineOutput, defineTransform, tf, z } from "@rocket-launching/rocket/plugin";

const fault = (how, good, own = {}) => {
  if (own[how]) return own[how](good);
  switch (how) {
${Object.entries(faults).map(([how, code]) => `    case "${how}": ${code}`).join("\n")}
  }
  throw new Error("no such fault: " + how);
};
const options = z.object({ how: z.string() });
let calls = 0;

const withValues = (batch, change) => {
  const { x } = batch.features;
  return { ...batch, features: { x: { ...x, values: change(x.values) } } };
};

export const transform = defineTransform({
  name: "broken-transform", summary: "Breaks.", options,
  create: ({ how }, { features }) => {
    let calls = 0;
    return {
      features,
      apply: (batch) => ++calls <= 3 ? batch : fault(how, () => batch, {
        fewerRows: () => ({ ...batch, size: batch.size - 1 }),
        noFeatures: () => ({ ...batch, features: {} }),
        shorter: () => withValues(batch, (values) => values.subarray(1)),
        notFinite: () => withValues(batch, (values) => values.map(() => NaN)),
      }),
    };
  },
});

export const loss = defineLoss({
  name: "broken-loss", summary: "Breaks.", form: "task", options,
  create: ({ how }) => {
    let calls = 0;
    return (output, label) => {
      const good = () => tf.mean(tf.square(output), -1);
      return ++calls <= 3 ? good() : fault(how, good, {
        matrix: () => tf.square(output),
        notFinite: () => tf.mul(good(), NaN),
        slope: () => tf.mean(tf.sqrt(tf.mul(output, 0)), -1),
        leaks: () => tf.add(good(), tf.keep(tf.scalar(1))),
      });
    };
  },
});

export const optimizer = defineOptimizer({
  name: "broken-optimizer", summary: "Breaks.", options, slots: {},
  create: ({ how }) => {
    let calls = 0;
    return ({ value, gradient, slots, learningRate }) => {
      const good = () => ({ value: tf.sub(value, tf.mul(gradient, learningRate)), slots });
      return ++calls <= 3 ? good() : fault(how, good, {
        noValue: () => ({ slots }),
        scalar: () => ({ value: tf.scalar(1), slots }),
        notFinite: () => ({ value: tf.mul(value, NaN), slots }),
      });
    };
  },
});

export const metric = defineMetric({
  name: "broken-metric", summary: "Breaks.", options,
  create: ({ how }) => {
    let calls = 0;
    return {
      start: () => ({
        add: () => { if (++calls > 3 && how.startsWith("throws")) fault(how); },
        value: () => calls > 3 ? fault(how, () => 1, { number: () => 3n, list: () => [1] }) : 1,
      }),
    };
  },
});

export const output = defineOutput({
  name: "broken-output", summary: "Breaks.", options,
  create: ({ how }) => {
    if (how === "hollow") return undefined;
    let calls = 0;
    return { step: () => ++calls < 3 ? undefined : fault(how, () => 1, {
      rejects: () => Promise.reject(new Error("not now")),
      // An output may write in the run folder, and nowhere else.
      blocks: () => Deno.writeTextFileSync("run/checkpoints", ""),
      shrinks: () => Deno.truncateSync("run/a.arrow", 400),
      removes: () => Deno.removeSync("run/a.arrow"),
    }) };
  },
});
`;

/** Ids of the hints of stages that break their contract, and a way of each that prints it. */
const contracts: Readonly<Record<string, readonly [id: string, how: string][]>> = {
  transform: [
    ["transform/apply", "nothing"],
    ["transform/rows", "fewerRows"],
    ["transform/feature", "noFeatures"],
    ["transform/shape", "shorter"],
    ["transform/finite", "notFinite"],
  ],
  loss: [
    ["loss/value", "number"],
    ["broken/loss", "notFinite"],
    ["broken/slope", "slope"],
    ["stage/leak", "leaks"],
  ],
  optimizer: [["broken/weights", "notFinite"]],
};

/** Rows enough for several batches; the last ones may be bad. */
function rows(count: number, change: (row: number) => { x?: number; y?: number } = () => ({})) {
  const all = Array.from(
    { length: count },
    (_, row) => ({ x: row / count, y: row % 2, ...change(row) }),
  );
  return new Uint8Array(tableToIPC(
    new Table({
      x: vectorFromArray(all.map(({ x }) => x), new Float32()),
      y: vectorFromArray(all.map(({ y }) => y), new Int32()),
    }),
    "file",
  ));
}

/** The same rows as text with columns. */
function lines(count: number, change: (row: number) => { x?: string; y?: string } = () => ({})) {
  const all = Array.from({ length: count }, (_, row) => {
    const { x, y } = { x: `${row / count}`, y: `${row % 2}`, ...change(row) };
    return `${x},${y}\n`;
  });
  return new TextEncoder().encode(`x,y\n${all.join("")}`);
}

interface Parts {
  readonly weight?: number;
  readonly transforms?: string;
  readonly loss?: string;
  readonly optimizer?: string;
  readonly metrics?: string;
  readonly outputs?: string;
  readonly memory?: string;
  /** Where the training rows are. */
  readonly train?: string;
  readonly label?: string;
}

const pipelineOf = (
  { weight = 1, transforms, loss, optimizer, metrics, outputs, memory, train, label }: Parts,
) =>
  `name: bad
data:
  train: { use: ${train?.endsWith(".csv") ? "csv" : "arrow"}, path: ${train ?? "a.arrow"} }
  test: { use: arrow, path: test.arrow }
  features: { x: }
  label: ${label ?? "{ column: y, classes: 2 }"}
  transforms: [${transforms ?? ""}]
network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: cross-entropy, on: light, weight: ${weight} }${loss ? `, ${loss}` : ""}]
optimizer: ${optimizer ?? "{ use: sgd, learningRate: 0.1 }"}
metrics: [${metrics ?? "accuracy"}]
outputs: [${outputs ?? ""}]
train: { epochs: 4, batch: 16 }
${memory ? `# rows that do not fit are streamed\n` : ""}`.replace(
    "  transforms",
    memory ? `  memory: ${memory}\n  transforms` : "  transforms",
  );

const lineOf = { transform: 7, loss: 9, optimizer: 10, metric: 11, output: 12 } as const;

/** Pipelines that are right as far as `check` sees, and whose training has to fail. */
export function* trainingCases(folder: string): Iterable<Case> {
  const broken = Object.keys(faults).filter((how) => how !== "good");
  const kinds: Readonly<Record<keyof typeof lineOf, readonly string[]>> = {
    transform: [...broken, "fewerRows", "noFeatures", "shorter", "notFinite"],
    loss: [...broken, "matrix", "notFinite", "slope", "leaks"],
    optimizer: [...broken, "noValue", "scalar", "notFinite"],
    metric: [...broken, "list"],
    output: ["throws", "throwsText", "rejects"],
  };
  const good = rows(80);
  const inPipeline = (from: string, to: string): Mend => ({
    files: { "p.yaml": (text) => text.replace(from, to) },
  });
  let number = 0;
  const one = (
    name: string,
    parts: Parts,
    words: readonly string[],
    train: Uint8Array = good,
    test: Uint8Array = good,
    results = false,
    mended?: Case["mended"],
  ): Case => {
    const own = join(folder, String(number++));
    Deno.mkdirSync(own);
    Deno.writeTextFileSync(join(own, "stages.ts"), stages);
    const path = join(own, parts.train ?? "a.arrow");
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, train);
    Deno.writeFileSync(join(own, "test.arrow"), test);
    Deno.writeTextFileSync(join(own, "p.yaml"), pipelineOf(parts));
    return {
      name,
      args: ["run", "--engine", "wasm", "--quiet", "--out", "run", "p.yaml"],
      folder: own,
      expected: { code: 1, words, results },
      mended,
    };
  };
  for (const [kind, hows] of Object.entries(kinds) as [keyof typeof lineOf, string[]][]) {
    for (const how of hows) {
      const entry = `{ use: "./stages.ts#${kind}", how: "${how}"${
        kind === "loss" ? ", on: light" : kind === "optimizer" ? ", learningRate: 0.1" : ""
      } }`;
      const key = ["transform", "metric", "output"].includes(kind) ? `${kind}s` : kind;
      // Only a broken output lets a run come to its end.
      const words = [`p.yaml:${lineOf[kind]}:`], results = kind === "output";
      const hints = contracts[kind]?.filter(([, printing]) => printing === how) ?? [];
      const mended = Object.fromEntries(
        hints.map(([id]) => [id, inPipeline(`how: "${how}"`, `how: "good"`)]),
      );
      yield one(`${kind}: ${how}`, { [key]: entry }, words, good, good, results, mended);
    }
  }
  const output = (how: string) => `{ use: "./stages.ts#output", how: ${how} }`;
  yield one(
    "output: none",
    { outputs: output("hollow") },
    ["an object of hooks from create()"],
    good,
    good,
    false,
    {
      "output/create": inPipeline("how: hollow", "how: removes"),
    },
  );
  yield one(
    "output: a file in the way of checkpoints",
    { outputs: `${output("blocks")}, checkpoint` },
    ["make sure that the disk has space"],
  );
  yield one(
    "rates: weights that grow until their products are infinite",
    { optimizer: "{ use: sgd, learningRate: 1.0e+27 }" },
    ["the network's inputs are finite"],
    good,
    good,
    false,
    { "broken/network": inPipeline("1.0e+27", "0.1") },
  );
  yield one(
    "rates: gradients whose norm is infinite",
    { weight: 1e25 },
    ["although the gradients of each single loss are finite"],
    good,
    good,
    false,
    { "broken/norm": inPipeline("1e+25", "1") },
  );
  const late = (row: number) => row === 79;
  yield one("data: label out of its classes in the last batch", {}, [
    "p.yaml:6:",
    "row 79 of a.arrow (train split), column y: the label 7 is not a class; expected 0 or 1",
  ], rows(80, (row) => late(row) ? { y: 7 } : {}));
  yield one(
    "data: NaN in the last batch",
    {},
    ["p.yaml:5:", "row 79 of a.arrow (train split), column x: has NaN"],
    rows(80, (row) => late(row) ? { x: NaN } : {}),
  );
  yield one(
    "data: NaN in the last batch of the test split",
    {},
    [
      "row 79 of test.arrow (test split), column x: has NaN",
    ],
    good,
    rows(80, (row) => late(row) ? { x: NaN } : {}),
  );
  yield one("data: infinity in the last batch, streamed", { memory: "10kB" }, [
    "row 4999 of a.arrow (train split), column x: has Infinity",
  ], rows(5000, (row) => row === 4999 ? { x: Infinity } : {}));
  const train = "a.csv", streamed = { train, memory: "10kB" };
  yield one("data: CSV with a label out of its classes in the last line", { train }, [
    "p.yaml:6:",
    "row 79 of a.csv (train split), column y: the label 7 is not a class; expected 0 or 1",
  ], lines(80, (row) => late(row) ? { y: "7" } : {}));
  yield one("data: CSV with a number beyond float32 in the last line", { train }, [
    "p.yaml:5:",
    "the feature x has 1e+39 in row 79 of a.csv (train split), which is too large for float32",
    "`- { use: scale, by: 1e-9, feature: x }`",
  ], lines(80, (row) => late(row) ? { x: "1e39" } : {}));
  yield one("data: CSV with a label beyond float32", {
    train,
    label: "{ column: y, kind: number }",
  }, [
    "row 79 of a.csv (train split), column y: has -1e+40; 1 of 80 rows has a number that is not finite in float32",
  ], lines(80, (row) => late(row) ? { y: "-1e40" } : {}));
  yield one("data: CSV with a number beyond float64 in the last line", streamed, [
    'line 5001 of a.csv: "1e399" in the column x exceeds the range of float64',
  ], lines(5000, (row) => row === 4999 ? { x: "1e399" } : {}));
  yield one("data: CSV with nothing in the last line, streamed", streamed, [
    "row 4999 of a.csv (train split), column x: is null; 1 of 5000 rows has a null",
  ], lines(5000, (row) => row === 4999 ? { x: "" } : {}));
  yield one("data: CSV with a value too many in the last line, streamed", streamed, [
    "line 5001 of a.csv has 3 values; expected 2",
  ], lines(5000, (row) => row === 4999 ? { y: "1,1" } : {}));
  for (const how of ["shrinks", "removes"]) {
    yield one(
      `data: a file that an outsider ${how} after three steps`,
      {
        ...{ memory: "10kB", train: "run/a.arrow" },
        outputs: `{ use: "./stages.ts#output", how: ${how} }`,
      },
      [how === "removes" ? "a.arrow disappeared" : "a.arrow changed while it was being read"],
      rows(20_000),
    );
  }
}
