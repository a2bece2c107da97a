/**
 * Speeds up graphs with constant weights by folding batch norms into the convolutions before them.
 *
 * @module
 */

import { DType, type Graph, type GraphNode, type Reference } from "./graph.ts";
import type { RecordedGraph } from "./recorder.ts";

/**
 * Up to this number of rows, feature maps stay in the processor's caches, so a multiplication and
 * an addition take less time than the fixed cost of TensorFlow's batch norm. With more rows, the
 * batch norm's single pass is faster.
 */
const FEW_ROWS = 8;

/** Convolutions whose kernels have the output channels as a last axis. */
const convolutions: ReadonlySet<string> = new Set(["Conv2D", "DepthwiseConv2dNative"]);
const additions: ReadonlySet<string> = new Set(["Add", "AddV2", "BiasAdd"]);

/**
 * Folds batch norms with constant statistics. A batch norm after a convolution with a constant
 * kernel, with or without a bias, is folded into the kernel and a bias, which TensorFlow computes
 * in one op together with a relu. Any other batch norm becomes a multiplication and an addition if
 * there are few rows. Other nodes do not change, and the results are the same up to float32
 * rounding.
 *
 * @param recorded The graph.
 * @returns A new graph with the same inputs and outputs.
 */
export function foldBatchNorms(recorded: RecordedGraph): RecordedGraph {
  return new Folding(recorded).result();
}

/** The function y = scale · x + shift for each channel. */
interface Affine {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

class Folding {
  readonly #recorded: RecordedGraph;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #uses = new Map<string, number>();
  readonly #graph: Graph;
  /** The new reference for each old one. */
  readonly #moved = new Map<Reference, Reference>();
  /** The new name of each old node, for control inputs. */
  readonly #renamed = new Map<string, string>();
  /** The function that is folded into a convolution, by the convolution's name. */
  readonly #folded = new Map<string, Affine>();
  /** The nodes that are folded into a convolution, with the convolution's name. */
  readonly #absorbed = new Map<string, string>();

  constructor(recorded: RecordedGraph) {
    this.#recorded = recorded;
    this.#graph = recorded.graph.empty();
    this.#nodes = new Map(recorded.graph.all.map((node) => [node.name, node]));
    for (const { inputs } of this.#nodes.values()) for (const input of inputs) this.#use(input);
    for (const output of recorded.outputs) if (typeof output === "string") this.#use(output);
  }

  result(): RecordedGraph {
    for (const node of this.#nodes.values()) this.#plan(node);
    for (const node of this.#nodes.values()) this.#emit(node);
    const { inputs, outputs, writes, exchanges, trace } = this.#recorded;
    return {
      graph: this.#graph,
      inputs: inputs.map((input) => this.#at(input)),
      outputs: outputs.map((output) => typeof output === "string" ? this.#at(output) : output),
      writes: writes.map((name) => this.#renamed.get(name)!),
      exchanges,
      trace,
    };
  }

  #use(reference: Reference): void {
    this.#uses.set(reference, (this.#uses.get(reference) ?? 0) + 1);
  }

  #plan(node: GraphNode): void {
    const affine = this.#affine(node);
    if (!affine) return;
    const above = this.#node(node.inputs[0]!);
    const bias = this.#bias(above, affine.scale.length);
    const convolution = bias ? bias.convolution : above;
    if (!this.#foldable(convolution, bias ? above : node, affine.scale.length)) return;
    const { scale, shift } = affine;
    this.#folded.set(convolution.name, {
      scale,
      shift: bias
        ? shift.map((value, channel) => value + scale[channel]! * bias.values[channel]!)
        : shift,
    });
    this.#absorbed.set(node.name, convolution.name);
    if (bias) this.#absorbed.set(above.name, convolution.name);
  }

  /**
   * Returns the function that a batch norm with constant statistics computes, or `undefined` for
   * other nodes.
   */
  #affine(node: GraphNode): Affine | undefined {
    if (
      node.op !== "FusedBatchNormV3" || node.bool("is_training") !== false ||
      node.type("T") !== DType.float || node.text("data_format") !== "NHWC" ||
      // The batch norm must stay if other nodes read its statistics.
      [1, 2, 3, 4, 5].some((output) => this.#uses.has(`${node.name}:${output}`))
    ) return undefined;
    const [scale, offset, mean, variance] = node.inputs.slice(1, 5)
      .map((input) => this.#constant(input));
    if (!scale || !offset || !mean || !variance) return undefined;
    const epsilon = node.float("epsilon")!;
    const factor = scale.map((value, channel) => value / Math.sqrt(variance[channel]! + epsilon));
    return {
      scale: factor,
      shift: offset.map((value, channel) => value - mean[channel]! * factor[channel]!),
    };
  }

  /**
   * Returns the constant bias that an addition adds to a node's output, if the addition does that.
   */
  #bias(
    node: GraphNode,
    channels: number,
  ): { convolution: GraphNode; values: Float32Array } | undefined {
    if (!additions.has(node.op) || !this.#onlyUse(node)) return undefined;
    for (const [map, bias] of [[0, 1], [1, 0]] as const) {
      const above = this.#node(node.inputs[map]!), values = this.#constant(node.inputs[bias]!);
      // The channels are the last axis of a convolution's output, so a list with one value per
      // channel is a bias.
      if (!convolutions.has(above.op) || values?.length !== channels) continue;
      if (this.#shape(node.inputs[bias]!)?.length === 1) return { convolution: above, values };
    }
    return undefined;
  }

  /** Checks whether only one node reads a convolution's output and the kernel is constant. */
  #foldable(convolution: GraphNode, user: GraphNode, channels: number): boolean {
    return convolutions.has(convolution.op) && convolution.type("T") === DType.float &&
      convolution.text("data_format") === "NHWC" && this.#onlyUse(convolution) &&
      user.inputs.some((input) => this.#node(input) === convolution) &&
      (this.#constant(convolution.inputs[1]!)?.length ?? 1) % channels === 0;
  }

  #onlyUse({ name }: GraphNode): boolean {
    return this.#uses.get(`${name}:0`) === 1 && !this.#uses.has(`^${name}`);
  }

  #node(reference: Reference): GraphNode {
    return this.#nodes.get(nameOf(reference))!;
  }

  /** Returns the values of a float32 constant. */
  #constant(reference: Reference): Float32Array | undefined {
    const node = this.#node(reference);
    if (node.op === "Fill") {
      const shape = this.#shape(reference), [value] = this.#constant(node.inputs[1]!) ?? [];
      if (!shape || value === undefined) return undefined;
      return new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
    }
    if (node.op !== "Const" || node.type("dtype") !== DType.float) return undefined;
    return new Float32Array(node.tensor!.bytes.slice().buffer);
  }

  /** Returns the shape of a constant. */
  #shape(reference: Reference): readonly number[] | undefined {
    const { op, inputs, tensor } = this.#node(reference);
    if (op !== "Fill") return tensor?.shape;
    const dims = this.#node(inputs[0]!).tensor;
    return dims && [...new Int32Array(dims.bytes.slice().buffer)];
  }

  #emit(node: GraphNode): void {
    const { name } = node, folded = this.#folded.get(name);
    const convolution = this.#absorbed.get(name);
    if (convolution) return this.#rename(name, this.#at(`${convolution}:0`));
    if (folded) return this.#emitConvolution(node, folded);
    const affine = this.#few() ? this.#affine(node) : undefined;
    if (affine) return this.#emitAffine(node, affine);
    // Constants are added when they are first used, because folding leaves the old kernels unused.
    if (node.op !== "Const" && node.op !== "Fill") this.#copy(node);
  }

  #emitConvolution(node: GraphNode, { scale, shift }: Affine): void {
    const [x, kernel] = node.inputs, channels = scale.length;
    const values = this.#constant(kernel!)!.map((value, index) => value * scale[index % channels]!);
    const scaled = this.#graph.constant(DType.float, this.#shape(kernel!)!, values);
    const result = this.#graph.copy(node, [this.#at(x!), scaled]) + ":0";
    const bias = this.#graph.constant(DType.float, [channels], shift);
    this.#rename(node.name, this.#graph.float("BiasAdd", [result, bias]));
  }

  #emitAffine(node: GraphNode, { scale, shift }: Affine): void {
    const constant = (values: Float32Array) =>
      this.#graph.constant(DType.float, [values.length], values);
    const scaled = this.#graph.float("Mul", [this.#at(node.inputs[0]!), constant(scale)]);
    this.#rename(node.name, this.#graph.float("AddV2", [scaled, constant(shift)]));
  }

  #copy(node: GraphNode): void {
    const name = this.#graph.copy(node, node.inputs.map((input) => this.#at(input)));
    this.#renamed.set(node.name, name);
  }

  #rename(name: string, reference: Reference): void {
    this.#renamed.set(name, nameOf(reference));
    this.#moved.set(`${name}:0`, reference);
  }

  /** Returns the reference in the new graph for one in the old graph. */
  #at(reference: Reference): Reference {
    const moved = this.#moved.get(reference);
    if (moved) return moved;
    const name = nameOf(reference);
    if (!this.#renamed.has(name)) this.#copy(this.#node(reference));
    return reference.replace(name, this.#renamed.get(name)!);
  }

  #few(): boolean {
    const { inputs } = this.#recorded;
    return inputs.every((input) => (this.#node(input).shape?.[0] ?? 1) <= FEW_ROWS);
  }
}

/** Returns the node's name in `NODE:OUTPUT` or `^NODE`. */
function nameOf(reference: Reference): string {
  return reference.replace(/^\^/, "").replace(/:\d+$/, "");
}
