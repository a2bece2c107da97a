/**
 * Converts a recorded graph to ONNX operations.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs";
import { mapValues } from "../../stages/parts.ts";
import {
  type Constant,
  type NoGraph,
  ROUND,
  type Size,
  type SymbolicCall,
  type SymbolicGraph,
  type SymbolicValue,
} from "../../engine/symbolic/record.ts";
import { Conversion, type ConversionInput, pairOf, sizeOf, tests } from "../conversion.ts";
import type { Name, OnnxBuilder } from "./builder.ts";
import { type AttributeValue, ElementType } from "./messages.ts";

/** The name and type of a value in the ONNX graph. */
export interface OnnxValue {
  /** The name. */
  readonly name: Name;
  /** The type. */
  readonly type: ElementType;
}

/**
 * Adds the operations of a recorded graph to an ONNX model.
 *
 * ONNX computes convolutions and pools with the layout `[rows, channels, height, width]`. Feature
 * maps keep this layout between such operations. Numbers are float32. Only transforms compute in
 * float64, as in training, if a column of the source has more digits than float32.
 *
 * @param graph The recorded graph.
 * @param input The builder, and the values of inputs and variables.
 * @returns The outputs by name.
 * @throws {NoGraph} If an operation cannot be converted to ONNX.
 */
export function convertGraph(
  graph: SymbolicGraph,
  input: ConversionInput<OnnxBuilder, OnnxValue, Name>,
): Record<string, OnnxValue> {
  return new OnnxConversion(graph, input).run();
}

type Layout = "plain" | "channels first";

/** A converted value. */
interface Value extends OnnxValue {
  readonly layout: Layout;
}

const { float, double, int32, int64, bool } = ElementType;

/** The ONNX names of tfjs's elementwise operations with one input. */
const unary: Readonly<Record<string, string>> = {
  Abs: "Abs",
  Ceil: "Ceil",
  Cos: "Cos",
  Elu: "Elu",
  Erf: "Erf",
  Exp: "Exp",
  Floor: "Floor",
  Identity: "Identity",
  IsNan: "IsNaN",
  Log: "Log",
  LogicalNot: "Not",
  Neg: "Neg",
  Reciprocal: "Reciprocal",
  Relu: "Relu",
  Round: "Round",
  Selu: "Selu",
  Sigmoid: "Sigmoid",
  Sign: "Sign",
  Sin: "Sin",
  Softplus: "Softplus",
  Sqrt: "Sqrt",
  Tanh: "Tanh",
};

/** The ONNX names of tfjs's operations with two inputs and broadcasting. */
const binary: Readonly<Record<string, string>> = {
  Add: "Add",
  Sub: "Sub",
  Multiply: "Mul",
  RealDiv: "Div",
  Maximum: "Max",
  Minimum: "Min",
  Pow: "Pow",
  Equal: "Equal",
  Greater: "Greater",
  GreaterEqual: "GreaterOrEqual",
  Less: "Less",
  LessEqual: "LessOrEqual",
  LogicalAnd: "And",
  LogicalOr: "Or",
};

const reductions: Readonly<Record<string, { op: string; axes: string }>> = {
  Sum: { op: "ReduceSum", axes: "axis" },
  Mean: { op: "ReduceMean", axes: "axis" },
  Prod: { op: "ReduceProd", axes: "axis" },
  Max: { op: "ReduceMax", axes: "reductionIndices" },
  Min: { op: "ReduceMin", axes: "axis" },
};

const toFirst = [0, 3, 1, 2], toLast = [0, 2, 3, 1];

class OnnxConversion extends Conversion<ElementType, Value> {
  readonly #builder: OnnxBuilder;
  readonly #input: ConversionInput<OnnxBuilder, OnnxValue, Name>;
  readonly #uses = new Map<number, number>();

  constructor(graph: SymbolicGraph, input: ConversionInput<OnnxBuilder, OnnxValue, Name>) {
    super(graph, "ONNX", ElementType);
    this.#input = input;
    this.#builder = input.builder;
    const use = ({ id }: SymbolicValue) => this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    for (const { inputs } of graph.calls) Object.values(inputs).forEach(use);
    Object.values(graph.outputs).forEach(use);
  }

  run(): Record<string, OnnxValue> {
    const inputs = mapValues(
      this.#input.inputs,
      (value): Value => ({ ...value, layout: "plain" }),
    );
    return mapValues(
      this.convertAll(inputs),
      (value) => ({ name: this.#plain(value), type: value.type }),
    );
  }

  protected override constant(
    { shape }: SymbolicValue,
    constant: Constant,
    type: ElementType,
  ): Value {
    const plain = (name: Name): Value => ({ name, type, layout: "plain" });
    if (constant.kind === "filled") {
      const scalar = this.#scalar(constant.value, type);
      return plain(this.#builder.node("Expand", [scalar, this.#sizes(shape)]));
    }
    const sizes = shape.map(({ fixed }) => fixed);
    if (constant.kind === "variable") {
      const values = this.#input.variable(constant.name);
      return plain(this.#builder.tensor(float, sizes, values, constant.name));
    }
    return plain(this.#builder.tensor(type, sizes, this.dataOf(constant.values, type)));
  }

  /**
   * Returns an input in the given type, with a cast if necessary. Constants keep all their digits.
   */
  #as(symbolic: SymbolicValue, type: ElementType): Value {
    const exact = this.exactConstant(symbolic, type);
    if (exact) return exact;
    const value = this.value(symbolic);
    return value.type === type ? value : { ...value, name: this.#cast(value.name, type), type };
  }

  #cast(name: Name, to: ElementType): Name {
    return this.#builder.once(
      `cast ${name} ${to}`,
      () => this.#builder.node("Cast", [name], { to: { int: to } }),
    );
  }

  #scalar(value: number, type: ElementType): Name {
    return this.#builder.tensor(type, [], this.dataOf([value], type));
  }

  /**
   * Adds sizes as a list of int64. With `free`, a single size that depends on the rows becomes −1.
   */
  #sizes(sizes: readonly (number | Size)[], free = false): Name {
    const all = sizes.map(sizeOf), variable = all.filter(({ perRow }) => perRow !== 0);
    if (variable.length === 0) return this.#builder.ints(all.map(({ fixed }) => fixed));
    if (
      free && variable.length === 1 && !all.some((size) => size.perRow === 0 && size.fixed === 0)
    ) {
      return this.#builder.ints(all.map(({ fixed, perRow }) => perRow !== 0 ? -1 : fixed));
    }
    const parts = all.map(({ fixed, perRow }) => {
      if (perRow === 0) return this.#builder.ints([fixed]);
      let size = this.#input.rows();
      if (perRow !== 1) size = this.#builder.node("Mul", [size, this.#builder.ints([perRow])]);
      return fixed === 0 ? size : this.#builder.node("Add", [size, this.#builder.ints([fixed])]);
    });
    return this.#builder.node("Concat", parts, { axis: { int: 0 } });
  }

  #plain({ name, layout }: Value): Name {
    return layout === "plain" ? name : this.#transposed(name, toLast);
  }

  #first({ name, layout }: Value): Name {
    return layout === "plain" ? this.#transposed(name, toFirst) : name;
  }

  #transposed(name: Name, order: readonly number[]): Name {
    return this.#builder.once(
      `transpose ${name} ${order}`,
      () => this.#builder.node("Transpose", [name], { perm: { ints: order } }),
    );
  }

  /** Creates the value for a result of the current call. */
  #made(name: Name, type: ElementType, layout: Layout = "plain"): Value {
    return { name, type, layout };
  }

  #node(
    op: string,
    inputs: readonly Name[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Name {
    return this.#builder.node(op, inputs, attributes);
  }

  protected override convert(call: SymbolicCall): Value[] {
    const { kernel, inputs, attrs } = call;
    const one = (name: Name, type: ElementType, layout?: Layout) => [
      this.#made(name, type, layout),
    ];
    if (Object.hasOwn(unary, kernel)) {
      const x = this.at("x");
      const type = tests.has(kernel) ? bool : x.type;
      return one(this.#node(unary[kernel]!, [x.name]), type, x.layout);
    }
    if (Object.hasOwn(binary, kernel) || kernel === "SquaredDifference" || kernel === "NotEqual") {
      return [this.#binary(kernel)];
    }
    if (Object.hasOwn(reductions, kernel)) return [this.#reduce(kernel)];
    switch (kernel) {
      case ROUND: {
        const x = this.at("x");
        if (x.type !== double) return [x];
        return [{ ...x, name: this.#cast(x.name, float), type: float }];
      }
      case "Cast": {
        const x = this.at("x"), to = this.typeOf(attrs.dtype as tf.DataType);
        // A float64 value keeps its type; it is rounded after the last transform.
        if (x.type === to || x.type === double && to === float) return [x];
        return one(this.#cast(x.name, to), to, x.layout);
      }
      case "Square": {
        const x = this.at("x");
        return one(this.#node("Mul", [x.name, x.name]), x.type, x.layout);
      }
      case "Rsqrt": {
        const x = this.at("x");
        return one(this.#node("Reciprocal", [this.#node("Sqrt", [x.name])]), x.type, x.layout);
      }
      case "Log1p": {
        const x = this.at("x"), sum = this.#node("Add", [x.name, this.#scalar(1, x.type)]);
        return one(this.#node("Log", [sum]), x.type, x.layout);
      }
      case "LeakyRelu": {
        const x = this.at("x"), alpha = { float: this.number(attrs.alpha) };
        return one(this.#node("LeakyRelu", [x.name], { alpha }), x.type, x.layout);
      }
      case "Relu6":
      case "ClipByValue": {
        const x = this.at("x");
        const [low, high] = kernel === "Relu6"
          ? [0, 6]
          : [this.number(attrs.clipValueMin), this.number(attrs.clipValueMax)];
        const limits = [low, high].map((limit) => this.#scalar(limit!, x.type));
        return one(this.#node("Clip", [x.name, ...limits]), x.type, x.layout);
      }
      case "ZerosLike":
      case "OnesLike": {
        const { shape } = call.outputs[0]!, type = this.typeOf(call.outputs[0]!.dtype);
        const value = this.#scalar(kernel === "ZerosLike" ? 0 : 1, type);
        return one(this.#node("Expand", [value, this.#sizes(shape)]), type);
      }
      case "Fill": {
        const { shape, dtype } = call.outputs[0]!, type = this.typeOf(dtype);
        const value = this.#scalar(this.number(attrs.value), type);
        return one(this.#node("Expand", [value, this.#sizes(shape)]), type);
      }
      case "AddN": {
        const all = Object.values(inputs).map((input) => this.#plain(this.value(input)));
        return one(this.#node("Sum", all), this.value(inputs[0]!).type);
      }
      case "Prelu": {
        const x = this.at("x"), alpha = this.#plain(this.at("alpha"));
        return one(this.#node("PRelu", [this.#plain(x), alpha]), x.type);
      }
      case "Select": {
        const type = this.common([inputs.t!, inputs.e!]);
        const [t, e] = [this.#as(inputs.t!, type), this.#as(inputs.e!, type)];
        let condition = this.#plain(this.at("condition"));
        // tfjs also accepts one condition per row.
        const [rank, whole] = [this.rank("condition"), this.rank("t")];
        if (rank === 1 && whole > 1) {
          const more = Array.from({ length: whole - 1 }, (_, axis) => axis + 1);
          condition = this.#node("Unsqueeze", [condition, this.#builder.ints(more)]);
        }
        return one(this.#node("Where", [condition, this.#plain(t), this.#plain(e)]), type);
      }
      case "Softmax":
      case "LogSoftmax": {
        const logits = this.at("logits");
        const axis = { int: this.axes(attrs.dim ?? attrs.axis ?? -1, this.rank("logits"))[0]! };
        return one(this.#node(kernel, [this.#plain(logits)], { axis }), logits.type);
      }
      case "Reshape": {
        const x = this.at("x"), { shape } = call.outputs[0]!;
        return one(this.#node("Reshape", [this.#plain(x), this.#sizes(shape, true)]), x.type);
      }
      case "ExpandDims": {
        const x = this.at("input"), rank = this.rank("input") + 1;
        const axes = this.#builder.ints(this.axes(attrs.dim, rank));
        return one(this.#node("Unsqueeze", [this.#plain(x), axes]), x.type);
      }
      case "Transpose": {
        const x = this.at("x"), perm = { ints: this.numbers(attrs.perm) };
        return one(this.#node("Transpose", [this.#plain(x)], { perm }), x.type);
      }
      case "Reverse": {
        const x = this.at("x"), axes = this.axes(attrs.dims, this.rank("x"));
        const starts = this.#builder.ints(axes.map(() => -1));
        const ends = this.#builder.tensor(
          int64,
          [axes.length],
          BigInt64Array.from(axes, () => -(2n ** 63n) + 1n),
        );
        const parts = [starts, ends, this.#builder.ints(axes), starts];
        return one(this.#node("Slice", [this.#plain(x), ...parts]), x.type);
      }
      case "Slice": {
        const x = this.at("x"), { shape } = call.outputs[0]!;
        const begin = this.#sizesOf(attrs.begin);
        const end = begin.map(({ fixed, perRow }, axis) => ({
          fixed: fixed + shape[axis]!.fixed,
          perRow: perRow + shape[axis]!.perRow,
        }));
        const parts = [this.#sizes(begin), this.#sizes(end)];
        return one(this.#node("Slice", [this.#plain(x), ...parts]), x.type);
      }
      case "SplitV": {
        const x = this.at("x"), axis = this.axes(attrs.axis, this.rank("x"))[0]!;
        const sizes = this.#sizes(call.outputs.map(({ shape }) => shape[axis]!));
        const attributes = { axis: { int: axis } };
        const names = this.#builder.nodes(
          "Split",
          [this.#plain(x), sizes],
          call.outputs.length,
          attributes,
        );
        return names.map((name) => this.#made(name, x.type));
      }
      case "Unpack": {
        const x = this.at("value"), axis = this.axes(attrs.axis, this.rank("value"))[0]!;
        return call.outputs.map((_, index) => {
          const place = this.#builder.tensor(int64, [], BigInt64Array.of(BigInt(index)));
          const name = this.#node("Gather", [this.#plain(x), place], { axis: { int: axis } });
          return this.#made(name, x.type);
        });
      }
      case "Concat":
      case "Pack": {
        const all = Object.values(inputs), type = this.common(all);
        const rank = all[0]!.shape.length + (kernel === "Pack" ? 1 : 0);
        const axis = this.axes(attrs.axis, rank)[0]!;
        const names = all.map((input) => {
          const name = this.#plain(this.#as(input, type));
          return kernel === "Concat"
            ? name
            : this.#node("Unsqueeze", [name, this.#builder.ints([axis])]);
        });
        return one(this.#node("Concat", names, { axis: { int: axis } }), type);
      }
      case "Tile": {
        const x = this.at("x"), reps = this.#sizes(this.#sizesOf(attrs.reps));
        return one(this.#node("Tile", [this.#plain(x), reps]), x.type);
      }
      case "GatherV2": {
        if (this.number(attrs.batchDims ?? 0) !== 0) throw this.refuse("batchDims is not 0");
        const x = this.at("x"), axis = this.axes(attrs.axis, this.rank("x"))[0]!;
        const indices = this.#plain(this.at("indices"));
        return one(
          this.#node("Gather", [this.#plain(x), indices], { axis: { int: axis } }),
          x.type,
        );
      }
      case "OneHot": {
        // ONNX counts negative indices from the end, but here −1 marks an empty position.
        const ids = this.at("indices"), depth = this.number(attrs.depth);
        const places = this.#builder.tensor(
          int32,
          [depth],
          Int32Array.from({ length: depth }, (_, id) => id),
        );
        const last = this.#builder.ints([this.rank("indices")]);
        const column = this.#node("Unsqueeze", [this.#plain(ids), last]);
        const hit = this.#node("Equal", [this.#cast(column, int32), places]);
        const [on, off] = [attrs.onValue ?? 1, attrs.offValue ?? 0].map((value) =>
          this.#scalar(this.number(value), float)
        );
        return one(this.#node("Where", [hit, on!, off!]), float);
      }
      case "BatchMatMul":
        return [this.#product()];
      case "FusedBatchNorm":
        return [this.#batchNorm()];
      case "Conv2D":
      case "DepthwiseConv2dNative":
        return [this.#convolution(kernel !== "Conv2D")];
      case "MaxPool":
      case "AvgPool":
        return [this.#pool(kernel)];
      case "PadV2":
      case "MirrorPad":
        return [this.#pad(kernel)];
      case "ResizeBilinear": {
        const x = this.at("images"), [height, width] = this.numbers(attrs.size);
        const [, , , channels] = call.outputs[0]!.shape;
        const mode = attrs.alignCorners
          ? "align_corners"
          : attrs.halfPixelCenters
          ? "half_pixel"
          : "asymmetric";
        const sizes = this.#sizes([call.outputs[0]!.shape[0]!, channels!, height!, width!]);
        const attributes = {
          mode: { string: "linear" },
          coordinate_transformation_mode: { string: mode },
        };
        return one(
          this.#node("Resize", [this.#first(x), "", "", sizes], attributes),
          x.type,
          "channels first",
        );
      }
      default:
        throw this.refuse("it is not known");
    }
  }

  #sizesOf(value: unknown): Size[] {
    return (Array.isArray(value) ? value : [value]).map((one) => sizeOf(one as number | Size));
  }

  #binary(kernel: string): Value {
    const { a, b } = this.call.inputs as { a: SymbolicValue; b: SymbolicValue };
    const type = this.common([a, b]);
    const values = [this.#as(a, type), this.#as(b, type)];
    const result = tests.has(kernel) ? bool : type;
    const isFirst = values.some(({ layout }) => layout === "channels first");
    const names = values.map((value, index) => {
      if (!isFirst || value.layout === "channels first") return value.name;
      const { shape } = index === 0 ? a : b;
      if (shape.length === 0) return value.name;
      if (shape.length === 1 && shape[0]!.perRow === 0) {
        // One number per channel.
        const wide = this.#builder.ints([shape[0]!.fixed, 1, 1]);
        return this.#builder.once(
          `channels ${value.name}`,
          () => this.#node("Reshape", [value.name, wide]),
        );
      }
      if (shape.length < 4) throw this.refuse(`an input has ${shape.length} axes, another 4`);
      return this.#first(value);
    });
    const layout = isFirst ? "channels first" : "plain";
    if (kernel === "SquaredDifference") {
      const difference = this.#node("Sub", names);
      return this.#made(this.#node("Mul", [difference, difference]), type, layout);
    }
    if (kernel === "NotEqual") {
      return this.#made(this.#node("Not", [this.#node("Equal", names)]), bool, layout);
    }
    const joined = kernel === "Add" ? this.#withBias(a, b, names) : undefined;
    if (joined !== undefined) return this.#made(joined, type, layout);
    return this.#made(this.#node(binary[kernel]!, names), result, layout);
  }

  /** Merges a bias into the matrix product or convolution before it. */
  #withBias(a: SymbolicValue, b: SymbolicValue, [x]: readonly Name[]): Name | undefined {
    const maker = this.#builder.maker(x!);
    if (
      !maker || maker.op !== "Gemm" && maker.op !== "Conv" || maker.inputs.length !== 2 ||
      this.#uses.get(a.id) !== 1 || b.shape.length !== 1 || b.constant?.kind === "filled" ||
      !b.constant
    ) return undefined;
    const { shape } = this.call.outputs[0]!;
    if (shape.at(-1)!.fixed !== b.shape[0]!.fixed) return undefined;
    this.#builder.replace(maker, { inputs: [...maker.inputs, this.value(b).name] });
    return x;
  }

  #reduce(kernel: string): Value {
    const { op, axes: attribute } = reductions[kernel]!;
    const { attrs } = this.call, x = this.at("x");
    const axes = this.axes(attrs[attribute], this.rank("x"));
    if (x.layout === "channels first" && kernel === "Mean" && `${axes}` === "1,2") {
      const pooled = this.#node("GlobalAveragePool", [x.name]);
      if (attrs.keepDims) return this.#made(pooled, x.type, "channels first");
      return this.#made(this.#node("Flatten", [pooled], { axis: { int: 1 } }), x.type);
    }
    const keepdims = { int: attrs.keepDims ? 1 : 0 };
    const of = this.#plain(x);
    const numbers = x.type === bool ? this.#cast(of, int32) : of;
    const type = x.type === bool ? int32 : x.type;
    return this.#made(this.#node(op, [numbers, this.#builder.ints(axes)], { keepdims }), type);
  }

  #product(): Value {
    const { attrs } = this.call, ranks = [this.rank("a"), this.rank("b")];
    const type = this.common(Object.values(this.call.inputs));
    const [a, b] = [this.call.inputs.a!, this.call.inputs.b!]
      .map((input) => this.#plain(this.#as(input, type)));
    const turned = { transA: attrs.transposeA, transB: attrs.transposeB };
    if (ranks.every((rank) => rank === 2)) {
      const attributes = Object.fromEntries(
        Object.entries(turned).map(([name, turn]) => [name, { int: turn ? 1 : 0 }]),
      );
      return this.#made(this.#node("Gemm", [a!, b!], attributes), type);
    }
    const turn = (name: Name, rank: number, wanted: unknown) => {
      if (!wanted) return name;
      const order = Array.from({ length: rank }, (_, axis) => axis);
      return this.#transposed(name, [...order.slice(0, -2), rank - 1, rank - 2]);
    };
    const names = [turn(a!, ranks[0]!, turned.transA), turn(b!, ranks[1]!, turned.transB)];
    return this.#made(this.#node("MatMul", names), type);
  }

  #batchNorm(): Value {
    const { inputs, attrs } = this.call, x = this.at("x");
    const epsilon = this.number(attrs.varianceEpsilon ?? 0.001);
    const names = ["scale", "offset", "mean", "variance"].map((name) => {
      const input = inputs[name];
      if (input) return this.value(input).name;
      const channels = inputs.mean!.shape.map(({ fixed }) => fixed);
      const value = name === "scale" ? 1 : 0;
      return this.#builder.tensor(float, channels, new Float32Array(channels[0]!).fill(value));
    });
    if (x.layout === "channels first") {
      const attributes = { epsilon: { float: epsilon } };
      const name = this.#node("BatchNormalization", [x.name, ...names], attributes);
      return this.#made(name, x.type, "channels first");
    }
    // The channels are last. A multiplication and an addition need no transpose and are as fast as
    // BatchNormalization.
    const [scale, offset, mean, variance] = names;
    const sum = this.#node("Add", [variance!, this.#scalar(epsilon, float)]);
    const factor = this.#node("Div", [scale!, this.#node("Sqrt", [sum])]);
    const shift = this.#node("Sub", [offset!, this.#node("Mul", [mean!, factor])]);
    const scaled = this.#node("Mul", [x.name, factor]);
    return this.#made(this.#node("Add", [scaled, shift]), x.type);
  }

  #convolution(depthwise: boolean): Value {
    const { inputs, attrs } = this.call, x = this.at("x"), filter = inputs.filter!;
    if (attrs.dataFormat !== "NHWC") throw this.refuse(`the data format is ${attrs.dataFormat}`);
    const [height, width, from, to] = filter.shape.map(({ fixed }) => fixed) as [
      ...[number, number, number, number],
    ];
    const channels = depthwise ? from : 1;
    const { name: given } = this.value(filter);
    const constant = this.#builder.valuesOf(given);
    // From [height, width, in, out] to [out, in, height, width]; a depthwise kernel has one group
    // per channel.
    const kernel = this.#builder.once(`kernel ${given} ${depthwise}`, () => {
      if (!constant) {
        const turned = this.#transposed(given, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1]);
        const shape = this.#builder.ints([from * to, 1, height, width]);
        return depthwise ? this.#node("Reshape", [turned, shape]) : turned;
      }
      const values = new Float32Array(
        constant.data.buffer,
        constant.data.byteOffset,
        constant.data.length / 4,
      );
      const turned = new Float32Array(values.length);
      let at = 0;
      for (let place = 0; place < height * width; place++) {
        for (let input = 0; input < from; input++) {
          for (let output = 0; output < to; output++) {
            const map = depthwise ? input * to + output : output * from + input;
            turned[map * height * width + place] = values[at++]!;
          }
        }
      }
      const shape = depthwise ? [from * to, 1, height, width] : [to, from, height, width];
      return this.#builder.tensor(float, shape, turned, `${given}.transposed`);
    });
    const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } = convInfo(
      this.call,
      depthwise,
      (why) => this.refuse(why),
    );
    const { top, bottom, left, right } = padInfo;
    const before = this.#zeroPad(this.call.inputs.x!, x);
    const pads = before
      ? [
        top + before.pads[0]!,
        left + before.pads[1]!,
        bottom + before.pads[2]!,
        right +
        before.pads[3]!,
      ]
      : [top, left, bottom, right];
    const name = this.#node("Conv", [before?.name ?? this.#first(x), kernel], {
      strides: { ints: [strideHeight, strideWidth] },
      dilations: { ints: [dilationHeight, dilationWidth] },
      kernel_shape: { ints: [height, width] },
      pads: { ints: pads },
      group: { int: depthwise ? channels : 1 },
    });
    return this.#made(name, float, "channels first");
  }

  /** Merges zero padding into the convolution after it. */
  #zeroPad(
    symbolic: SymbolicValue,
    { name, layout }: Value,
  ): { name: Name; pads: number[] } | undefined {
    const maker = this.#builder.maker(name);
    if (layout !== "channels first" || maker?.op !== "Pad" || this.#uses.get(symbolic.id) !== 1) {
      return undefined;
    }
    const data = this.#builder.valuesOf(maker.inputs[1]!)?.data;
    const value = this.#builder.valuesOf(maker.inputs[2]!)?.data;
    if (!data || !value || value.some((byte) => byte !== 0)) return undefined;
    const all = Array.from(new BigInt64Array(data.slice().buffer), Number);
    const [n0, c0, top, left, n1, c1, bottom, right] = all;
    if (n0 || c0 || n1 || c1) return undefined;
    return { name: maker.inputs[0]!, pads: [top!, left!, bottom!, right!] };
  }

  #pool(kernel: "MaxPool" | "AvgPool"): Value {
    const { attrs } = this.call, x = this.at("x");
    const [, height, width] = this.call.inputs.x!.shape.map(({ fixed }) => fixed);
    const [filter, strides] = [attrs.filterSize, attrs.strides].map((pair) => {
      const [first, second = first] = this.numbers(pair);
      return [first!, second!];
    });
    const given = attrs.pad;
    const padding = (axis: 0 | 1, size: number): [number, number] => {
      if (given === "valid") return [0, 0];
      if (typeof given === "number") return [given, given];
      if (Array.isArray(given)) return given[axis + 1] as [number, number];
      const result = Math.ceil(size / strides![axis]!);
      const all = Math.max(0, (result - 1) * strides![axis]! + filter![axis]! - size);
      return [Math.floor(all / 2), all - Math.floor(all / 2)];
    };
    const [[top, bottom], [left, right]] = [padding(0, height!), padding(1, width!)];
    const op = kernel === "MaxPool" ? "MaxPool" : "AveragePool";
    const name = this.#node(op, [this.#first(x)], {
      kernel_shape: { ints: filter! },
      strides: { ints: strides! },
      pads: { ints: [top, left, bottom, right] },
    });
    return this.#made(name, x.type, "channels first");
  }

  #pad(kernel: "PadV2" | "MirrorPad"): Value {
    const { attrs } = this.call, x = this.at("x");
    const pairs = (attrs.paddings as unknown[]).map((pair) => this.numbers(pair));
    const order = x.layout === "channels first" ? toFirst : pairs.map((_, axis) => axis);
    const pads = this.#builder.ints(
      [0, 1].flatMap((end) => order.map((axis) => pairs[axis]![end]!)),
    );
    if (kernel === "PadV2") {
      const value = this.#scalar(this.number(attrs.constantValue), x.type);
      return this.#made(this.#node("Pad", [x.name, pads, value]), x.type, x.layout);
    }
    if (attrs.mode !== "reflect") throw this.refuse(`the mode is ${attrs.mode}`);
    const mode = { string: "reflect" };
    return this.#made(this.#node("Pad", [x.name, pads], { mode }), x.type, x.layout);
  }
}

/** Returns the ONNX attributes of a convolution: strides, dilations and pads. */
function convInfo(
  { inputs: { x, filter }, attrs, outputs }: SymbolicCall,
  depthwise: boolean,
  refuse: (why: string) => NoGraph,
) {
  const [strideHeight, strideWidth] = pairOf(attrs.strides);
  const [dilationHeight, dilationWidth] = pairOf(attrs.dilations ?? 1);
  const { pad } = attrs;
  const side = (axis: 1 | 2, stride: number, dilation: number): [number, number] => {
    if (pad === "valid") return [0, 0];
    if (typeof pad === "number") return [pad, pad];
    if (Array.isArray(pad)) return pad[axis] as [number, number];
    if (pad !== "same") throw refuse(`the padding is ${pad}`);
    const size = x!.shape[axis]!.fixed, kernel = filter!.shape[axis - 1]!.fixed;
    const span = dilation * (kernel - 1) + 1;
    const all = Math.max(0, (outputs[0]!.shape[axis]!.fixed - 1) * stride + span - size);
    return [Math.floor(all / 2), all - Math.floor(all / 2)];
  };
  if (depthwise && attrs.dimRoundingMode) throw refuse("sizes are rounded");
  const [top, bottom] = side(1, strideHeight, dilationHeight);
  const [left, right] = side(2, strideWidth, dilationWidth);
  return {
    padInfo: { top, bottom, left, right },
    ...{ strideHeight, strideWidth, dilationHeight, dilationWidth },
  };
}
