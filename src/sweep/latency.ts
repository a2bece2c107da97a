/**
 * Measures the latency of light nets.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { denoFolder } from "../base/machine/deno_folder.ts";
import { hasOnnxRuntime } from "../base/machine/onnx_packages.ts";
import { UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import { type EngineChoice, openEngine } from "../engine/engine.ts";
import { prepareData, type PreparedData } from "../input/prepare_data.ts";
import { variablesOf } from "../run/model/nets.ts";
import type { OnnxFile } from "../model/onnx/builder.ts";
import { inputsOfFeatures } from "../model/onnx/columns.ts";
import { modelToOnnx } from "../model/onnx/model_to_onnx.ts";
import type { OpenedSession } from "../run/model/onnx_runtime.ts";
import { openSession, type RunnerOptions } from "../model/runners.ts";
import { writeOnnxFile } from "../model/write_onnx.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { LatencyOptions } from "../pipeline/sweep_file/schema.ts";
import { CheckpointStore } from "../run/folder/checkpoints.ts";
import { describeModel } from "../run/model/describe.ts";
import { netsOf, type PreparedNets, prepareNets } from "../run/prepare_nets.ts";
import { restoreValues } from "../run/state_file.ts";
import type { Batch } from "../stages/batch.ts";
import { captureInference } from "../train/inference.ts";
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
  /** The engine that computed the nets; `onnx` is ONNX Runtime. */
  readonly engine: "onnx" | "native" | "wasm";
  /** The number of rows per call. */
  readonly batch: number;
  /** The median time of a call by the setting's key, in milliseconds. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Why ONNX Runtime, although it has been downloaded, could not compute the nets. */
  readonly reason?: string | undefined;
}

/** The number of calls before the measurement. */
const warmUp = 20;

/** The number of turns of each net. */
const rounds = 50;

/** The duration of a turn in milliseconds, unless a single call takes longer. */
const turn = 20;

/**
 * Measures the latency of nets on one thread. The nets take turns, so other load on the machine
 * affects all of them equally. The measured time starts with the features, which the engine has
 * received already, and ends when JavaScript can read the logits.
 *
 * @param nets The nets.
 * @param options The number of rows per call, taken from the start of the test split; and whether
 *   ONNX Runtime has to compute them.
 * @param engine The engine of the runs.
 * @param report Prints a line for the user.
 * @throws {UserError} If the test split has fewer rows than `batch`, or ONNX Runtime is required
 *   and cannot compute the nets.
 */
export async function measureLatency(
  nets: readonly TimedNet[],
  { batch, engine: wanted }: LatencyOptions,
  engine: EngineChoice,
  report: (line: string) => void,
): Promise<Latency> {
  const { name } = await openEngine(engine, report, { threads: 1, device: "cpu" });
  const measured = async (answer: (net: OpenedNet) => Answer | Promise<Answer>) => {
    const milliseconds = await mediansOf(nets, (net) => answerOf(net, batch, answer));
    return { batch, milliseconds };
  };
  let reason: string | undefined;
  if (wanted === "onnx" || hasOnnxRuntime() && mayLoadPackages()) {
    try {
      return { engine: "onnx", ...await measured(onnxAnswer) };
    } catch (error) {
      if (wanted === "onnx" || !(error instanceof UserError)) throw error;
      reason = error.message;
    }
  }
  return { engine: name, ...await measured(engineAnswer), reason };
}

/**
 * Formats the message that another engine computed the nets, although ONNX Runtime was available.
 *
 * @param latency The measured latency.
 */
export function withoutOnnxRuntime({ engine, reason }: Latency): string {
  return `the latency was measured with the ${engine} engine, because ONNX Runtime could not compute the nets: ${reason}`;
}

/** Checks whether this process may load native code of packages. */
function mayLoadPackages(): boolean {
  const path = join(denoFolder(), "npm");
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
}

/** A light net with its features, ready to be called. */
interface Answer {
  /** Computes the logits. */
  readonly call: () => void | Promise<void>;
  /** Releases the memory of the net. */
  readonly close: () => void | Promise<void>;
}

/** Measures the median time of a call of each net, in milliseconds, by the setting's key. */
async function mediansOf(
  nets: readonly TimedNet[],
  open: (net: TimedNet) => Promise<Answer>,
): Promise<Record<string, number>> {
  const timed: { setting: string; answer: Answer; count: number; times: number[] }[] = [];
  try {
    for (const net of nets) {
      const answer = await open(net), times: number[] = [];
      timed.push({ setting: net.setting, answer, count: 1, times });
      for (let call = 0; call < warmUp; call++) times.push(await timeOf(answer));
    }
    for (const net of timed) {
      net.count = Math.max(1, Math.min(turn, Math.floor(turn / median(net.times))));
      net.times = [];
    }
    for (let round = 0; round < rounds; round++) {
      // Each round starts with another net, since the first net finds caches filled by the last one.
      for (const index of timed.keys()) {
        const { answer, count, times } = timed[(index + round) % timed.length]!;
        for (let call = 0; call < count; call++) times.push(await timeOf(answer));
      }
    }
    return Object.fromEntries(timed.map(({ setting, times }) => [setting, median(times)]));
  } finally {
    for (const { answer } of timed) await answer.close();
  }
}

async function timeOf({ call }: Answer): Promise<number> {
  const started = performance.now();
  const pending = call();
  // An engine that computes at once is not charged for a turn of the event loop.
  if (pending) await pending;
  return performance.now() - started;
}

/** A light net with the final weights of its run, and its first rows. */
interface OpenedNet {
  readonly plan: Plan;
  readonly data: PreparedData;
  readonly prepared: PreparedNets;
  readonly values: TensorsByName;
  readonly rows: Batch;
}

/** Prepares the call of a light net with the final weights of its run. */
async function answerOf(
  { plan, folder }: TimedNet,
  batch: number,
  answer: (net: OpenedNet) => Answer | Promise<Answer>,
): Promise<Answer> {
  const data = await prepareData(plan);
  try {
    const { test } = data.splits;
    if (test.rows < batch) {
      throw new UserError(
        `latency cannot be measured with ${
          counted(batch, "row")
        } per call, because the test split has ${test.rows}`,
        {
          hint: hint(
            "sweep/batch",
            `set \`batch: ${test.rows}\` under \`latency\` in the sweep file, or a smaller number`,
            {
              edit: "latency.batch",
            },
          ),
          exitCode: 2,
        },
      );
    }
    const prepared = prepareNets(plan, data, netsOf(plan)), { model } = prepared;
    const rows = data.transforms.apply(await test.slice(0, batch), {
      seed: plan.seed,
      epoch: 0,
      batch: 0,
      training: false,
    });
    const newest = await new CheckpointStore(folder).newest("rocket", () => {});
    const values = newest
      ? await restoreValues(model.variables, newest.path, newest.content.position.step)
      // Without checkpoints, the initial weights are used, which take the same time.
      : initialValues(model.variables, plan.seed);
    return await answer({ plan, data, prepared, values, rows });
  } finally {
    await data.close();
  }
}

/** Computes a net with the engine that is open. */
function engineAnswer({ prepared, values, rows }: OpenedNet): Answer {
  const { features, label } = batchTensors(rows);
  label.dispose();
  const inference = captureInference(prepared.model.pair, "light", values);
  return {
    call() {
      const { logits } = inference.call({ features });
      logits.dataSync();
      logits.dispose();
    },
    close() {
      inference.dispose();
      tf.dispose([features, values]);
    },
  };
}

/** Computes a net with ONNX Runtime. */
async function onnxAnswer({ plan, data, prepared, values, rows }: OpenedNet): Promise<Answer> {
  const { model: { pair, variables }, network } = prepared;
  const content = describeModel(plan, data, netsOf(plan), prepared);
  const weights = new Map<string, Float32Array>();
  for (const { name } of variablesOf(variables, "light")) {
    const value = values[name];
    if (value) weights.set(name, await value.data<"float32">());
  }
  tf.dispose(values);
  const file = modelToOnnx({
    model: content,
    nets: { pair, variables, stage: network },
    net: "light",
    weights,
    transforms: [],
    inputs: "features",
    place: { dataFile: "light.onnx.data" },
  });
  const opened = await openOnnxFile(file, { threads: 1 });
  const { session, runtime: { Tensor } } = opened;
  const names = inputsOfFeatures(content.inputs.map(({ name }) => name));
  const feeds = Object.fromEntries(content.inputs.map(({ name, spec: { dtype, shape } }, index) => {
    const { values } = rows.features[name]!;
    const array = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
    return [names[index]!, new Tensor(dtype, array as never, [rows.size, ...shape])];
  }));
  return {
    async call() {
      await session.run(feeds, ["logits"]);
    },
    close: () => session.release(),
  };
}

/** Loads an ONNX file that is not stored. Weights beside it are stored until they are loaded. */
async function openOnnxFile(file: OnnxFile, options: RunnerOptions): Promise<OpenedSession> {
  if (file.data.length === 0) return await openSession(file.bytes, options);
  const folder = await Deno.makeTempDir({ prefix: "rocket-" });
  try {
    const path = join(folder, "light.onnx");
    await writeOnnxFile(path, file);
    return await openSession(path, options);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
