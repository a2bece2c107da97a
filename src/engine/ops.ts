/**
 * Operations that tfjs lacks or computes slowly, for use together with tfjs's own. They use
 * TensorFlow's fused kernels on the native engine and compositions of tfjs operations elsewhere.
 * The results are the same up to rounding.
 *
 * All operations are pure functions of tensors. They do not read values of tensors and do not keep
 * or leak tensors, so a step that uses them can be captured as a graph. Only first-order gradients
 * are defined, not gradients of gradients.
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
