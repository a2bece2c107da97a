/**
 * Makes a graph whose weights are constants cheaper to run: batch norms behind convolutions become
 * part of the convolutions.
 *
 * @module
 */

import { DType, type Graph, type GraphNode, type Reference } from "./graph.ts";
import type { RecordedGraph } from "./recorder.ts";

/**
 * Up to so many rows, maps stay in the processor's caches, and a multiplication and an addition
 * take less time than the fixed costs of TensorFlow's batch norm; with more, its single pass is
 * faster.
 */
const FEW_ROWS = 8;

/** Convolutions whose kernels have their output channels last. */
const convolutions: ReadonlySet<string> = new Set(["Conv2D", "DepthwiseConv2dNative"]);
const additions: ReadonlySet<string> = new Set(["Add", "AddV2", "BiasAdd"]);

/**
 * Folds batch norms with constant statistics. One behind a convolution with a constant kernel, with
 * or without a bias, goes into the kernel and a bias, which TensorFlow computes in one op together
 * with a relu; any other becomes a multiplication and an addition where rows are few. All else
 * stays as it is, and so does the result up to float32 rounding.
 *
 * @param recorded The graph.
 * @returns A new graph with the same inputs and outputs.
 */
export function foldBatchNorms(recorded: RecordedGraph): RecordedGraph {
  return new Folding(recorded).result();
}

/** y = scale · x + shift for each channel. */
interface Affine {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

class Folding {
  readonly #recorded: RecordedGraph;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #uses = new Map<string, number>();
  readonly #graph: Graph;
  /** The new reference of each old one. */
  readonly #moved = new Map<Reference, Reference>();
  /** The new name of each old node, for inputs that are an order only. */
  readonly #renamed = new Map<string, string>();
  /** What is folded into a convolution, by the convolution's name. */
  readonly #folded = new Map<string, Affine>();
  /** Nodes whose work a convolution does, and the convolution. */
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
    const { inputs, outputs, trace } = this.#recorded;
    return {
      graph: this.#graph,
      inputs: inputs.map((input) => this.#at(input)),
      outputs: outputs.map((output) => typeof output === "string" ? this.#at(output) : output),
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

  /** What a batch norm with constant statistics computes; `undefined` for all other nodes. */
  #affine(node: GraphNode): Affine | undefined {
    if (
      node.op !== "FusedBatchNormV3" || node.bool("is_training") !== false ||
      node.type("T") !== DType.float || node.text("data_format") !== "NHWC" ||
      // Statistics that somebody wants are computed by the op alone.
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

  /** A constant bias that is added to what a node gives, if that is what an addition does. */
  #bias(
    node: GraphNode,
    channels: number,
  ): { convolution: GraphNode; values: Float32Array } | undefined {
    if (!additions.has(node.op) || !this.#onlyUse(node)) return undefined;
    for (const [map, bias] of [[0, 1], [1, 0]] as const) {
      const above = this.#node(node.inputs[map]!), values = this.#constant(node.inputs[bias]!);
      // A convolution's last axis are its channels, so that a list of them can be nothing else.
      if (!convolutions.has(above.op) || values?.length !== channels) continue;
      if (this.#shape(node.inputs[bias]!)?.length === 1) return { convolution: above, values };
    }
    return undefined;
  }

  /** Whether a convolution's result goes to one node only and its kernel is known. */
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

  /** The values of a float32 constant. */
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

  /** The shape of a constant. */
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
    // Constants are added where they are used first: folded kernels leave the old ones behind.
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

  /** Where a value of the old graph is in the new one. */
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

/** The node's name in `NODE:OUTPUT` and in `^NODE`. */
function nameOf(reference: Reference): string {
  return reference.replace(/^\^/, "").replace(/:\d+$/, "");
}
