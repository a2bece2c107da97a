import { join } from "node:path";
import {
  type EpochEvent,
  EVENT_NAMES,
  type Metrics,
  type Result,
  type RunEvents,
  type RunStartEvent,
  type Snapshot,
  type SnapshotTensor,
} from "../stages/events.ts";
import type { Output, OutputStage } from "../stages/output.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import { normalValues, randomFor } from "./samples.ts";
import type { Subject } from "./subject.ts";
import { tensorCount } from "./tensors.ts";

/** An event and the name of its hook. */
type NamedEvent = {
  readonly [Name in keyof RunEvents]: readonly [name: Name, event: RunEvents[Name]];
}[keyof RunEvents];

/**
 * Checks an output: it must use valid hook names, handle the events of whole runs without changing
 * them, write only into the run folder, and leave no tensors behind.
 *
 * @param subject The output.
 */
export async function checkOutput(subject: Subject<OutputStage>): Promise<void> {
  const { findings } = subject;
  const parent = await Deno.makeTempDir({ prefix: "rocket-output-" });
  const tensors = tensorCount();
  const around = await names(Deno.cwd());
  try {
    const runs = [
      ["ends-well", endsWell()],
      ["fails", fails()],
      ["goes-on", goesOn()],
    ] as const;
    for (const quiet of [true, false]) {
      for (const [name, events] of runs) {
        const folder = join(parent, `${name}${quiet ? "-quiet" : ""}`);
        await Deno.mkdir(folder);
        await silently(() => tryRun(subject, { folder, quiet }, events));
      }
    }
    const expected = runs.flatMap(([name]) => [name, `${name}-quiet`]);
    expectNoNew("the folder above the run folder", expected, await names(parent), findings);
    expectNoNew("the current folder", around, await names(Deno.cwd()), findings);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
  subject.expectAccepted();
  const left = tensorCount() - tensors;
  if (left > 0) findings.add("leaves no tensors behind", "whole runs", `${left} tensors left over`);
}

async function tryRun(
  subject: Subject<OutputStage>,
  context: { folder: string; quiet: boolean },
  events: readonly NamedEvent[],
): Promise<void> {
  const { findings } = subject;
  const output = subject.create(context, "an output");
  if (!output || !expectHooks(output, findings)) return;
  for (const [name, event] of events) {
    const copy = plainCopy(event);
    const call = output[name] as ((event: unknown) => void | Promise<void>) | undefined;
    if (!await findings.attemptAsync(`${name}()`, () => call?.call(output, event))) return;
    if (plainCopy(event) === copy) continue;
    findings.add("does not change events", `${name}()`, "it changed the event");
    return;
  }
}

function expectHooks(output: Output, findings: Findings): boolean {
  const bad = Object.entries(output).find(([name, hook]) =>
    !(EVENT_NAMES as readonly string[]).includes(name) ||
    (hook !== undefined && typeof hook !== "function")
  );
  if (!bad) return true;
  const [name, hook] = bad;
  findings.add(
    `has only known hooks (${EVENT_NAMES.join(", ")})`,
    "an output",
    typeof hook === "function" ? `${name}()` : `${describeValue(hook)} as ${name}`,
  );
  return false;
}

/** Copies all data of an event. */
function plainCopy(event: unknown): string {
  return JSON.stringify(
    event,
    (_key, value) => value instanceof Error ? `${value.name}: ${value.message}` : value,
  );
}

function expectNoNew(
  where: string,
  before: readonly string[],
  now: readonly string[],
  findings: Findings,
): void {
  const added = now.filter((name) => !before.includes(name));
  if (added.length === 0) return;
  findings.add("writes only into the run folder", where, `it wrote ${added.join(", ")}`);
}

async function names(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names;
}

/** Keeps the output's text out of the test's own output. */
async function silently(run: () => Promise<void>): Promise<void> {
  const { log, error, info, warn } = console;
  const ignore = () => {};
  Object.assign(console, { log: ignore, error: ignore, info: ignore, warn: ignore });
  try {
    await run();
  } finally {
    Object.assign(console, { log, error, info, warn });
  }
}

const warning: NamedEvent = ["warning", {
  message: "the class 7 has no training rows",
  place: { file: "pipeline.yaml", line: 9, column: 3 },
  hint: "add rows of it",
}];

const epochs = 2, stepsPerEpoch = 3;

/** No checkpoint is written in these checks. */
const checkpoint = () => {};

function endsWell(): NamedEvent[] {
  return [warning, ...job("rocket"), ...job("light-alone"), ["runEnd", { result: result() }]];
}

function fails(): NamedEvent[] {
  return [...job("rocket").slice(0, 3), ["failure", { error: new Error("the disk is full") }]];
}

/** The events of a run that stopped in its second epoch and was resumed. */
function goesOn(): NamedEvent[] {
  const [first, ...events] = job("rocket");
  const start = first![1] as RunStartEvent;
  const later = events.filter(([, event]) => !("epoch" in event) || event.epoch > 1);
  const resumed = { epochs: 1, step: stepsPerEpoch, checkpoint: "checkpoints/rocket-000003" };
  return [["runStart", { ...start, resumed }], ...later, ["runEnd", { result: result() }]];
}

/** The events of one job's training. */
function job(job: RunStartEvent["job"]): NamedEvent[] {
  const both = job === "rocket";
  const nets = both ? ["light", "booster"] as const : ["light"] as const;
  const losses: Record<string, number> = both
    ? { "cross-entropy(light)": 0.9, "cross-entropy(booster)": 0.7, "mse-hint(booster→light)": 0.4 }
    : { "cross-entropy(light)": 0.9 };
  const metrics: Metrics = both
    ? { "light/accuracy": 0.5, "booster/accuracy": 0.625, agreement: 0.75 }
    : { "light/accuracy": 0.5 };
  const events: NamedEvent[] = [["runStart", {
    job,
    name: "checked",
    engine: "wasm",
    precision: "float32",
    seed: 1,
    nets,
    parameters: both ? { light: 130, booster: 1290 } : { light: 130 },
    epochs,
    stepsPerEpoch,
    rows: { train: 24, validation: 8, test: 8 },
  }]];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let index = 1; index <= stepsPerEpoch; index++) {
      const step = (epoch - 1) * stepsPerEpoch + index;
      events.push(["step", {
        job,
        epoch,
        step,
        learningRate: 0.1,
        loss: 1.6 / step,
        losses,
        gradientNorm: 1 / step,
        skipped: false,
        checkpoint,
      }]);
    }
    const at = { job, epoch, step: epoch * stepsPerEpoch, seconds: epoch * 1.25 };
    const splits: Record<string, Metrics> = {
      train: { loss: 1.6 / epoch, ...losses },
      validation: metrics,
      test: metrics,
    };
    for (const [split, metrics] of Object.entries(splits)) {
      events.push(["evaluation", { ...at, split, metrics }]);
    }
    const event: EpochEvent = {
      ...at,
      metrics: splits,
      best: epoch === 1,
      snapshot: () => Promise.resolve(snapshot(both)),
      checkpoint,
    };
    events.push(["epoch", event]);
  }
  return events;
}

function snapshot(both: boolean): Snapshot {
  const tensor = (name: string, shape: number[], owner: SnapshotTensor["owner"]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return [name, { shape, values: normalValues(randomFor(name), length), owner }] as const;
  };
  const light = [
    tensor("light/head/kernel", [4, 3], "light"),
    tensor("light/head/bias", [3], "light"),
    tensor("optimizer/momentum/light/head/kernel", [4, 3], "light"),
  ];
  const booster = [
    tensor("bottom/kernel", [6, 4], "shared"),
    tensor("booster/head/kernel", [4, 3], "booster"),
  ];
  return { tensors: new Map(both ? [...light, ...booster] : light) };
}

function result(): Result {
  const test: Readonly<Record<string, Metrics>> = {
    light: { accuracy: 0.5 },
    booster: { accuracy: 0.625 },
  };
  const best: Result["best"] = {
    epoch: 1,
    split: "validation",
    metric: "light/accuracy",
    value: 0.5,
    test,
  };
  return {
    name: "checked",
    engine: "wasm",
    precision: "float32",
    seed: 1,
    epochs,
    steps: epochs * stepsPerEpoch,
    skipped: 0,
    seconds: 2.5,
    input: { rowsPerSecond: 1000, waitingShare: 0.01 },
    test,
    best,
    parameters: { light: 130, booster: 1290 },
    gradients: [
      { loss: "cross-entropy(light)", norms: { light: 0.5, booster: 0, shared: 0.25 } },
      { loss: "mse-hint(booster→light)", norms: { light: 0.125, booster: 0, shared: 0.0625 } },
    ],
    baseline: {
      skipped: 0,
      epochs: 2,
      seconds: 1.5,
      input: { rowsPerSecond: 1000, waitingShare: 0.02 },
      test: { light: { accuracy: 0.5 } },
      best: { ...best, test: { light: { accuracy: 0.5 } } },
      parameters: { light: 130 },
    },
  };
}
