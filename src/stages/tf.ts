import * as tensorFlow from "@tensorflow/tfjs";

/**
 * [TensorFlow.js](https://js.tensorflow.org/api/latest/): the copy that Rocket computes with.
 * Another copy would have its own engine, and its tensors could not be mixed with these.
 *
 * @example
 * ```ts
 * import { tf } from "@rocket-launching/rocket/plugin";
 *
 * const meanSquare = (x: tf.Tensor): tf.Tensor => tf.mean(tf.square(x), -1);
 * ```
 */
export const tf: typeof import("@tensorflow/tfjs") = tensorFlow;

// The types are derived from functions and classes. If they were named directly, `deno doc` would
// document the package as part of this one.
/** The types of TensorFlow.js that stages need, with the same names as in TensorFlow.js. */
export declare namespace tf {
  /** A tensor. */
  export type Tensor = InstanceType<(typeof tensorFlow)["Tensor"]>;
  /** A tensor without axes: one number. */
  export type Scalar = ReturnType<(typeof tensorFlow)["scalar"]>;
  /** A tensor with one axis. */
  export type Tensor1D = ReturnType<(typeof tensorFlow)["tensor1d"]>;
  /** A tensor with two axes. */
  export type Tensor2D = ReturnType<(typeof tensorFlow)["tensor2d"]>;
  /** A tensor with three axes. */
  export type Tensor3D = ReturnType<(typeof tensorFlow)["tensor3d"]>;
  /** A tensor with four axes. */
  export type Tensor4D = ReturnType<(typeof tensorFlow)["tensor4d"]>;
  /** A tensor with five axes. */
  export type Tensor5D = ReturnType<(typeof tensorFlow)["tensor5d"]>;
  /** A tensor, or numbers that are converted to a tensor. */
  export type TensorLike = Parameters<(typeof tensorFlow)["tensor"]>[0];
  /** A tensor, or a list or object (possibly nested) that contains tensors. */
  export type TensorContainer = Parameters<(typeof tensorFlow)["dispose"]>[0];
  /** The type of a tensor's values: `float32`, `int32`, `bool`, and others. */
  export type DataType = Tensor["dtype"];
}
