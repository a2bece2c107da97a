/**
 * Measures the latency of light nets.
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

/** A light net whose latency is to be measured. */
export interface TimedNet {
  /** The setting's key. */
  readonly setting: string;
  /** The plan of one of its runs. */
  readonly plan: Plan;
  /** The folder of that run. */
  readonly folder: string;
}

/** The measured latency of each setting's light net. */
export interface Latency {
  /** The name of the engine. */
  readonly engine: string;
  /** The number of rows per call. */
  readonly batch: number;
  /** The median time of a call by the setting's key, in milliseconds. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** The number of calls before the measurement. */
const warmUp = 20;

/** The number of turns of each net. */
const rounds = 50;

/** The duration of a turn in milliseconds, unless a single call takes longer. */
const turn = 20;

/**
 * Measures the latency of nets on one thread. The nets take turns, so other load on the machine
 * affects all of them equally. The measured time starts with the features on the engine and ends
 * when JavaScript can read the logits.
 *
 * @param nets The nets.
 * @param batch The number of rows per call, taken from the start of the test split.
 * @param engine The engine to open.
 * @param report Prints a line for the user.
 * @throws {UserError} If the test split has fewer rows than `batch`.
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
    // Each round starts with another net, since the first net finds caches filled by the last one.
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

/** Prepares a function that calls a light net with the final weights of its run. */
async function answerOf({ plan, folder }: TimedNet, batch: number): Promise<() => void> {
  const data = await prepareData(plan);
  try {
    const { test } = data.splits;
    if (test.rows < batch) {
      throw new UserError(
        `latency cannot be measured with ${batch} rows per call, because the test split has ${test.rows}`,
        {
          hint: hint(
            "sweep/batch",
            `set \`latency: { batch: ${test.rows} }\` in the sweep file, or a smaller number`,
            {
              edit: "latency.batch",
            },
          ),
          exitCode: 2,
        },
      );
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
      // Without checkpoints, the initial weights are used, which take the same time.
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
