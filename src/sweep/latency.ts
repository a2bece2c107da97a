/**
 * How long light nets take to answer.
 *
 * @module
 */

import { openEngine } from "../engine/engine.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { restoreValues } from "../run/state_file.ts";
import { CheckpointStore } from "../run/folder/checkpoints.ts";
import { type CapturedInference, captureInference } from "../train/inference.ts";
import { prepareData } from "../input/prepare_data.ts";
import { netsOf, prepareNets } from "../run/prepare_nets.ts";
import { batchTensors } from "../train/tensors.ts";
import { initialValues, type TensorsByName } from "../train/variables.ts";
import { median } from "./statistics.ts";

/** A net whose latency is wanted. */
export interface TimedNet {
  /** The setting's key. */
  readonly setting: string;
  /** The plan of one of its runs. */
  readonly plan: Plan;
  /** The folder of that run. */
  readonly folder: string;
}

/** How latency was measured, and what it is. */
export interface Latency {
  /** The engine. */
  readonly engine: string;
  /** The rows of a call. */
  readonly batch: number;
  /** The median time of a call by the setting's key, in milliseconds. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Calls before the clock runs. */
const warmUp = 20;

/** How often nets take turns. */
const rounds = 50;

/** How long a turn lasts, in milliseconds, if a call is not longer. */
const turn = 20;

/**
 * Measures nets in alternation, on one thread, so that whatever else the machine does hits all
 * alike. An answer is timed from the features, on the engine, to logits that JavaScript can read.
 *
 * @param nets The nets.
 * @param batch The rows of a call: the first ones of the test split.
 * @param engine The engine.
 * @param report Takes lines for a person to read.
 * @throws {UserError} If the test split has fewer rows.
 */
export async function measureLatency(
  nets: readonly TimedNet[],
  batch: number,
  engine: "auto" | "native" | "wasm",
  report: (line: string) => void,
): Promise<Latency> {
  const { name } = await openEngine(engine, report, { threads: 1 });
  const timed: { setting: string; call: () => number; times: number[] }[] = [];
  for (const net of nets) {
    const answer = await answerOf(net, batch);
    const call = () => {
      const started = performance.now();
      answer();
      return performance.now() - started;
    };
    const first = Array.from({ length: warmUp }, call);
    timed.push({ setting: net.setting, call, times: first });
  }
  for (const net of timed) {
    net.times = [median(net.times)];
  }
  const calls = timed.map(({ times: [once] }) =>
    Math.max(1, Math.min(turn, Math.floor(turn / once!)))
  );
  for (const net of timed) net.times = [];
  for (let round = 0; round < rounds; round++) {
    // Who comes first changes, as the first one finds the caches of the last.
    for (const index of timed.keys()) {
      const at = (index + round) % timed.length, { call, times } = timed[at]!;
      for (let count = 0; count < calls[at]!; count++) times.push(call());
    }
  }
  return {
    engine: name,
    batch,
    milliseconds: Object.fromEntries(timed.map(({ setting, times }) => [setting, median(times)])),
  };
}

/** A light net with the weights that its run ended with, ready to be called. */
async function answerOf({ plan, folder }: TimedNet, batch: number): Promise<() => void> {
  const data = await prepareData(plan);
  try {
    const { test } = data.splits;
    if (test.rows < batch) {
      throw new UserError(`the test split has ${test.rows} rows; latency is wanted of ${batch}`, {
        hint: hint(
          "sweep/batch",
          `write \`batch: ${test.rows}\` or less at \`latency\` of the sweep`,
          {
            edit: "latency.batch",
          },
        ),
        exitCode: 2,
      });
    }
    const { model } = prepareNets(plan, data, netsOf(plan));
    const rows = data.transforms.apply(await test.slice(0, batch), {
      seed: plan.seed,
      epoch: 0,
      batch: 0,
      training: false,
    });
    const { features, label } = batchTensors(rows);
    label.dispose();
    const newest = await new CheckpointStore(folder).newest("rocket", () => {});
    const values = newest
      ? await restoreValues(model.variables, newest.path, newest.content.position.step)
      // The pipeline keeps no checkpoints; other weights take the same time.
      : initialValues(model.variables, plan.seed);
    return answering(captureInference(model.pair, "light", values), features);
  } finally {
    await data.close();
  }
}

function answering(inference: CapturedInference, features: TensorsByName): () => void {
  return () => {
    const { logits } = inference.call({ features });
    logits.dataSync();
    logits.dispose();
  };
}
