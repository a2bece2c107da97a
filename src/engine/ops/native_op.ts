import * as tf from "@tensorflow/tfjs";

/** An attribute of a TensorFlow op, with the kind of its value as its key. */
export type NativeAttribute =
  | { readonly type: tf.DataType }
  | { readonly float: number }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly string: string };

/** The part of tfjs-node's backend that this module uses. */
interface NativeBackend {
  readonly binding: Readonly<
    Record<`TF_ATTR_${"TYPE" | "FLOAT" | "INT" | "BOOL" | "STRING"}`, number>
  >;
  getDTypeInteger(type: tf.DataType): number;
  executeMultipleOutputs(
    name: string,
    attributes: readonly { name: string; type: number; value: unknown }[],
    inputs: readonly tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
}

/**
 * Checks whether the current backend is tfjs-node's, so that {@linkcode nativeOp} can be called.
 */
export function isNative(): boolean {
  return tf.getBackend() === "tensorflow";
}

/**
 * Runs a TensorFlow op on the native engine, bypassing tfjs's kernels and its tape. The caller must
 * define gradients.
 *
 * @param name The op, such as `FusedBatchNormV3`.
 * @param attributes Its attributes by name.
 * @param inputs Its inputs in order.
 * @param outputs The number of outputs.
 * @returns The outputs, tracked by the current `tf.tidy()`.
 */
export function nativeOp(
  name: string,
  attributes: Readonly<Record<string, NativeAttribute>>,
  inputs: readonly tf.Tensor[],
  outputs: number,
): tf.Tensor[] {
  const backend = tf.backend() as unknown as NativeBackend;
  const { binding } = backend;
  const list = Object.entries(attributes).map(([name, attribute]) => {
    if ("type" in attribute) {
      const value = backend.getDTypeInteger(attribute.type);
      return { name, type: binding.TF_ATTR_TYPE, value };
    }
    if ("float" in attribute) return { name, type: binding.TF_ATTR_FLOAT, value: attribute.float };
    if ("int" in attribute) return { name, type: binding.TF_ATTR_INT, value: attribute.int };
    if ("bool" in attribute) return { name, type: binding.TF_ATTR_BOOL, value: attribute.bool };
    return { name, type: binding.TF_ATTR_STRING, value: attribute.string };
  });
  return backend.executeMultipleOutputs(name, list, inputs, outputs);
}
