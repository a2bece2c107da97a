import type * as tf from "@tensorflow/tfjs";
import type { Batch, Values } from "../stages/batch.ts";
import { mapValues } from "../stages/parts.ts";
import { ElementType } from "./onnx/messages.ts";
import type { FeatureInput } from "./onnx/columns.ts";
import { loadOnnxRuntime, type OnnxRuntime, type OrtTensor, type Session } from "./onnx_runtime.ts";
import type { ModelInput } from "../run/model/model_file.ts";

/** Values of features by name. */
export type FeatureValues = Readonly<Record<string, Values>>;

/** Computes a net. */
export interface NetRunner {
  /** What computes it, in words. */
  readonly engine: string;
  /**
   * Computes logits.
   *
   * @param rows How many rows.
   * @param values The features' values, row by row.
   */
  run(rows: number, values: FeatureValues): Promise<Float32Array>;
  /** Lets go of the net. */
  close(): Promise<void>;
}

/** How ONNX Runtime computes. */
export interface RunnerOptions {
  /** How many threads; all cores by default. */
  readonly threads?: number | undefined;
}

/**
 * Loads a net that ONNX Runtime computes.
 *
 * @param model The file, or its bytes.
 * @param options How many threads.
 */
export async function openSession(
  model: string | Uint8Array,
  { threads }: RunnerOptions = {},
): Promise<{ runtime: OnnxRuntime; session: Session }> {
  const runtime = await loadOnnxRuntime();
  const session = await runtime.InferenceSession.create(model as string, {
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    logSeverityLevel: 3,
  });
  return { runtime, session };
}

/**
 * A runner of a graph that starts from the features as the nets get them.
 *
 * @param opened The graph.
 * @param inputs The features.
 */
export function featureRunner(
  { runtime, session }: { runtime: OnnxRuntime; session: Session },
  inputs: readonly ModelInput[],
): NetRunner {
  // What the net does not read is not among the inputs of some graphs.
  const forms = inputs.map(({ name, spec }) => ({ name, ...spec }));
  return {
    engine: "ONNX Runtime",
    async run(rows, values) {
      const feeds: Record<string, OrtTensor> = {};
      for (const { name, shape, dtype } of forms) {
        const given = values[name]!;
        const array = dtype === "int32" ? toInt32(given) : toFloat32(given);
        feeds[name] = new runtime.Tensor(dtype, array as never, [rows, ...shape]);
      }
      const { logits } = await session.run(feeds, ["logits"]);
      return logits!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

/**
 * A runner of a graph that starts from columns or ids.
 *
 * @param opened The graph.
 * @param inputs What each feature is read from.
 */
export function sourceRunner(
  { runtime, session }: { runtime: OnnxRuntime; session: Session },
  inputs: readonly FeatureInput[],
): NetRunner {
  const encoders = inputs.map((input) => ({ ...input, encode: encoderOf(input) }));
  return {
    engine: "ONNX Runtime",
    async run(rows, values) {
      const feeds: Record<string, OrtTensor> = {};
      for (const { feature, input, encode } of encoders) {
        const { type, data } = encode(values[feature.name]!);
        feeds[input.name] = new runtime.Tensor(type as "string", data as string[], [
          rows,
          ...input.shape,
        ]);
      }
      const { logits } = await session.run(feeds, ["logits"]);
      return logits!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

/** The arrays of ONNX Runtime by type. */
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
    make: (values) => BigUint64Array.from(values as Float64Array as never, BigInt),
  },
  [ElementType.bool]: { type: "bool", make: (values) => Uint8Array.from(values) },
};

/** Makes the values of a column of what they have become as a feature. */
function encoderOf(
  { feature, input, encoded }: FeatureInput,
): (values: Values) => { type: string; data: unknown } {
  if (!encoded) {
    const { type, make } = arrays[input.type]!;
    return (values) => ({ type, data: make(values) });
  }
  const vocabulary = feature.spec.vocabulary!;
  if (input.type === ElementType.string) {
    let unknown = "?";
    while (vocabulary.includes(unknown) || unknown === input.empty) unknown += "?";
    const texts = [String(input.empty ?? ""), ...vocabulary, unknown];
    return (values) => ({ type: "string", data: Array.from(values, (id) => texts[id + 1]!) });
  }
  let unknown = 0n;
  const taken = new Set(vocabulary);
  while (taken.has(String(unknown)) || unknown === input.empty) unknown++;
  const numbers = [
    (input.empty ?? 0n) as bigint,
    ...vocabulary.map((value) => BigInt(value)),
    unknown,
  ];
  return (values) => ({
    type: "int64",
    data: BigInt64Array.from(values as Int32Array as never, (id: number) => numbers[id + 1]!),
  });
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

/** A net on an engine of tfjs, as {@linkcode captureInference} returns it. */
export interface TensorNet {
  /** What computes it, in words. */
  readonly engine: string;
  /** Computes logits. */
  readonly call: (
    features: Readonly<Record<string, tf.Tensor>>,
  ) => tf.Tensor;
  /** Uploads features. */
  readonly upload: (batch: Batch) => Readonly<Record<string, tf.Tensor>>;
  /** Frees the net. */
  readonly dispose: () => void;
}

/**
 * A runner of a net on an engine of tfjs.
 *
 * @param net The net.
 * @param inputs The features.
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
