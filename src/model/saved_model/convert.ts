/**
 * Converts a recorded graph to TensorFlow operations.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs";
import {
  type Constant,
  ROUND,
  type Size,
  type SymbolicCall,
  type SymbolicGraph,
  type SymbolicValue,
} from "../../engine/symbolic/record.ts";
import { Conversion, type ConversionInput, pairOf, sizeOf, tests } from "../conversion.ts";
import type { Reference, SavedModelBuilder } from "./builder.ts";
import { type Attribute, DType } from "./messages.ts";

/** The reference and type of a value in the TensorFlow graph. */
export interface TensorFlowValue {
  /** The reference. */
  readonly reference: Reference;
  /** The type. */
  readonly type: DType;
}

/**
 * Adds the operations of a recorded graph to a SavedModel. Most kernels of tfjs correspond to one
 * TensorFlow operation.
 *
 * Numbers are float32. Only transforms compute in float64, as in training, if a column of the
 * source has more digits than float32.
 *
 * @param graph The recorded graph.
 * @param input The builder, and the values of inputs and variables.
 * @returns The outputs by name.
 * @throws {NoGraph} If an operation cannot be converted to TensorFlow.
 */
export function convertToTensorFlow(
  graph: SymbolicGraph,
  input: ConversionInput<SavedModelBuilder, TensorFlowValue, Reference>,
): Record<string, TensorFlowValue> {
  return new TensorFlowConversion(graph, input).run();
}

const { float, double, int32, bool } = DType;

/** Operations with one input that have the same name in tfjs and TensorFlow. */
const unary: ReadonlySet<string> = new Set([
  ...["Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Identity", "IsNan", "Log", "Log1p"],
  ...["LogicalNot", "Neg", "OnesLike", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Selu"],
  ...["Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Square", "Tanh", "ZerosLike"],
]);

/** The TensorFlow names of tfjs's operations with two inputs and broadcasting. */
const binary: Readonly<Record<string, string>> = {
  Add: "AddV2",
  Sub: "Sub",
  Multiply: "Mul",
  RealDiv: "RealDiv",
  Maximum: "Maximum",
  Minimum: "Minimum",
  Pow: "Pow",
  SquaredDifference: "SquaredDifference",
  Equal: "Equal",
  NotEqual: "NotEqual",
  Greater: "Greater",
  GreaterEqual: "GreaterEqual",
  Less: "Less",
  LessEqual: "LessEqual",
  LogicalAnd: "LogicalAnd",
  LogicalOr: "LogicalOr",
};

/** Operations on booleans only, which have no attribute for a type. */
const logical: ReadonlySet<string> = new Set(["LogicalAnd", "LogicalOr", "LogicalNot"]);

/** Reductions, each with the name of the attribute for its axes in tfjs. */
const reductions: Readonly<Record<string, string>> = {
  ...{ Sum: "axis", Mean: "axis", Prod: "axis", Max: "reductionIndices", Min: "axis" },
};

class TensorFlowConversion extends Conversion<DType, TensorFlowValue> {
  readonly #builder: SavedModelBuilder;
  readonly #input: ConversionInput<SavedModelBuilder, TensorFlowValue, Reference>;

  constructor(
    graph: SymbolicGraph,
    input: ConversionInput<SavedModelBuilder, TensorFlowValue, Reference>,
  ) {
    super(graph, "TensorFlow", DType);
    this.#input = input;
    this.#builder = input.builder;
  }

  run(): Record<string, TensorFlowValue> {
    return this.convertAll(this.#input.inputs);
  }

  protected override constant(
    { shape }: SymbolicValue,
    constant: Constant,
    type: DType,
  ): TensorFlowValue {
    const plain = (reference: Reference): TensorFlowValue => ({ reference, type });
    if (constant.kind === "filled") return plain(this.#filled(constant.value, type, shape));
    const sizes = shape.map(({ fixed }) => fixed);
    if (constant.kind === "variable") {
      const values = this.#input.variable(constant.name);
      return plain(this.#builder.variable(constant.name, sizes, values));
    }
    return plain(this.#builder.constant(type, sizes, this.dataOf(constant.values, type)));
  }

  #filled(value: number, type: DType, shape: readonly Size[]): Reference {
    return this.#builder.op("Fill", [this.#sizes(shape), this.#scalar(value, type)], {
      ...{ T: { type }, index_type: { type: int32 } },
    });
  }

  /**
   * Returns an input in the given type, with a cast if necessary. Constants keep all their digits.
   */
  #as(symbolic: SymbolicValue, type: DType): Reference {
    const exact = this.exactConstant(symbolic, type);
    if (exact) return exact.reference;
    const value = this.value(symbolic);
    return value.type === type ? value.reference : this.#cast(value, type);
  }

  #cast({ reference, type: from }: TensorFlowValue, to: DType): Reference {
    return this.#builder.once(
      `cast ${reference} ${to}`,
      () => this.#builder.op("Cast", [reference], { SrcT: { type: from }, DstT: { type: to } }),
    );
  }

  #scalar(value: number, type: DType): Reference {
    return this.#builder.constant(type, [], this.dataOf([value], type));
  }

  /**
   * Adds sizes as a list of int32. With `free`, a single size that depends on the rows becomes −1.
   */
  #sizes(sizes: readonly (number | Size)[], free = false): Reference {
    const all = sizes.map(sizeOf), variable = all.filter(({ perRow }) => perRow !== 0);
    if (variable.length === 0) return this.#builder.ints(all.map(({ fixed }) => fixed));
    const isEmpty = all.some(({ fixed, perRow }) => perRow === 0 && fixed === 0);
    if (free && variable.length === 1 && !isEmpty) {
      return this.#builder.ints(all.map(({ fixed, perRow }) => perRow !== 0 ? -1 : fixed));
    }
    const T = { type: int32 };
    const parts = all.map(({ fixed, perRow }) => {
      if (perRow === 0) return this.#builder.int(fixed);
      let size = this.#input.rows();
      if (perRow !== 1) size = this.#op("Mul", [size, this.#builder.int(perRow)], { T });
      return fixed === 0 ? size : this.#op("AddV2", [size, this.#builder.int(fixed)], { T });
    });
    return this.#op("Pack", parts, { T, N: { int: parts.length }, axis: { int: 0 } });
  }

  /** Creates the value for a result of the current call. */
  #made(reference: Reference, type: DType): TensorFlowValue {
    return { reference, type };
  }

  #op(
    op: string,
    inputs: readonly Reference[],
    attributes: Readonly<Record<string, Attribute>>,
  ): Reference {
    return this.#builder.op(op, inputs, attributes);
  }

  protected override convert(call: SymbolicCall): TensorFlowValue[] {
    const { kernel, inputs, attrs } = call;
    /** Adds an operation with one result whose only type attribute is T. */
    const one = (
      op: string,
      inputs: readonly Reference[],
      type: DType,
      attributes: Readonly<Record<string, Attribute>> = {},
    ) => [this.#made(this.#op(op, inputs, { T: { type }, ...attributes }), type)];
    if (unary.has(kernel)) {
      const x = this.at("x"), attributes = logical.has(kernel) ? {} : { T: { type: x.type } };
      const result = this.#op(kernel, [x.reference], attributes);
      return [this.#made(result, tests.has(kernel) ? bool : x.type)];
    }
    if (Object.hasOwn(binary, kernel)) {
      const both = [inputs.a!, inputs.b!], type = this.common(both);
      const attributes = logical.has(kernel) ? {} : { T: { type } };
      const result = this.#op(binary[kernel]!, both.map((x) => this.#as(x, type)), attributes);
      return [this.#made(result, tests.has(kernel) ? bool : type)];
    }
    if (Object.hasOwn(reductions, kernel)) {
      const x = this.at("x"), type = x.type === bool ? int32 : x.type;
      const axes = this.#builder.ints(this.axes(attrs[reductions[kernel]!], this.rank("x")));
      return one(kernel, [this.#as(inputs.x!, type), axes], type, {
        ...{ keep_dims: { bool: Boolean(attrs.keepDims) }, Tidx: { type: int32 } },
      });
    }
    switch (kernel) {
      case ROUND: {
        const x = this.at("x");
        if (x.type !== double) return [x];
        return [{ reference: this.#cast(x, float), type: float }];
      }
      case "Cast": {
        const x = this.at("x"), to = this.typeOf(attrs.dtype as tf.DataType);
        // A float64 value keeps its type; it is rounded after the last transform.
        if (x.type === to || x.type === double && to === float) return [x];
        return [this.#made(this.#cast(x, to), to)];
      }
      case "LeakyRelu": {
        const x = this.at("x");
        return one("LeakyRelu", [x.reference], x.type, {
          alpha: { float: this.number(attrs.alpha) },
        });
      }
      case "ClipByValue": {
        const x = this.at("x");
        const [low, high] = [attrs.clipValueMin, attrs.clipValueMax].map((limit) =>
          this.#scalar(this.number(limit), x.type)
        );
        const T = { type: x.type };
        const least = this.#op("Maximum", [x.reference, low!], { T });
        return one("Minimum", [least, high!], x.type);
      }
      case "Fill": {
        const { shape, dtype } = call.outputs[0]!, type = this.typeOf(dtype);
        return [this.#made(this.#filled(this.number(attrs.value), type, shape), type)];
      }
      case "AddN": {
        const all = Object.values(inputs), type = this.common(all);
        const N = { int: all.length };
        return one("AddN", all.map((input) => this.#as(input, type)), type, { N });
      }
      case "Prelu": {
        const both = [inputs.x!, inputs.alpha!], type = this.common(both), T = { type };
        const [x, alpha] = both.map((input) => this.#as(input, type));
        const negative = this.#op("Mul", [alpha!, x!], { T });
        const isPositive = this.#op("GreaterEqual", [x!, this.#scalar(0, type)], { T });
        return one("SelectV2", [isPositive, x!, negative], type);
      }
      case "Select": {
        const type = this.common([inputs.t!, inputs.e!]);
        let condition = this.at("condition").reference;
        // tfjs also accepts one condition per row.
        const [rank, whole] = [this.rank("condition"), this.rank("t")];
        if (rank === 1 && whole > 1) {
          const sizes = [inputs.condition!.shape[0]!, ...Array<number>(whole - 1).fill(1)];
          condition = this.#reshape(condition, bool, sizes);
        }
        const both = [this.#as(inputs.t!, type), this.#as(inputs.e!, type)];
        return one("SelectV2", [condition, ...both], type);
      }
      case "Softmax":
      case "LogSoftmax": {
        const logits = this.at("logits"), rank = this.rank("logits");
        if (this.axes(attrs.dim ?? attrs.axis ?? -1, rank)[0] !== rank - 1) {
          throw this.refuse("its axis is not the last one");
        }
        return one(kernel, [logits.reference], logits.type);
      }
      case "Reshape": {
        const x = this.at("x");
        return [this.#made(this.#reshape(x.reference, x.type, call.outputs[0]!.shape), x.type)];
      }
      case "ExpandDims": {
        const x = this.at("input");
        return [this.#made(this.#reshape(x.reference, x.type, call.outputs[0]!.shape), x.type)];
      }
      case "Transpose": {
        const x = this.at("x"), perm = this.#builder.ints(this.numbers(attrs.perm));
        return one("Transpose", [x.reference, perm], x.type, { Tperm: { type: int32 } });
      }
      case "Reverse": {
        const x = this.at("x"), axes = this.axes(attrs.dims, this.rank("x"));
        const Tidx = { type: int32 };
        return one("ReverseV2", [x.reference, this.#builder.ints(axes)], x.type, { Tidx });
      }
      case "Slice": {
        const x = this.at("x"), begin = this.#sizes(this.#sizesOf(attrs.begin));
        const sizes = this.#sizes(call.outputs[0]!.shape), Index = { type: int32 };
        return one("Slice", [x.reference, begin, sizes], x.type, { Index });
      }
      case "SplitV": {
        const x = this.at("x"), axis = this.axes(attrs.axis, this.rank("x"))[0]!;
        const sizes = this.#sizes(call.outputs.map(({ shape }) => shape[axis]!));
        const split = this.#op("SplitV", [x.reference, sizes, this.#builder.int(axis)], {
          T: { type: x.type },
          Tlen: { type: int32 },
          num_split: { int: call.outputs.length },
        });
        return this.#several(split, x.type);
      }
      case "Unpack": {
        const x = this.at("value"), axis = this.axes(attrs.axis, this.rank("value"))[0]!;
        const unpacked = this.#op("Unpack", [x.reference], {
          ...{ T: { type: x.type }, num: { int: call.outputs.length }, axis: { int: axis } },
        });
        return this.#several(unpacked, x.type);
      }
      case "Concat":
      case "Pack": {
        const all = Object.values(inputs), type = this.common(all);
        const rank = all[0]!.shape.length + (kernel === "Pack" ? 1 : 0);
        const axis = this.axes(attrs.axis, rank)[0]!, N = { int: all.length };
        const parts = all.map((input) => this.#as(input, type));
        if (kernel === "Pack") return one("Pack", parts, type, { N, axis: { int: axis } });
        if (parts.length === 1) return one("Identity", parts, type);
        const Tidx = { type: int32 };
        return one("ConcatV2", [...parts, this.#builder.int(axis)], type, { N, Tidx });
      }
      case "Tile": {
        const x = this.at("x"), reps = this.#sizes(this.#sizesOf(attrs.reps));
        return one("Tile", [x.reference, reps], x.type, { Tmultiples: { type: int32 } });
      }
      case "GatherV2": {
        if (this.number(attrs.batchDims ?? 0) !== 0) throw this.refuse("batchDims is not 0");
        const x = this.at("x"), indices = this.at("indices");
        const axis = this.#builder.int(this.axes(attrs.axis, this.rank("x"))[0]!);
        const reference = this.#op("GatherV2", [x.reference, indices.reference, axis], {
          Tparams: { type: x.type },
          Tindices: { type: indices.type },
          Taxis: { type: int32 },
          batch_dims: { int: 0 },
        });
        return [this.#made(reference, x.type)];
      }
      case "OneHot": {
        const [on, off] = [attrs.onValue ?? 1, attrs.offValue ?? 0].map((value) =>
          this.#scalar(this.number(value), float)
        );
        const depth = this.#builder.int(this.number(attrs.depth));
        return one("OneHot", [this.#as(inputs.indices!, int32), depth, on!, off!], float, {
          ...{ TI: { type: int32 }, axis: { int: -1 } },
        });
      }
      case "BatchMatMul":
        return [this.#product()];
      case "FusedBatchNorm":
        return [this.#batchNorm()];
      case "Conv2D":
      case "DepthwiseConv2dNative":
        return [this.#convolution()];
      case "MaxPool":
      case "AvgPool":
        return [this.#pool(kernel)];
      case "PadV2":
      case "MirrorPad": {
        const x = this.at("x");
        const pairs = (attrs.paddings as unknown[]).map((pair) => this.numbers(pair));
        const pads = this.#pads(pairs), Tpaddings = { type: int32 };
        if (kernel === "MirrorPad") {
          const mode = { text: String(attrs.mode).toUpperCase() };
          return one("MirrorPad", [x.reference, pads], x.type, { Tpaddings, mode });
        }
        const value = this.#scalar(this.number(attrs.constantValue), x.type);
        return one("PadV2", [x.reference, pads, value], x.type, { Tpaddings });
      }
      case "ResizeBilinear": {
        const size = this.#builder.ints(this.numbers(attrs.size));
        // The result is float32 for images of any type.
        const resized = this.#op("ResizeBilinear", [this.#as(inputs.images!, float), size], {
          T: { type: float },
          align_corners: { bool: Boolean(attrs.alignCorners) },
          half_pixel_centers: { bool: Boolean(attrs.halfPixelCenters) },
        });
        return [this.#made(resized, float)];
      }
      default:
        throw this.refuse("it is not known");
    }
  }

  #sizesOf(value: unknown): Size[] {
    return (Array.isArray(value) ? value : [value]).map((one) => sizeOf(one as number | Size));
  }

  #reshape(x: Reference, type: DType, sizes: readonly (number | Size)[]): Reference {
    const attributes = { T: { type }, Tshape: { type: int32 } };
    return this.#op("Reshape", [x, this.#sizes(sizes, true)], attributes);
  }

  /**
   * Creates the values for the results of an operation that has one output per result of the call.
   */
  #several(first: Reference, type: DType): TensorFlowValue[] {
    return this.call.outputs.map((_, index) =>
      this.#made(first.replace(/\d+$/, String(index)), type)
    );
  }

  #pads(pairs: readonly (readonly number[])[]): Reference {
    return this.#builder.constant(int32, [pairs.length, 2], Int32Array.from(pairs.flat()));
  }

  #product(): TensorFlowValue {
    const { inputs: { a, b }, attrs } = this.call, type = this.common([a!, b!]);
    const both = [this.#as(a!, type), this.#as(b!, type)], T = { type };
    const turned = [attrs.transposeA, attrs.transposeB].map((turn) => ({ bool: Boolean(turn) }));
    const reference = a!.shape.length === 2 && b!.shape.length === 2
      ? this.#op("MatMul", both, { T, transpose_a: turned[0]!, transpose_b: turned[1]! })
      : this.#op("BatchMatMulV2", both, { T, adj_x: turned[0]!, adj_y: turned[1]! });
    return this.#made(reference, type);
  }

  #batchNorm(): TensorFlowValue {
    const { inputs, attrs } = this.call, x = this.at("x");
    const epsilon = this.number(attrs.varianceEpsilon ?? 0.001);
    const channels = inputs.mean!.shape;
    const [scale, offset, mean, variance] = ["scale", "offset", "mean", "variance"].map((name) => {
      const input = inputs[name];
      return input ? this.value(input).reference : this.#filled(
        name === "scale" ? 1 : 0,
        float,
        channels,
      );
    });
    if (this.rank("x") === 4) {
      const reference = this.#op("FusedBatchNormV3", [
        ...[x.reference, scale!, offset!, mean!, variance!],
      ], {
        ...{ T: { type: float }, U: { type: float }, epsilon: { float: epsilon } },
        ...{ data_format: { text: "NHWC" }, is_training: { bool: false } },
      });
      return this.#made(reference, float);
    }
    const T = { type: float };
    const sum = this.#op("AddV2", [variance!, this.#scalar(epsilon, float)], { T });
    const factor = this.#op("Mul", [scale!, this.#op("Rsqrt", [sum], { T })], { T });
    const shift = this.#op("Sub", [offset!, this.#op("Mul", [mean!, factor], { T })], { T });
    const scaled = this.#op("Mul", [x.reference, factor], { T });
    return this.#made(this.#op("AddV2", [scaled, shift], { T }), float);
  }

  #convolution(): TensorFlowValue {
    const { kernel, attrs } = this.call, x = this.at("x"), filter = this.at("filter");
    if (attrs.dataFormat !== "NHWC") throw this.refuse(`the data format is ${attrs.dataFormat}`);
    const [strideHeight, strideWidth] = pairOf(attrs.strides);
    const [dilationHeight, dilationWidth] = pairOf(attrs.dilations ?? 1);
    if (kernel !== "Conv2D" && strideHeight !== strideWidth) {
      throw this.refuse("its strides differ");
    }
    const reference = this.#op(kernel, [x.reference, filter.reference], {
      T: { type: float },
      strides: { ints: [1, strideHeight, strideWidth, 1] },
      dilations: { ints: [1, dilationHeight, dilationWidth, 1] },
      data_format: { text: "NHWC" },
      ...this.#padding(attrs.pad),
    });
    return this.#made(reference, float);
  }

  /** Returns the TensorFlow attributes of a padding. */
  #padding(pad: unknown): Readonly<Record<string, Attribute>> {
    if (pad === "same" || pad === "valid") return { padding: { text: pad.toUpperCase() } };
    const around = this.#around(pad);
    if (around.flat().every((size) => size === 0)) return { padding: { text: "VALID" } };
    return { padding: { text: "EXPLICIT" }, explicit_paddings: { ints: around.flat() } };
  }

  /** Returns the padding of each axis from the number or the list that tfjs accepts. */
  #around(pad: unknown): [number, number][] {
    if (typeof pad === "number") return [[0, 0], [pad, pad], [pad, pad], [0, 0]];
    if (Array.isArray(pad) && pad.length === 4) return pad as [number, number][];
    throw this.refuse(`the padding is ${pad}`);
  }

  #pool(kernel: "MaxPool" | "AvgPool"): TensorFlowValue {
    const { attrs } = this.call, x = this.at("x"), { pad } = attrs;
    const sizes = {
      ksize: { ints: [1, ...pairOf(attrs.filterSize), 1] },
      strides: { ints: [1, ...pairOf(attrs.strides), 1] },
      data_format: { text: "NHWC" },
    };
    const T = { type: x.type };
    if (kernel === "MaxPool" || pad === "same" || pad === "valid") {
      const attributes = { T, ...sizes, ...this.#padding(pad) };
      return this.#made(this.#op(kernel, [x.reference], attributes), x.type);
    }
    // The mean must leave out padding. TensorFlow does not support explicit padding here.
    const pads = this.#pads(this.#around(pad)), valid = { text: "VALID" };
    const padded = (values: Reference) => {
      const zero = this.#scalar(0, x.type);
      const wide = this.#op("PadV2", [values, pads, zero], { T, Tpaddings: { type: int32 } });
      return this.#op("AvgPool", [wide], { T, ...sizes, padding: valid });
    };
    const count = padded(this.#op("OnesLike", [x.reference], { T }));
    return this.#made(this.#op("RealDiv", [padded(x.reference), count], { T }), x.type);
  }
}
