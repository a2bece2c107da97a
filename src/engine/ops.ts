/**
 * Operations that tfjs lacks or does slowly, for use beside its own: TensorFlow's fused kernels on
 * the native engine, compositions of tfjs operations elsewhere, with the same results within
 * rounding.
 *
 * All are pure functions of tensors: none reads a tensor's values, keeps a tensor or leaves one
 * behind, so a step made of them can be captured as a graph. Their gradients are of the first
 * order; the gradient of a gradient is not defined.
 *
 * @module
 */

export {
  batchNorm,
  type BatchNormOptions,
  type BatchNormParameters,
  type BatchNormResult,
} from "./ops/batch_norm.ts";
export { biasAdd } from "./ops/bias_add.ts";
export { conv2d, type Conv2dOptions } from "./ops/conv2d.ts";
export { dropout } from "./ops/dropout.ts";
export { embedding } from "./ops/embedding.ts";
export { relu } from "./ops/relu.ts";
export { scaleGradient } from "./ops/scale_gradient.ts";
export { sigmoidCrossEntropy } from "./ops/sigmoid_cross_entropy.ts";
export { softmaxCrossEntropy } from "./ops/softmax_cross_entropy.ts";
export { stopGradient } from "./ops/stop_gradient.ts";
