/**
 * A TensorFlow graph in the making: nodes go in, a SavedModel comes out.
 *
 * @module
 */

import messages from "@tensorflow/tfjs-node/dist/proto/api_pb.js";

/** The numbers by which TensorFlow knows its types. */
export const DType = { float: 1, int32: 3, bfloat16: 14 } as const;

/** A value in the graph: `NODE:OUTPUT`. */
export type Reference = string;

/** An attribute as tfjs-node's kernels hand it to the binding. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The binding's numbers for the kinds of attributes. */
export interface AttributeKinds {
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}

/** A message of tfjs-node's protobuf code, which has no types. */
// deno-lint-ignore no-explicit-any
type Message = any;

/** TensorFlow 2.16 and later read graphs of this version as their own. */
const PRODUCER = 1087;

/** Fewer equal numbers than this are written out rather than filled in. */
const SMALLEST_FILL = 64;

/** A node of a graph, to be read by rewrites. */
export class GraphNode {
  readonly #message: Message;

  /**
   * Wraps a node.
   *
   * @param message The node's message.
   */
  constructor(message: Message) {
    this.#message = message;
  }

  /** Its name; its outputs are `NAME:0` and so on. */
  get name(): string {
    return this.#message.getName();
  }

  /** The op. */
  get op(): string {
    return this.#message.getOp();
  }

  /** What it computes with. */
  get inputs(): readonly Reference[] {
    return this.#message.getInputList();
  }

  /** Its attributes, as messages by name. */
  get attributes(): [string, Message][] {
    const attributes: [string, Message][] = [];
    this.#message.getAttrMap().forEach((value: Message, name: string) =>
      attributes.push([name, value])
    );
    return attributes;
  }

  /**
   * A type of the node.
   *
   * @param name The attribute's name.
   */
  type(name: string): number | undefined {
    return this.#attribute(name)?.getType();
  }

  /**
   * A float of the node.
   *
   * @param name The attribute's name.
   */
  float(name: string): number | undefined {
    return this.#attribute(name)?.getF();
  }

  /**
   * A truth value of the node.
   *
   * @param name The attribute's name.
   */
  bool(name: string): boolean | undefined {
    return this.#attribute(name)?.getB();
  }

  /**
   * A text of the node.
   *
   * @param name The attribute's name.
   */
  text(name: string): string | undefined {
    const value = this.#attribute(name);
    return value && new TextDecoder().decode(value.getS_asU8());
  }

  /** The shape of a `Placeholder`. */
  get shape(): readonly number[] | undefined {
    return sizesOf(this.#attribute("shape")?.getShape());
  }

  /** The shape and bytes of a `Const`. */
  get tensor(): { readonly shape: readonly number[]; readonly bytes: Uint8Array } | undefined {
    const tensor = this.#attribute("value")?.getTensor();
    return tensor && {
      shape: sizesOf(tensor.getTensorShape())!,
      bytes: tensor.getTensorContent_asU8(),
    };
  }

  #attribute(name: string): Message {
    return this.#message.getAttrMap().get(name);
  }
}

/** A graph that grows node by node. */
export class Graph {
  readonly #nodes: Message[] = [];
  readonly #kinds: AttributeKinds;
  #constantBytes = 0;
  #casts = 0;

  /**
   * An empty graph.
   *
   * @param kinds The binding's numbers for the kinds of attributes.
   */
  constructor(kinds: AttributeKinds) {
    this.#kinds = kinds;
  }

  /** How many nodes there are. */
  get nodes(): number {
    return this.#nodes.length;
  }

  /** How many bytes of constants are written out. */
  get constantBytes(): number {
    return this.#constantBytes;
  }

  /** How many changes of type there are that {@linkcode Graph.cast} added. */
  get casts(): number {
    return this.#casts;
  }

  /** The nodes, each after those that it computes with. */
  get all(): readonly GraphNode[] {
    return this.#nodes.map((message) => new GraphNode(message));
  }

  /** An empty graph of the same kind. */
  empty(): Graph {
    return new Graph(this.#kinds);
  }

  /**
   * Adds a node like one of another graph.
   *
   * @param node The other node.
   * @param inputs What it computes with here.
   * @returns Its name here.
   */
  copy(node: GraphNode, inputs: readonly Reference[]): string {
    this.#constantBytes += node.tensor?.bytes.length ?? 0;
    if (node.op === "Cast") this.#casts++;
    return this.#add(node.op, inputs, node.attributes);
  }

  /**
   * Adds a node.
   *
   * @param op The op.
   * @param inputs What it computes with.
   * @param attributes Its attributes.
   * @param after Nodes that have to have run before.
   * @returns Its name; its outputs are `NAME:0` and so on.
   */
  op(
    op: string,
    inputs: readonly Reference[],
    attributes: readonly OpAttribute[],
    after: Iterable<string> = [],
  ): string {
    return this.#add(
      op,
      [...inputs, ...controls(after)],
      attributes.map((attribute) => [attribute.name, this.#attribute(attribute)]),
    );
  }

  /**
   * Adds a node of an op that has no attribute but its type, or defaults for all others.
   *
   * @param op The op.
   * @param inputs What it computes with, float32.
   * @returns Its only output.
   */
  float(op: string, inputs: readonly Reference[]): Reference {
    return this.#add(op, inputs, [["T", typeMessage(DType.float)]]) + ":0";
  }

  /**
   * Adds an input of the graph.
   *
   * @param type Its type.
   * @param shape Its shape.
   */
  placeholder(type: number, shape: readonly number[]): Reference {
    const value = new messages.AttrValue();
    value.setShape(shapeMessage(shape));
    return this.#add("Placeholder", [], [["dtype", typeMessage(type)], ["shape", value]]) + ":0";
  }

  /**
   * Adds a constant; equal numbers become a fill.
   *
   * @param type Its type.
   * @param shape Its shape.
   * @param values Its values.
   */
  constant(type: number, shape: readonly number[], values: ArrayBufferView): Reference {
    const numbers = values as Float32Array;
    const size = shape.reduce((a, b) => a * b, 1);
    if (size >= SMALLEST_FILL && numbers.every((number) => Object.is(number, numbers[0]))) {
      const dims = this.#constant(DType.int32, [shape.length], Int32Array.from(shape));
      const value = this.#constant(type, [], numbers.slice(0, 1));
      return this.#add("Fill", [dims, value], [
        ["T", typeMessage(type)],
        ["index_type", typeMessage(DType.int32)],
      ]) + ":0";
    }
    return this.#constant(type, shape, values);
  }

  /**
   * Adds a change of type.
   *
   * @param value What is changed.
   * @param from Its type.
   * @param to The new type.
   */
  cast(value: Reference, from: number, to: number): Reference {
    this.#casts++;
    return this.#add("Cast", [value], [["SrcT", typeMessage(from)], ["DstT", typeMessage(to)]]) +
      ":0";
  }

  /**
   * Adds a name for a value that is fetched.
   *
   * @param value The value.
   * @param type Its type.
   * @param after Nodes that have to have run before.
   */
  identity(value: Reference, type: number, after: Iterable<string> = []): Reference {
    return this.#add("Identity", [value, ...controls(after)], [["T", typeMessage(type)]]) + ":0";
  }

  /**
   * Adds a split of a value's rows into parts that differ by less than their number.
   *
   * @param value The value `[rows, ...shape]`; how many rows, only the running graph knows.
   * @param type Its type.
   * @param count How many parts.
   * @returns The parts.
   */
  split(value: Reference, type: number, count: number): Reference[] {
    if (count === 1) return [value];
    const int = ["T", typeMessage(DType.int32)] as [string, Message];
    const number = (value: number) => this.#constant(DType.int32, [], Int32Array.of(value));
    const integer = (value: number) => {
      const message = new messages.AttrValue();
      message.setI(value);
      return message;
    };
    const shape = this.#add("Shape", [value], [["T", typeMessage(type)], [
      "out_type",
      typeMessage(DType.int32),
    ]]);
    const rows = this.#add("GatherV2", [`${shape}:0`, number(0), number(0)], [
      ["Tparams", typeMessage(DType.int32)],
      ["Tindices", typeMessage(DType.int32)],
      ["Taxis", typeMessage(DType.int32)],
      ["batch_dims", integer(0)],
    ]);
    const part = this.#add("FloorDiv", [`${rows}:0`, number(count)], [int]) + ":0";
    const others = this.#add("Mul", [part, number(count - 1)], [int]) + ":0";
    const last = this.#add("Sub", [`${rows}:0`, others], [int]) + ":0";
    const sizes = this.#add("Pack", [...Array(count - 1).fill(part), last], [
      int,
      ["N", integer(count)],
      ["axis", integer(0)],
    ]);
    const node = this.#add("SplitV", [value, `${sizes}:0`, number(0)], [
      ["T", typeMessage(type)],
      ["Tlen", typeMessage(DType.int32)],
      ["num_split", integer(count)],
    ]);
    return Array.from({ length: count }, (_, index) => `${node}:${index}`);
  }

  /** The graph as the bytes of a SavedModel's `saved_model.pb`. */
  toSavedModel(): Uint8Array {
    const graph = new messages.GraphDef();
    graph.setNodeList(this.#nodes);
    const version = new messages.VersionDef();
    version.setProducer(PRODUCER);
    graph.setVersions(version);
    const info = new messages.MetaGraphDef.MetaInfoDef();
    info.addTags("serve");
    const meta = new messages.MetaGraphDef();
    meta.setGraphDef(graph);
    meta.setMetaInfoDef(info);
    const saved = new messages.SavedModel();
    saved.setSavedModelSchemaVersion(1);
    saved.addMetaGraphs(meta);
    return saved.serializeBinary();
  }

  #constant(type: number, shape: readonly number[], values: ArrayBufferView): Reference {
    const tensor = new messages.Tensor();
    tensor.setDtype(type);
    tensor.setTensorShape(shapeMessage(shape));
    tensor.setTensorContent(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
    );
    this.#constantBytes += values.byteLength;
    const value = new messages.AttrValue();
    value.setTensor(tensor);
    return this.#add("Const", [], [["dtype", typeMessage(type)], ["value", value]]) + ":0";
  }

  #add(op: string, inputs: readonly Reference[], attributes: [string, Message][]): string {
    const node = new messages.NodeDef();
    const name = `${op}_${this.#nodes.length}`;
    node.setName(name);
    node.setOp(op);
    for (const input of inputs) node.addInput(input);
    for (const [key, value] of attributes) node.getAttrMap().set(key, value);
    this.#nodes.push(node);
    return name;
  }

  #attribute({ type, value }: OpAttribute): Message {
    const kinds = this.#kinds, message = new messages.AttrValue();
    if (type === kinds.TF_ATTR_STRING) message.setS(new TextEncoder().encode(value as string));
    else if (type === kinds.TF_ATTR_FLOAT) message.setF(value);
    else if (type === kinds.TF_ATTR_BOOL) message.setB(value);
    else if (type === kinds.TF_ATTR_SHAPE) message.setShape(shapeMessage(value as number[]));
    else if (type !== kinds.TF_ATTR_INT && type !== kinds.TF_ATTR_TYPE) {
      throw new TypeError(`attributes of kind ${type} cannot be captured`);
    } else if (Array.isArray(value)) {
      const list = new messages.AttrValue.ListValue();
      if (type === kinds.TF_ATTR_INT) list.setIList(value);
      else list.setTypeList(value);
      message.setList(list);
    } else if (type === kinds.TF_ATTR_INT) message.setI(value);
    else message.setType(value);
    return message;
  }
}

/** Inputs that carry no value but an order. */
const controls = (nodes: Iterable<string>) => Array.from(nodes, (node) => `^${node}`);

function typeMessage(type: number): Message {
  const message = new messages.AttrValue();
  message.setType(type);
  return message;
}

function sizesOf(shape: Message): number[] | undefined {
  return shape?.getDimList().map((dim: Message) => dim.getSize());
}

function shapeMessage(shape: readonly number[]): Message {
  const message = new messages.TensorShape();
  for (const size of shape) {
    const dim = new messages.TensorShape.Dim();
    dim.setSize(size);
    message.addDim(dim);
  }
  return message;
}
