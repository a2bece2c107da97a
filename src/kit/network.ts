import * as tf from "@tensorflow/tfjs";
import { deriveSeed } from "../base/random.ts";
import {
  type BuiltNets,
  type NetName,
  type NetworkReads,
  type NetworkStage,
  type Outputs,
  readsOf,
  type Variable,
} from "../stages/network.ts";
import { Forward } from "../train/forward.ts";
import { gradientsOf } from "../train/gradients.ts";
import type { Lookups } from "../train/lookups.ts";
import { describeValue } from "../base/describe_value.ts";
import { axisProblem, type Meaning } from "../run/model/axes.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../train/variables.ts";
import type { Findings } from "./findings.ts";
import {
  counted,
  featureColumn,
  type FeaturesSample,
  featuresSamples,
  type LabelSample,
  labelSamples,
  normalValues,
  randomFor,
} from "./samples.ts";
import type { Subject } from "./subject.ts";
import { distance, notFinite, openEngines, shapeText, watched } from "./tensors.ts";

/** A network that was built for a sample. */
interface Build {
  readonly pair: BuiltNets;
  readonly registry: DeclaredVariables;
  readonly variables: readonly Variable[];
  readonly units: number;
  readonly sample: FeaturesSample;
  /** A description of the sample. */
  readonly asked: string;
  /** The kinds of features that its nets can read. */
  readonly reads: NetworkReads;
}

/** A forward pass to check. */
interface Pass {
  readonly net: NetName;
  readonly training: boolean;
  readonly seed: number;
  /** The rows of the sample to use. */
  readonly rows: readonly [from: number, to: number];
}

/** The results of a forward pass, as plain numbers. */
interface PassResult {
  readonly outputs: ReadonlyMap<string, Float32Array>;
  readonly logits: Float32Array;
  readonly updates: ReadonlyMap<string, Float32Array>;
}

const rows = 4;

/**
 * Checks a network: it must build the light net both alone and with its booster, set the owner of
 * each variable (`light`, `booster`, or `shared`) correctly, and return logits of the right shape.
 * Gradients must reach the intended variables and no others, and the forward pass must be a pure
 * function.
 *
 * @param subject The network.
 */
export async function checkNetwork(subject: Subject<NetworkStage>): Promise<void> {
  const { checks, findings } = subject;
  const [label, ...otherLabels] = labelSamples(checks) as [LabelSample, ...LabelSample[]];
  const binary = otherLabels.find(({ spec }) => spec.kind === "binary");
  const builds: { alone: Build; both: Build }[] = [];
  for (const sample of featuresSamples(checks)) {
    for (const one of binary ? [label, binary] : [label]) {
      const alone = build(subject, sample, one, ["light"]);
      const both = alone && build(subject, sample, one, ["light", "booster"]);
      if (!both) continue;
      compareBuilds(alone, both, findings);
      builds.push({ alone, both });
    }
  }
  subject.expectAccepted();
  for await (const engine of openEngines(checks)) {
    for (const { alone, both } of builds) {
      const light = tryBuild(alone, ["light"], engine, findings);
      const pair = tryBuild(both, ["light", "booster"], engine, findings);
      if (!light || !pair || distance(light, pair) < 1e-4) continue;
      findings.add(
        "computes the same light net with and without the booster",
        `${both.asked} on ${engine}`,
        "the light net's logits differ from those of the light net alone",
      );
    }
  }
}

function build(
  subject: Subject<NetworkStage>,
  sample: FeaturesSample,
  { spec, units, name }: LabelSample,
  nets: readonly NetName[],
): Build | undefined {
  const { findings } = subject;
  const asked = `${nets.join(" and ")} net on ${sample.name} with ${name}`;
  const registry = new DeclaredVariables();
  const { features } = sample;
  const pair = subject.create({ features, label: spec, units, nets, variables: registry }, asked);
  if (pair === undefined) return undefined;
  for (const net of nets) {
    if (typeof pair[net] === "function") continue;
    findings.add(
      `returns the requested nets`,
      asked,
      `${describeValue(pair[net])} as ${net}`,
    );
    return undefined;
  }
  const variables = registry.all;
  const meaning = {
    features: Object.entries(features).map(([name, spec]) => ({ name, spec })),
    inputs: Object.entries(features).map(([name, spec]) => ({ name, spec, of: [name] })),
    label: spec,
  };
  const sound = variables.map((variable) =>
    expectVariable(variable, nets, asked, findings) &&
    expectAxes(variable, meaning, asked, findings)
  );
  const { stage, checks } = subject;
  const reads = readsOf(stage, stage.options.parse(checks.options ?? {}));
  return sound.every(Boolean)
    ? { pair, registry, variables, units, sample, asked, reads }
    : undefined;
}

function expectVariable(
  { name, shape, initializer, owner, trainable }: Variable,
  nets: readonly NetName[],
  asked: string,
  findings: Findings,
): boolean {
  const bad = (promise: string, got: string) => {
    findings.add(promise, asked, got);
    return false;
  };
  if (!["light", "booster", "shared"].includes(owner)) {
    return bad(
      "sets the owner of each variable to light, booster, or shared",
      `the owner of ${name} is ${describeValue(owner)}`,
    );
  }
  if (owner === "booster" && !nets.includes("booster")) {
    return bad(
      "declares no variables of the booster if only the light net is requested",
      `${name} was declared`,
    );
  }
  if (!shape.every((size) => Number.isInteger(size) && size > 0)) {
    return bad("declares shapes of positive integers", `${name} has the shape ${shapeText(shape)}`);
  }
  if (typeof trainable !== "boolean") {
    return bad("sets `trainable` to true or false", `${name} has another value`);
  }
  const numbers = Object.values({ ...initializer, kind: 0 });
  if (
    !["constant", "normal", "uniform", "output bias"].includes(initializer.kind) ||
    !numbers.every(Number.isFinite)
  ) {
    return bad(
      "initializes variables with constant, normal, or uniform values, or as an output bias",
      `the initializer of ${name} is ${JSON.stringify(initializer)}`,
    );
  }
  return true;
}

/** Checks the declared axes of variables, by which later runs match weights. */
function expectAxes(
  { name, shape, axes = [] }: Variable,
  meaning: Meaning,
  asked: string,
  findings: Findings,
): boolean {
  const wrong = axes.flatMap((axis, index) => {
    const problem = axisProblem({ axis, size: shape[index]!, meaning });
    return problem === undefined
      ? []
      : [`axis ${index} of ${name} is declared as ${JSON.stringify(axis)}, but ${problem}`];
  });
  if (wrong.length === 0) return true;
  findings.add(
    "declares axes whose sizes match the ids, classes, or features that they represent",
    asked,
    wrong[0]!,
  );
  return false;
}

/**
 * Checks that the light net alone has the same variables as in the pair, so that both can be
 * compared and start with the same weights.
 */
function compareBuilds(alone: Build, both: Build, findings: Findings): void {
  for (const variable of alone.variables) {
    const other = both.variables.find(({ name }) => name === variable.name);
    const got = !other
      ? `${variable.name} is missing`
      : other.owner === "booster"
      ? `${variable.name} belongs to the booster`
      : shapeText(other.shape) !== shapeText(variable.shape)
      ? `${variable.name} has the shape ${shapeText(other.shape)} in the pair and ${
        shapeText(variable.shape)
      } in the light net alone`
      : JSON.stringify(other.initializer) !== JSON.stringify(variable.initializer)
      ? `${variable.name} has different initializers in the pair and in the light net alone`
      : other.trainable !== variable.trainable
      ? `${variable.name} is trainable only in the pair or only in the light net alone`
      : undefined;
    if (!got) continue;
    findings.add(
      "declares the same variables of the light net with and without the booster",
      both.asked,
      got,
    );
  }
}

/** Checks a build on an engine. Returns the light net's logits in evaluation. */
function tryBuild(
  build: Build,
  nets: readonly NetName[],
  engine: string,
  findings: Findings,
): Float32Array | undefined {
  const { features } = build.sample;
  const values = initialValues(build.variables, 1);
  const inputs = Object.fromEntries(
    Object.entries(features).map(([name, spec]) => {
      const { values, shape } = featureColumn(spec, rows, randomFor("feature", name));
      return [name, tf.tensor(values, [rows, ...shape], spec.dtype)];
    }),
  );
  const asked = `${build.asked} on ${engine}`;
  let light: Float32Array | undefined;
  for (const net of nets) {
    const logits = tryPasses(build, net, values, inputs, asked, findings);
    if (!logits) break;
    if (net === "light") light = logits;
  }
  if (light) checkReach(build, nets, values, inputs, asked, findings);
  if (light && nets.length > 1) checkGates(build, nets, values, inputs, asked, findings);
  tf.dispose([values, inputs]);
  return light;
}

/** Checks the forward passes of one net. Returns its logits in evaluation. */
function tryPasses(
  build: Build,
  net: NetName,
  values: TensorsByName,
  inputs: TensorsByName,
  asked: string,
  findings: Findings,
): Float32Array | undefined {
  const all = [0, rows] as const;
  const run = (pass: Omit<Pass, "net">) =>
    runPass(build, { net, ...pass }, values, inputs, asked, findings);
  const evaluation = run({ training: false, seed: 1, rows: all });
  const training = evaluation && run({ training: true, seed: 1, rows: all });
  if (!training) return undefined;

  for (
    const [mode, first, again] of [
      ["evaluation", evaluation, run({ training: false, seed: 1, rows: all })],
      ["training", training, run({ training: true, seed: 1, rows: all })],
    ] as const
  ) {
    if (!again || samePass(first, again)) continue;
    findings.add(
      "is a pure function: the same features, variables and seeds give the same outputs",
      `${net} in ${mode}, ${asked}`,
      "two passes differ",
    );
    return undefined;
  }
  const seeded = run({ training: false, seed: 2, rows: all });
  if (seeded && !samePass(evaluation, seeded)) {
    findings.add(
      "uses no random numbers in evaluation",
      `${net}, ${asked}`,
      "another seed gives different outputs",
    );
  }
  if (evaluation.updates.size > 0) {
    findings.add(
      "updates variables only in training",
      `${net} in evaluation, ${asked}`,
      `it updates ${[...evaluation.updates.keys()].join(", ")}`,
    );
  }
  const { units } = build;
  for (let row = 0; row < rows; row++) {
    const alone = run({ training: false, seed: 1, rows: [row, row + 1] });
    if (!alone) break;
    const together = evaluation.logits.subarray(row * units, (row + 1) * units);
    if (distance(alone.logits, together) < 1e-3) continue;
    findings.add(
      "treats rows independently in evaluation (with running statistics, not those of the batch)",
      `${net}, ${asked}`,
      "the logits of a row change when it is alone in the batch",
    );
    break;
  }
  if (build.registry.all.length > build.variables.length) {
    findings.add(
      "declares all variables in create()",
      `${net}, ${asked}`,
      `a forward pass declared ${build.registry.all.at(-1)!.name}`,
    );
    return undefined;
  }
  return evaluation.logits;
}

function samePass(a: PassResult, b: PassResult): boolean {
  return [[a.outputs, b.outputs], [a.updates, b.updates]].every(([one, other]) =>
    one!.size === other!.size &&
    [...one!].every(([name, values]) => distance(values, other!.get(name) ?? []) < 1e-5)
  );
}

function runPass(
  build: Build,
  { net, training, seed, rows: [from, to] }: Pass,
  values: TensorsByName,
  inputs: TensorsByName,
  where: string,
  findings: Findings,
): PassResult | undefined {
  const asked = `${net} in ${training ? "training" : "evaluation"} with ${
    counted(to - from, "row")
  }, ${where}`;
  const features = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, tf.slice(tensor, from, to - from)]),
  );
  const read = new Set<string>(), readFeatures = new Set<string>();
  const watchedInputs = { ...values, ...features };
  const result = watched(findings, asked, watchedInputs, () => {
    const inputs = recordReads(features, readFeatures);
    const forward = startForward(build, recordReads(values, read), inputs, training, seed);
    const outputs: unknown = forward.outputs(net);
    const numbers = expectOutputs(outputs, to - from, build.units, asked, findings);
    const updates = expectUpdates(build, net, forward, asked, findings);
    return numbers && updates && { outputs: numbers, logits: numbers.get("logits")!, updates };
  });
  tf.dispose(features);
  const ids = Object.entries(build.sample.features).find(([name, { dtype }]) =>
    dtype === "int32" && readFeatures.has(name)
  );
  if (ids && build.reads !== "numbers and ids") {
    findings.add(
      'reads numbers only, unless it is defined with reads: "numbers and ids"',
      asked,
      `it reads the feature ${ids[0]}, which contains ids`,
    );
    return undefined;
  }
  const foreign = build.variables.filter(({ name, owner }) =>
    read.has(name) && owner !== net && owner !== "shared"
  );
  if (foreign.length > 0) {
    const { name, owner } = foreign[0]!;
    findings.add(
      "reads only variables that the net owns or shares (variables that both nets read have the owner shared)",
      asked,
      `it reads ${name}, whose owner is ${owner}`,
    );
    return undefined;
  }
  return result;
}

function startForward(
  { pair }: Build,
  values: TensorsByName,
  features: TensorsByName,
  training: boolean,
  seed: number,
  lookup?: Lookups["lookup"],
): Forward {
  return new Forward(pair, {
    values,
    lookup,
    features,
    training,
    seed: (purpose) => tf.scalar(deriveSeed(seed, purpose) >> 1, "int32"),
  });
}

function recordReads(values: TensorsByName, read: Set<string>): TensorsByName {
  return new Proxy(values, {
    get(target, name) {
      read.add(String(name));
      return Reflect.get(target, name);
    },
  });
}

function expectOutputs(
  outputs: unknown,
  size: number,
  units: number,
  asked: string,
  findings: Findings,
): Map<string, Float32Array> | undefined {
  if (typeof outputs !== "object" || outputs === null || !("logits" in outputs)) {
    findings.add(
      "returns an object of outputs that includes logits",
      asked,
      describeValue(outputs),
    );
    return undefined;
  }
  const numbers = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(outputs)) {
    if (!(tensor instanceof tf.Tensor)) {
      findings.add(
        "returns outputs that are tensors",
        asked,
        `${describeValue(tensor)} as ${name}`,
      );
      return undefined;
    }
    const expected = name === "logits" ? [size, units] : [size, ...tensor.shape.slice(1)];
    if (shapeText(tensor.shape) !== shapeText(expected) || tensor.dtype !== "float32") {
      findings.add(
        "returns logits [batch, units] and feature maps [batch, ...] in float32",
        asked,
        `${name} of shape ${shapeText(tensor.shape)} in ${tensor.dtype}; expected ${
          shapeText(expected)
        }`,
      );
      return undefined;
    }
    const values = tensor.dataSync<"float32">().slice();
    const bad = notFinite(values);
    if (bad) {
      findings.add("has finite outputs", asked, `${name} contains ${bad}`);
      return undefined;
    }
    numbers.set(name, values);
  }
  return numbers;
}

function expectUpdates(
  { variables }: Build,
  net: NetName,
  { updates }: Forward,
  asked: string,
  findings: Findings,
): Map<string, Float32Array> | undefined {
  const numbers = new Map<string, Float32Array>();
  for (const [name, value] of updates) {
    const variable = variables.find((variable) => variable.name === name);
    const got = !variable
      ? `it updated ${name}, which was not declared`
      : variable.trainable
      ? `it updated ${name}, which is trainable`
      : variable.owner !== net && variable.owner !== "shared"
      ? `it updated ${name}, whose owner is ${variable.owner}`
      : !(value instanceof tf.Tensor)
      ? `it updated ${name} to ${describeValue(value)}`
      : shapeText(value.shape) !== shapeText(variable.shape)
      ? `it updated ${name} to a tensor of shape ${shapeText(value.shape)}; it has ${
        shapeText(variable.shape)
      }`
      : notFinite(value.dataSync());
    if (got) {
      findings.add(
        "updates only variables that are not trainable and that the net owns or shares",
        asked,
        got,
      );
      return undefined;
    }
    numbers.set(name, value.dataSync<"float32">().slice());
  }
  return numbers;
}

/** Lists the variables that the gradient of a net's outputs reaches. */
function reached(
  build: Build,
  values: TensorsByName,
  inputs: TensorsByName,
  asked: string,
  findings: Findings,
  compute: (forward: Forward) => Outputs,
): ReadonlyMap<string, Float32Array> | undefined {
  return watched(findings, asked, {}, () => {
    const { gradients, rows } = gradientsOf(build.variables, values, (lookup) => {
      const outputs = compute(startForward(build, values, inputs, true, 1, lookup));
      return tf.addN(Object.values(outputs).map(weightedSum)) as tf.Scalar;
    });
    return new Map(build.variables.flatMap(({ name }) => {
      const gradient = gradients[name] ?? rows.get(name)?.values;
      return gradient ? [[name, gradient.dataSync<"float32">().slice()] as const] : [];
    }));
  });
}

/** Sums an output with random weights, so that its parts do not cancel out. */
function weightedSum(output: tf.Tensor): tf.Scalar {
  const weights = normalValues(randomFor("weights"), output.size);
  return tf.sum(tf.mul(output, tf.tensor(weights, output.shape)));
}

/**
 * Checks that each net's gradient reaches the variables that the net owns or shares, and no others.
 */
function checkReach(
  build: Build,
  nets: readonly NetName[],
  values: TensorsByName,
  inputs: TensorsByName,
  asked: string,
  findings: Findings,
): void {
  for (const net of nets) {
    const at = `the gradient of the ${net} net's outputs, ${asked}`;
    const found = reached(build, values, inputs, at, findings, (forward) => forward.outputs(net));
    if (!found) return;
    for (const { name, owner, trainable } of build.variables) {
      if (!trainable) continue;
      const gradient = found.get(name);
      const bad = gradient && notFinite(gradient);
      if (bad) {
        findings.add(
          "has finite gradients",
          at,
          `the gradient with respect to ${name} contains ${bad}`,
        );
      }
      if ((owner === net || owner === "shared") === Boolean(gradient)) continue;
      findings.add(
        "has a gradient for each variable that the net owns or shares, and for no other",
        at,
        `there is ${gradient ? "a" : "no"} gradient for ${name}, whose owner is ${owner}`,
      );
    }
  }
}

/**
 * Gradient policies act where shared variables are read, so the net must read them from the scope
 * that each call receives.
 */
function checkGates(
  build: Build,
  nets: readonly NetName[],
  values: TensorsByName,
  inputs: TensorsByName,
  asked: string,
  findings: Findings,
): void {
  const shared = build.variables.filter(({ owner, trainable }) => owner === "shared" && trainable);
  if (shared.length === 0) return;
  for (const net of nets) {
    const other = nets.find((one) => one !== net)!;
    const at = `the ${net} net with a policy that blocks shared variables, ${asked}`;
    const blocked = reached(build, values, inputs, at, findings, (forward) => {
      return forward.outputs(net, 0);
    });
    const passed = reached(build, values, inputs, at, findings, (forward) => {
      forward.outputs(net, 0);
      return forward.outputs(other, 1);
    });
    if (!blocked || !passed) return;
    for (const { name } of shared) {
      const got = blocked.has(name)
        ? `a gradient still reaches ${name}`
        : !passed.has(name)
        ? `the gradient of the ${other} net to ${name} is blocked as well`
        : undefined;
      if (!got) continue;
      findings.add(
        "reads shared variables from the scope of the current call, also within scope.shared()",
        at,
        got,
      );
      return;
    }
  }
}
