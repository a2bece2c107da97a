/**
 * Rules for the shapes and types that tfjs kernels return.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";

/** The shape and type of a tensor. */
export interface TensorForm {
  /** The shape. */
  readonly shape: readonly number[];
  /** The type. */
  readonly dtype: tf.DataType;
}

/** The parts of a kernel call that determine the shapes of its results. */
export interface KernelCall {
  /** The shapes and types of the inputs by name; the tensors of a list by position. */
  readonly inputs: Readonly<Record<string, TensorForm>>;
  /** The attributes. */
  // deno-lint-ignore no-explicit-any -- each kernel has its own
  readonly attrs: Readonly<Record<string, any>>;
}

/** Returns the shape and type of each result of a kernel call. */
export type ShapeRule = (call: KernelCall) => readonly TensorForm[];

/** The result has the shape and type of an input. */
const like = (input: string): ShapeRule => ({ inputs }) => [form(inputs[input]!)];

const form = ({ shape, dtype }: TensorForm): TensorForm => ({ shape, dtype });

/** The result has the shape of both inputs after broadcasting. */
const broadcast = (dtype?: tf.DataType): ShapeRule => ({ inputs: { a, b } }) => [{
  shape: broadcastShape(a!.shape, b!.shape),
  dtype: dtype ?? tf.upcastType(a!.dtype, b!.dtype),
}];

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);
}

/** The result lacks the reduced axes, or has size 1 along them. */
const reduction = (axes: string, dtype?: tf.DataType): ShapeRule => ({ inputs: { x }, attrs }) => {
  const reduced = new Set(tf.util.parseAxisParam(attrs[axes], [...x!.shape]));
  const shape = attrs.keepDims
    ? x!.shape.map((size, axis) => reduced.has(axis) ? 1 : size)
    : x!.shape.filter((_, axis) => !reduced.has(axis));
  return [{ shape, dtype: dtype ?? x!.dtype }];
};

/** The result of a pooling window that slides over maps `[batch, height, width, channels]`. */
const pooling: ShapeRule = ({ inputs: { x }, attrs }) => {
  const { outShape } = tf.backend_util.computePool2DInfo(
    x!.shape as [number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  return [{ shape: outShape, dtype: x!.dtype }];
};

const convolution = (depthwise: boolean): ShapeRule => ({ inputs: { x, filter }, attrs }) => {
  const { outShape } = tf.backend_util.computeConv2DInfo(
    x!.shape as [number, number, number, number],
    filter!.shape as [number, number, number, number],
    attrs.strides,
    attrs.dilations,
    attrs.pad,
    attrs.dimRoundingMode,
    depthwise,
  );
  return [{ shape: outShape, dtype: "float32" }];
};

const resize: ShapeRule = ({ inputs: { images }, attrs: { size } }) => {
  const [batch, , , channels] = images!.shape;
  return [{ shape: [batch!, ...size, channels!], dtype: "float32" }];
};

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const same = ["x"].map(like)[0]!;

/** The shape rule of each kernel. Kernels without a rule cannot be recorded. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(
    [
      ...["Abs", "Ceil", "ClipByValue", "Cos", "Elu", "Erf", "Exp", "Floor", "Identity"],
      ...["LeakyRelu", "Log", "Neg", "OnesLike", "Reciprocal", "Relu", "Relu6", "Reverse"],
      ...["Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Square", "Tanh"],
      ...["ZerosLike", "LogicalNot", "Rsqrt", "Log1p", "Prelu", "FusedBatchNorm"],
    ].map((kernel) => [kernel, same]),
  ),
  ...Object.fromEntries(
    ["Add", "Sub", "Multiply", "RealDiv", "Maximum", "Minimum", "Pow", "SquaredDifference"].map(
      (kernel) => [kernel, broadcast()],
    ),
  ),
  ...Object.fromEntries(
    [
      ...["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"],
      ...["LogicalAnd", "LogicalOr"],
    ].map((kernel) => [kernel, broadcast("bool")]),
  ),
  Softmax: like("logits"),
  LogSoftmax: like("logits"),
  IsNan: ({ inputs: { x } }) => [{ shape: x!.shape, dtype: "bool" }],
  AddN: like("0"),
  Select: ({ inputs: { t } }) => [form(t!)],
  Cast: ({ inputs: { x }, attrs }) => [{ shape: x!.shape, dtype: attrs.dtype }],
  Sum: reduction("axis"),
  Mean: reduction("axis", "float32"),
  Prod: reduction("axis"),
  Max: reduction("reductionIndices"),
  Min: reduction("axis"),
  BatchMatMul: ({ inputs: { a, b }, attrs: { transposeA, transposeB } }) => {
    const [x, y] = [a!.shape, b!.shape];
    const batch = broadcastShape(x.slice(0, -2), y.slice(0, -2));
    return [{
      shape: [...batch, x.at(transposeA ? -1 : -2)!, y.at(transposeB ? -2 : -1)!],
      dtype: tf.upcastType(a!.dtype, b!.dtype),
    }];
  },
  Conv2D: convolution(false),
  DepthwiseConv2dNative: convolution(true),
  MaxPool: pooling,
  AvgPool: pooling,
  GatherV2: ({ inputs: { x, indices }, attrs: { axis } }) => {
    const at = tf.util.parseAxisParam(axis, [...x!.shape])[0]!;
    return [{
      shape: [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)],
      dtype: x!.dtype,
    }];
  },
  Concat: ({ inputs, attrs: { axis } }) => {
    const all = Object.values(inputs), [first] = all;
    const at = tf.util.parseAxisParam(axis, [...first!.shape])[0]!;
    const size = all.reduce((sum, { shape }) => sum + shape[at]!, 0);
    return [{ shape: first!.shape.with(at, size), dtype: first!.dtype }];
  },
  Pack: ({ inputs, attrs: { axis } }) => {
    const all = Object.values(inputs), [first] = all;
    return [{ shape: first!.shape.toSpliced(axis, 0, all.length), dtype: first!.dtype }];
  },
  Unpack: ({ inputs: { value }, attrs: { axis } }) => {
    const shape = value!.shape.toSpliced(axis, 1);
    return Array.from({ length: value!.shape[axis]! }, () => ({ shape, dtype: value!.dtype }));
  },
  SplitV: ({ inputs: { x }, attrs: { numOrSizeSplits, axis } }) => {
    const at = tf.util.parseAxisParam(axis, [...x!.shape])[0]!;
    const sizes = tf.backend_util.prepareSplitSize(
      { shape: x!.shape } as tf.Tensor,
      numOrSizeSplits,
      at,
    );
    return sizes.map((size) => ({ shape: x!.shape.with(at, size), dtype: x!.dtype }));
  },
  Slice: ({ inputs: { x }, attrs: { begin, size } }) => {
    const [, sizes] = tf.slice_util.parseSliceParams({ shape: x!.shape } as tf.Tensor, begin, size);
    return [{ shape: sizes!, dtype: x!.dtype }];
  },
  Reshape: ({ inputs: { x }, attrs: { shape } }) => [{
    shape: tf.util.inferFromImplicitShape(shape, sizeOf(x!.shape)),
    dtype: x!.dtype,
  }],
  ExpandDims: ({ inputs: { input }, attrs: { dim } }) => [{
    shape: input!.shape.toSpliced(dim < 0 ? dim + input!.shape.length + 1 : dim, 0, 1),
    dtype: input!.dtype,
  }],
  Transpose: ({ inputs: { x }, attrs: { perm } }) => [{
    shape: (perm as number[]).map((axis) => x!.shape[axis]!),
    dtype: x!.dtype,
  }],
  PadV2: ({ inputs: { x }, attrs: { paddings } }) => [padded(x!, paddings)],
  MirrorPad: ({ inputs: { x }, attrs: { paddings } }) => [padded(x!, paddings)],
  Tile: ({ inputs: { x }, attrs: { reps } }) => [{
    shape: x!.shape.map((size, axis) => size * reps[axis]),
    dtype: x!.dtype,
  }],
  OneHot: ({ inputs: { indices }, attrs: { depth, dtype } }) => [{
    shape: [...indices!.shape, depth],
    dtype,
  }],
  Fill: ({ attrs: { shape, dtype } }) => [{ shape, dtype: dtype ?? "float32" }],
  ResizeBilinear: resize,
};

function padded({ shape, dtype }: TensorForm, paddings: [number, number][]): TensorForm {
  return {
    shape: shape.map((size, axis) => paddings[axis]![0] + size + paddings[axis]![1]),
    dtype,
  };
}
