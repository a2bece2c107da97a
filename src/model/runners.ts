import type * as tf from "@tensorflow/tfjs";
import type { Batch, Values } from "../stages/batch.ts";
import { mapValues } from "../stages/parts.ts";
import { UserError } from "../base/errors.ts";
import { indexesOf } from "../base/large_map.ts";
import { inOneLine } from "../base/printable.ts";
import { ElementType } from "./onnx/messages.ts";
import {
  type FeatureInput,
  type GraphInput,
  inputsOfFeatures,
  wholeValue,
} from "./onnx/columns.ts";
import { loadOnnxRuntime, type OpenedSession, type OrtTensor } from "../run/model/onnx_runtime.ts";
import { type Misfit, misfitIn } from "./misfit.ts";
import { openThreadSession } from "./thread_session.ts";
import type { ModelInput } from "../run/model/model_file.ts";

/** The values of each feature, by its name. */
export type FeatureValues = Readonly<Record<string, Values>>;

/** A function that computes the logits of a net with an engine. */
export interface NetRunner {
  /** A description of the engine for messages, such as `ONNX Runtime`. */
  readonly engine: string;
  /** Whether another thread computes, so that the next rows may be decoded meanwhile. */
  readonly waits?: boolean | undefined;
  /**
   * Computes logits.
   *
   * @param rows The number of rows.
   * @param values The features' values, row by row.
   */
  run(rows: number, values: FeatureValues): Promise<Float32Array>;
  /**
   * Finds a value that an input of the net cannot hold. Without this function, the inputs hold all
   * values of the features.
   *
   * @param values The features' values, row by row.
   */
  misfit?(values: FeatureValues): Misfit | undefined;
  /** Releases the memory of the net. */
  close(): Promise<void>;
}

/** An ONNX model: the path of its file, or its bytes. */
export type OnnxModel = string | Uint8Array;

/**
 * The options of {@linkcode openSession}: the number of threads, and whether many rows are to be
 * computed.
 */
export interface RunnerOptions {
  /** The number of threads; by default, one per core. */
  readonly threads?: number | undefined;
  /**
   * Whether many rows are computed while others are decoded and written: the model is loaded in a
   * thread of its own, and its threads do not occupy cores while they wait.
   */
  readonly manyRows?: boolean | undefined;
}

/**
 * Loads an ONNX model with ONNX Runtime, in a separate thread if many rows are to be computed.
 *
 * @param model The model. A separate thread starts before the model is known.
 * @param options The number of threads.
 * @throws {UserError} If the model is damaged.
 */
export async function openSession(
  model: OnnxModel | Promise<OnnxModel>,
  options: RunnerOptions = {},
): Promise<OpenedSession> {
  if (options.manyRows) {
    try {
      return await openThreadSession(model, options);
    } catch {
      // The same error occurs here, with its hint, unless the thread itself was the reason.
    }
  }
  return await openOwnSession(await model, options);
}

/**
 * Loads an ONNX model with ONNX Runtime in the current thread.
 *
 * @param model The model.
 * @param options The number of threads.
 * @throws {UserError} If the model is damaged.
 */
export async function openOwnSession(
  model: OnnxModel,
  { threads, manyRows }: RunnerOptions,
): Promise<OpenedSession> {
  const runtime = await loadOnnxRuntime();
  const session = await runtime.InferenceSession.create(model as string, {
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    ...(manyRows && { extra: { session: { intra_op: { allow_spinning: "0" } } } }),
    // ONNX Runtime would print names of nodes as they are. Errors are thrown as well.
    logSeverityLevel: 4,
  }).catch((error: Error) => {
    const file = typeof model === "string" ? model : "the exported net";
    throw new UserError(`ONNX Runtime cannot load ${file}: ${error.message}`, { cause: error });
  });
  return { runtime, session };
}

/**
 * Computes the logits of a net with ONNX Runtime.
 *
 * @param session The loaded ONNX model.
 * @param feeds The inputs by name.
 * @throws {UserError} If the model cannot be computed, or has no such output of numbers.
 */
export async function logitsOf(
  session: OpenedSession["session"],
  feeds: Readonly<Record<string, OrtTensor>>,
): Promise<Float32Array> {
  let data: unknown;
  try {
    data = (await session.run(feeds, ["logits"])).logits?.data;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = inOneLine((error as Error).message);
    throw new UserError(`ONNX Runtime cannot compute the net: ${why}`, { cause: error });
  }
  if (data instanceof Float32Array) return data;
  throw new UserError("ONNX Runtime cannot compute the net: its logits are not float32 numbers");
}

/**
 * Creates a runner for an ONNX model whose inputs are the features after all transforms.
 *
 * @param opened The loaded ONNX model.
 * @param inputs The features after all transforms.
 */
export function featureRunner(
  { runtime, session }: OpenedSession,
  inputs: readonly ModelInput[],
): NetRunner {
  // Every feature is an input of the graph, even if the net does not read it.
  const names = inputsOfFeatures(inputs.map(({ name }) => name));
  const forms = inputs.map(({ name, spec }, index) => ({ name, input: names[index]!, ...spec }));
  return {
    engine: "ONNX Runtime",
    waits: session.waits,
    async run(rows, values) {
      const feeds: Record<string, OrtTensor> = {};
      for (const { name, input, shape, dtype } of forms) {
        const given = values[name]!;
        const array = dtype === "int32" ? toInt32(given) : toFloat32(given);
        feeds[input] = new runtime.Tensor(dtype, array as never, [rows, ...shape]);
      }
      return await logitsOf(session, feeds);
    },
    close: () => session.release(),
  };
}

/**
 * Creates a runner that computes logits with an ONNX model. The inputs of the model are columns of
 * the data source, or ids.
 *
 * @param opened The loaded ONNX model.
 * @param inputs The input of the graph for each feature.
 */
export function sourceRunner(
  { runtime, session }: OpenedSession,
  inputs: readonly FeatureInput[],
): NetRunner {
  const encode = encoderOfInputs(inputs);
  return {
    engine: "ONNX Runtime",
    waits: session.waits,
    async run(rows, values) {
      const feeds: Record<string, OrtTensor> = {};
      for (const { name, type, data, shape } of encode(values)) {
        feeds[name] = new runtime.Tensor(type as "string", data as string[], [rows, ...shape]);
      }
      return await logitsOf(session, feeds);
    },
    misfit: (values) => misfitIn(inputs, values),
    close: () => session.release(),
  };
}

/** The values of one input of an ONNX model, with their type and shape. */
export interface InputArray {
  /** The name of the input. */
  readonly name: string;
  /** The type, by the name that ONNX Runtime uses. */
  readonly type: string;
  /** A typed array, or a list of texts. */
  readonly data: unknown;
  /** The shape of one row. */
  readonly shape: readonly number[];
}

/**
 * Converts the values of features to the input arrays of an ONNX model.
 *
 * @param inputs The input of the graph for each feature.
 * @param values The features' values.
 */
export function inputArrays(
  inputs: readonly FeatureInput[],
  values: FeatureValues,
): InputArray[] {
  return encoderOfInputs(inputs)(values);
}

function encoderOfInputs(inputs: readonly FeatureInput[]): (values: FeatureValues) => InputArray[] {
  const groups = Map.groupBy(inputs, ({ input }) => input.name);
  const encoders = [...groups.values()].map((group) => {
    const { input, encoded } = group[0]!, names = group.map(({ feature }) => feature.name);
    const encode = encoded ? valueEncoder(group) : numberEncoder(input);
    return (values: FeatureValues): InputArray => {
      const { type, data } = encode(names.map((name) => values[name]!));
      return { name: input.name, shape: input.shape, type, data };
    };
  });
  return (values) => encoders.map((encode) => encode(values));
}

/** The names and array constructors of ONNX Runtime's types. */
const arrays: Readonly<Record<number, { type: string; make: (values: Values) => unknown }>> = {
  [ElementType.float]: { type: "float32", make: toFloat32 },
  [ElementType.double]: { type: "float64", make: (values) => Float64Array.from(values) },
  [ElementType.int8]: { type: "int8", make: (values) => Int8Array.from(values) },
  [ElementType.uint8]: { type: "uint8", make: (values) => Uint8Array.from(values) },
  [ElementType.int16]: { type: "int16", make: (values) => Int16Array.from(values) },
  [ElementType.uint16]: { type: "uint16", make: (values) => Uint16Array.from(values) },
  [ElementType.int32]: { type: "int32", make: toInt32 },
  [ElementType.uint32]: { type: "uint32", make: (values) => Uint32Array.from(values) },
  [ElementType.int64]: { type: "int64", make: toBigInts },
  [ElementType.uint64]: {
    type: "uint64",
    make: (values) => BigUint64Array.from(Array.from(values, BigInt)),
  },
  [ElementType.bool]: { type: "bool", make: (values) => Uint8Array.from(values) },
};

/** Makes the values of a column of what they have become as features. */
type Encode = (features: readonly Values[]) => { type: string; data: unknown };

function numberEncoder({ type: element }: GraphInput): Encode {
  const { type, make } = arrays[element]!;
  return ([first, ...others]) => {
    if (others.length === 0) return { type, data: make(first!) };
    // Features that share a column differ only where a null was filled with different values.
    const nulls = Float64Array.from(
      first!,
      (value, index) => others.every((other) => other[index] === value) ? value : NaN,
    );
    return { type, data: make(nulls) };
  };
}

/**
 * Creates the function that turns ids back into values of the column. An unknown id becomes a value
 * that is in no vocabulary.
 */
function valueEncoder(group: readonly FeatureInput[]): Encode {
  const { input } = group[0]!, isText = input.type === ElementType.string;
  const typed = (text: string) => isText ? text : wholeValue(text)!;
  const values = group.map(({ feature }) => feature.spec.vocabulary!.map(typed));
  const taken = indexesOf<string | bigint>(values.flat());
  if (input.empty !== undefined) taken.set(input.empty, -1);
  let number = 0;
  const unknown = () => isText ? `unknown ${number}` : BigInt(number);
  while (taken.has(unknown())) number++;
  const other = unknown(), empty = input.empty ?? other;
  const valueOf = (features: readonly Values[], index: number): string | bigint => {
    for (const [place, ids] of features.entries()) {
      const id = ids[index]!, known = values[place]!;
      if (id < 0) return empty;
      if (id < known.length) return known[id]!;
    }
    return other;
  };
  return (features) => {
    const { length } = features[0]!;
    if (isText) {
      return { type: "string", data: Array.from({ length }, (_, at) => valueOf(features, at)) };
    }
    const data = new BigInt64Array(length);
    for (let index = 0; index < length; index++) data[index] = valueOf(features, index) as bigint;
    return { type: "int64", data };
  };
}

function toInt32(values: Values): Int32Array {
  return values instanceof Int32Array ? values : Int32Array.from(values);
}

function toFloat32(values: Values): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

function toBigInts(values: Values): BigInt64Array {
  const result = new BigInt64Array(values.length);
  for (let index = 0; index < values.length; index++) result[index] = BigInt(values[index]!);
  return result;
}

/** A net that computes with the native or wasm engine, from {@linkcode captureInference}. */
export interface TensorNet {
  /** A description of the engine for messages, such as `ONNX Runtime`. */
  readonly engine: string;
  /** Computes the logits. */
  readonly call: (
    features: Readonly<Record<string, tf.Tensor>>,
  ) => tf.Tensor;
  /** Uploads features to the engine. */
  readonly upload: (batch: Batch) => Readonly<Record<string, tf.Tensor>>;
  /** Disposes of the net's tensors. */
  readonly dispose: () => void;
}

/**
 * Creates a runner for a net that computes with the native or wasm engine.
 *
 * @param net The net.
 * @param inputs The features after all transforms.
 */
export function tensorRunner(net: TensorNet, inputs: readonly ModelInput[]): NetRunner {
  const shapes = Object.fromEntries(inputs.map(({ name, spec }) => [name, spec.shape]));
  return {
    engine: net.engine,
    async run(rows, values) {
      const features = net.upload({
        size: rows,
        features: mapValues(shapes, (shape, name) => ({ values: values[name]!, shape })),
        label: { values: new Float32Array(rows), shape: [] },
      });
      const logits = net.call(features);
      try {
        return await logits.data<"float32">();
      } finally {
        logits.dispose();
        for (const tensor of Object.values(features)) tensor.dispose();
      }
    },
    close: () => Promise.resolve(net.dispose()),
  };
}
