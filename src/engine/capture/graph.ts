/**
 * Builds a TensorFlow graph node by node.
 *
 * @module
 */

import { RESOURCE } from "../stores.ts";
import messages from "@tensorflow/tfjs-node/dist/proto/api_pb.js";

/** The numeric codes of data types in TensorFlow's protocol buffers. */
export const DType = { float: 1, int32: 3, bfloat16: 14, resource: RESOURCE } as const;

/** A reference to a value in the graph: `NODE:OUTPUT`. */
export type Reference = string;

/** An attribute of an op, as tfjs-node's kernels pass it to the binding. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The numbers by which tfjs-node's binding identifies the types of an op's attributes. */
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

/** The version of the graph format that TensorFlow 2.16 and later write. */
const PRODUCER = 1087;

/** Constants with fewer equal numbers than this are written in full instead of as a fill. */
const SMALLEST_FILL = 64;

/** Read-only access to a node of a graph, for code that rewrites parts of the graph. */
export class GraphNode {
  readonly #message: Message;

  /**
   * Wraps a node.
   *
   * @param message The node's protobuf message.
   */
  constructor(message: Message) {
    this.#message = message;
  }

  /** The node's name. Its outputs are `NAME:0` and so on. */
  get name(): string {
    return this.#message.getName();
  }

  /** The name of the op. */
  get op(): string {
    return this.#message.getOp();
  }

  /** The references to the node's inputs. */
  get inputs(): readonly Reference[] {
    return this.#message.getInputList();
  }

  /** The node's attributes, as protobuf messages by name. */
  get attributes(): [string, Message][] {
    const attributes: [string, Message][] = [];
    this.#message.getAttrMap().forEach((value: Message, name: string) =>
      attributes.push([name, value])
    );
    return attributes;
  }

  /**
   * Reads an attribute that is a type.
   *
   * @param name The attribute's name.
   * @returns TensorFlow's number for the type, or `undefined` without such an attribute.
   */
  type(name: string): number | undefined {
    return this.#attribute(name)?.getType();
  }

  /**
   * Reads an attribute that is a float.
   *
   * @param name The attribute's name.
   * @returns The number, or `undefined` without such an attribute.
   */
  float(name: string): number | undefined {
    return this.#attribute(name)?.getF();
  }

  /**
   * Reads an attribute that is a boolean.
   *
   * @param name The attribute's name.
   * @returns The value, or `undefined` without such an attribute.
   */
  bool(name: string): boolean | undefined {
    return this.#attribute(name)?.getB();
  }

  /**
   * Reads an attribute that is a string.
   *
   * @param name The attribute's name.
   * @returns The string, or `undefined` without such an attribute.
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

/** Builds a TensorFlow graph (`GraphDef`) node by node. */
export class Graph {
  readonly #nodes: Message[] = [];
  readonly #kinds: AttributeKinds;
  #constantBytes = 0;
  #casts = 0;

  /**
   * Creates an empty graph.
   *
   * @param kinds The binding's numbers for kinds of attributes.
   */
  constructor(kinds: AttributeKinds) {
    this.#kinds = kinds;
  }

  /** The number of nodes. */
  get nodes(): number {
    return this.#nodes.length;
  }

  /** The size of the constants that are written in full, in bytes. */
  get constantBytes(): number {
    return this.#constantBytes;
  }

  /** The number of type conversions that {@linkcode Graph.cast} added. */
  get casts(): number {
    return this.#casts;
  }

  /** The nodes in an order in which each comes after its inputs. */
  get all(): readonly GraphNode[] {
    return this.#nodes.map((message) => new GraphNode(message));
  }

  /** Creates an empty graph with the same attribute kinds. */
  empty(): Graph {
    return new Graph(this.#kinds);
  }

  /**
   * Adds a copy of a node of another graph.
   *
   * @param node The other node.
   * @param inputs The references to its inputs in this graph.
   * @returns Its name in this graph.
   */
  copy(node: GraphNode, inputs: readonly Reference[]): string {
    this.#constantBytes += node.tensor?.bytes.length ?? 0;
    if (node.op === "Cast") this.#casts++;
    return this.#add(node.op, inputs, node.attributes);
  }

  /**
   * Adds a node.
   *
   * @param op The name of the op.
   * @param inputs The references to its inputs.
   * @param attributes Its attributes.
   * @param after Names of nodes that must run before this one.
   * @returns Its name. Its outputs are `NAME:0` and so on.
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
   * Adds a float32 node of an op that needs no attribute other than its type.
   *
   * @param op The name of the op.
   * @param inputs The references to its inputs, float32.
   * @returns The reference to its only output.
   */
  float(op: string, inputs: readonly Reference[]): Reference {
    return this.#add(op, inputs, [["T", typeMessage(DType.float)]]) + ":0";
  }

  /**
   * Adds an input of the graph.
   *
   * @param type TensorFlow's number for its type.
   * @param shape Its shape.
   * @returns The reference to its value.
   */
  placeholder(type: number, shape: readonly number[]): Reference {
    const value = new messages.AttrValue();
    value.setShape(shapeMessage(shape));
    return this.#add("Placeholder", [], [["dtype", typeMessage(type)], ["shape", value]]) + ":0";
  }

  /**
   * Adds an input of the graph that refers to a resource variable of float32 values.
   *
   * @param shape The shape of the variable.
   * @returns The reference to the variable.
   */
  variable(shape: readonly number[]): Reference {
    const shapes = new messages.AttrValue.ListValue(), types = new messages.AttrValue.ListValue();
    shapes.setShapeList([shapeMessage(shape)]);
    types.setTypeList([DType.float]);
    const none = new messages.AttrValue();
    none.setShape(shapeMessage([]));
    return this.#add("Placeholder", [], [
      ["dtype", typeMessage(DType.resource)],
      ["shape", none],
      // With these, TensorFlow knows the shapes of the values that are read from the variable.
      ["_handle_shapes", listMessage(shapes)],
      ["_handle_dtypes", listMessage(types)],
    ]) + ":0";
  }

  /**
   * Adds a constant. Many equal numbers become a fill.
   *
   * @param type TensorFlow's number for its type.
   * @param shape Its shape.
   * @param values Its values.
   * @returns The reference to its value.
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
   * Adds a type conversion.
   *
   * @param value The reference to the value to convert.
   * @param from TensorFlow's number for the old type.
   * @param to TensorFlow's number for the new type.
   * @returns The reference to the converted value.
   */
  cast(value: Reference, from: number, to: number): Reference {
    this.#casts++;
    return this.#add("Cast", [value], [["SrcT", typeMessage(from)], ["DstT", typeMessage(to)]]) +
      ":0";
  }

  /**
   * Adds an identity node, which gives a name to a value that the graph returns.
   *
   * @param value The reference to the value.
   * @param type TensorFlow's number for its type.
   * @returns The reference to the same value.
   */
  identity(value: Reference, type: number): Reference {
    return this.#add("Identity", [value], [["T", typeMessage(type)]]) + ":0";
  }

  /** Returns the graph as the bytes of a `GraphDef`. */
  toGraphDef(): Uint8Array<ArrayBuffer> {
    const graph = new messages.GraphDef();
    graph.setNodeList(this.#nodes);
    const version = new messages.VersionDef();
    version.setProducer(PRODUCER);
    graph.setVersions(version);
    return graph.serializeBinary();
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

/** Returns control inputs: they carry no value and only define an order. */
const controls = (nodes: Iterable<string>) => Array.from(nodes, (node) => `^${node}`);

function typeMessage(type: number): Message {
  const message = new messages.AttrValue();
  message.setType(type);
  return message;
}

function listMessage(list: Message): Message {
  const message = new messages.AttrValue();
  message.setList(list);
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
