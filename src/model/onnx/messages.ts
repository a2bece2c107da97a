/**
 * Encodes the protocol buffer messages of an ONNX file that a model needs. The numbers of fields
 * and types come from the ONNX specification (onnx.proto, IR version 9).
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The types of tensors, with their numbers in the ONNX specification. */
export const ElementType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
} as const;

/** The type of a tensor, as its number in the ONNX specification. */
export type ElementType = typeof ElementType[keyof typeof ElementType];

/** The value of an attribute of an ONNX operation. */
export type AttributeValue =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] | BigInt64Array }
  | { readonly strings: readonly string[] };

/** An operation of an ONNX graph (`NodeProto`). */
export interface NodeMessage {
  /** The operation, such as `Conv`. */
  readonly op: string;
  /** The operator domain; by default, the standard one. */
  readonly domain?: string | undefined;
  /** The node's name. */
  readonly name: string;
  /** The names of its inputs. */
  readonly inputs: readonly string[];
  /** The names of its outputs. */
  readonly outputs: readonly string[];
  /** The attributes by name. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** The location of a tensor's values outside the ONNX file. */
export interface ExternalData {
  /** The path of the file, relative to the folder of the ONNX file. */
  readonly location: string;
  /** The offset of the first byte. */
  readonly offset: number;
  /** The number of bytes. */
  readonly length: number;
}

/** A tensor with known values (`TensorProto`), such as the weights of a layer. */
export interface TensorMessage {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly type: ElementType;
  /** Its shape. */
  readonly shape: readonly number[];
  /** The values, or their location in another file. */
  readonly data: Uint8Array | ExternalData;
}

/** An input or output of an ONNX graph (`ValueInfoProto`). */
export interface ValueMessage {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly type: ElementType;
  /** The shape. A text is the name of a dimension whose size the caller chooses. */
  readonly shape: readonly (number | string)[];
  /** A description for people. */
  readonly description?: string | undefined;
}

/** The content of an ONNX file (`ModelProto`). */
export interface ModelMessage {
  /** The program that wrote the file. */
  readonly producer: { readonly name: string; readonly version: string };
  /** The version of each operator set, by its domain; the standard domain is the empty text. */
  readonly operators: Readonly<Record<string, number>>;
  /** Further information, as texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The name of the graph. */
  readonly name: string;
  /** The operations, in an order in which they can run. */
  readonly nodes: readonly NodeMessage[];
  /** The tensors with known values. */
  readonly tensors: readonly TensorMessage[];
  /** The inputs. */
  readonly inputs: readonly ValueMessage[];
  /** The outputs. */
  readonly outputs: readonly ValueMessage[];
}

/** The version of the file format. */
const IR_VERSION = 9;

/**
 * Encodes the content of an ONNX file.
 *
 * @param model The model. The encoded file may have at most 2 GB, which is protobuf's limit.
 */
export function encodeModel(model: ModelMessage): Uint8Array {
  const writer = new BinaryWriter();
  int(writer, 1, IR_VERSION);
  text(writer, 2, model.producer.name);
  text(writer, 3, model.producer.version);
  message(writer, 7, (graph) => {
    for (const node of model.nodes) message(graph, 1, (to) => writeNode(to, node));
    text(graph, 2, model.name);
    for (const tensor of model.tensors) message(graph, 5, (to) => writeTensor(to, tensor));
    for (const input of model.inputs) message(graph, 11, (to) => writeValue(to, input));
    for (const output of model.outputs) message(graph, 12, (to) => writeValue(to, output));
  });
  for (const [domain, version] of Object.entries(model.operators)) {
    message(writer, 8, (to) => {
      text(to, 1, domain);
      int(to, 2, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) entry(writer, 14, key, value);
  return writer.finish();
}

function writeNode(to: BinaryWriter, node: NodeMessage): void {
  for (const input of node.inputs) text(to, 1, input);
  for (const output of node.outputs) text(to, 2, output);
  text(to, 3, node.name);
  text(to, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(to, 5, (attribute) => {
      text(attribute, 1, name);
      writeAttribute(attribute, value);
    });
  }
  if (node.domain) text(to, 7, node.domain);
}

function writeAttribute(to: BinaryWriter, value: AttributeValue): void {
  const kind = (number: number) => int(to, 20, number);
  if ("float" in value) {
    to.tag(2, WireType.Bit32).float(value.float);
    kind(1);
  } else if ("int" in value) {
    to.tag(3, WireType.Varint).int64(value.int);
    kind(2);
  } else if ("string" in value) {
    to.tag(4, WireType.LengthDelimited).bytes(new TextEncoder().encode(value.string));
    kind(3);
  } else if ("ints" in value) {
    for (const one of value.ints) to.tag(8, WireType.Varint).int64(one);
    kind(7);
  } else {
    const encoder = new TextEncoder();
    for (const one of value.strings) {
      to.tag(9, WireType.LengthDelimited).bytes(encoder.encode(one));
    }
    kind(8);
  }
}

function writeTensor(to: BinaryWriter, { name, type, shape, data }: TensorMessage): void {
  for (const size of shape) int(to, 1, size);
  int(to, 2, type);
  text(to, 8, name);
  if (data instanceof Uint8Array) {
    to.tag(9, WireType.LengthDelimited).bytes(data);
    return;
  }
  entry(to, 13, "location", data.location);
  entry(to, 13, "offset", String(data.offset));
  entry(to, 13, "length", String(data.length));
  const external = 1;
  int(to, 14, external);
}

function writeValue(to: BinaryWriter, { name, type, shape, description }: ValueMessage): void {
  text(to, 1, name);
  message(to, 2, (kind) =>
    message(kind, 1, (tensor) => {
      int(tensor, 1, type);
      message(tensor, 2, (sizes) => {
        for (const size of shape) {
          message(
            sizes,
            1,
            (to) => typeof size === "number" ? int(to, 1, size) : text(to, 2, size),
          );
        }
      });
    }));
  if (description !== undefined) text(to, 3, description);
}

function int(to: BinaryWriter, field: number, value: number): void {
  to.tag(field, WireType.Varint).int64(value);
}

function text(to: BinaryWriter, field: number, value: string): void {
  to.tag(field, WireType.LengthDelimited).string(value);
}

function message(to: BinaryWriter, field: number, write: (to: BinaryWriter) => void): void {
  to.tag(field, WireType.LengthDelimited).fork();
  write(to);
  to.join();
}

function entry(to: BinaryWriter, field: number, key: string, value: string): void {
  message(to, field, (to) => {
    text(to, 1, key);
    text(to, 2, value);
  });
}
