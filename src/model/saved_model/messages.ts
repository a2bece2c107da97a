/**
 * Encodes the protocol buffer messages of a SavedModel that a model needs. The numbers of fields
 * and types come from TensorFlow (saved_model.proto and the files that it imports).
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The types of tensors, with their numbers in TensorFlow. */
export const DType = {
  float: 1,
  double: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  int64: 9,
  bool: 10,
  uint16: 17,
  resource: 20,
  uint32: 22,
  uint64: 23,
} as const;

/** The type of a tensor, as its number in TensorFlow. */
export type DType = typeof DType[keyof typeof DType];

/** A tensor with known values (`TensorProto`), such as a constant. */
export interface TensorMessage {
  /** Its type. */
  readonly type: DType;
  /** Its shape. */
  readonly shape: readonly number[];
  /** The values: the bytes of numbers, or a list of texts. */
  readonly data: Uint8Array | readonly string[];
}

/** The value of an attribute of a TensorFlow operation (`AttrValue`). */
export type Attribute =
  | { readonly text: string }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly type: DType }
  /** The shape. The caller chooses sizes that are −1. */
  | { readonly shape: readonly number[] }
  | { readonly tensor: TensorMessage }
  | { readonly ints: readonly number[] }
  | { readonly types: readonly DType[] };

/** An operation of a TensorFlow graph (`NodeDef`). */
export interface NodeMessage {
  /** Its name. */
  readonly name: string;
  /** The operation, such as `Conv2D`. */
  readonly op: string;
  /** The inputs: `NODE:OUTPUT`, or `^NODE` for a node that must run before this one. */
  readonly inputs: readonly string[];
  /** The attributes by name. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of a signature (`TensorInfo`). */
export interface TensorInfo {
  /** The reference to the value in the graph. */
  readonly reference: string;
  /** Its type. */
  readonly type: DType;
  /** The shape. The caller chooses sizes that are −1. */
  readonly shape: readonly number[];
}

/** A variable (`VariableDef`), whose values are stored in the folder `variables`. */
export interface VariableMessage {
  /** Its name. */
  readonly name: string;
  /** The node that assigns the initial value. */
  readonly initializer: string;
  /** The reference to the value that a read of the variable returns. */
  readonly snapshot: string;
  /** The reference to the initial value. */
  readonly initial: string;
}

/** The operations that save and restore variables (`SaverDef`). */
export interface RestoreMessage {
  /** The reference to the path of the files. */
  readonly files: string;
  /** The reference to the result of the operation that writes the files. */
  readonly save: string;
  /** The node that reads the files. */
  readonly node: string;
}

/** The content of `saved_model.pb`. */
export interface SavedModelMessage {
  /** The operations, each after its inputs. */
  readonly nodes: readonly NodeMessage[];
  /** The inputs of the signature `serving_default`, by name. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** The outputs of the signature, by name. */
  readonly outputs: Readonly<Record<string, TensorInfo>>;
  /** The variables. */
  readonly variables: readonly VariableMessage[];
  /** The operations that restore the variables; undefined if there are none. */
  readonly restore: RestoreMessage | undefined;
  /** The node that must run before the first call, if there is one. */
  readonly prepare: string | undefined;
}

/** The version of the graph format that TensorFlow 2.16 and later write. */
const PRODUCER = 1087;

/** The name of the signature with the node that must run before the first call. */
const PREPARE = "__saved_model_init_op";

/**
 * Encodes the content of `saved_model.pb`.
 *
 * @param model The model.
 */
export function encodeSavedModel(model: SavedModelMessage): Uint8Array {
  const { nodes, inputs, outputs, variables, restore, prepare } = model;
  const writer = new BinaryWriter();
  int(writer, 1, 1);
  message(writer, 2, (meta) => {
    message(meta, 1, (info) => text(info, 4, "serve"));
    message(meta, 2, (graph) => {
      for (const node of nodes) message(graph, 1, (to) => writeNode(to, node));
      message(graph, 4, (versions) => int(versions, 1, PRODUCER));
    });
    if (restore) {
      message(meta, 3, (saver) => {
        text(saver, 1, restore.files);
        text(saver, 2, restore.save);
        text(saver, 3, restore.node);
        // Version 2 of the format of variables.
        int(saver, 7, 2);
      });
    }
    for (const name of ["variables", "trainable_variables"]) {
      entry(meta, 4, name, (collection) =>
        message(collection, 2, (list) => {
          for (const variable of variables) {
            message(list, 1, (to) => writeVariable(to, variable));
          }
        }));
    }
    entry(meta, 5, "serving_default", (signature) => {
      for (const [name, info] of Object.entries(inputs)) {
        entry(signature, 1, name, (to) => writeInfo(to, info));
      }
      for (const [name, info] of Object.entries(outputs)) {
        entry(signature, 2, name, (to) => writeInfo(to, info));
      }
      text(signature, 3, "tensorflow/serving/predict");
    });
    if (prepare === undefined) return;
    entry(meta, 5, PREPARE, (signature) => {
      entry(signature, 2, PREPARE, (info) => {
        text(info, 1, prepare);
        message(info, 3, (shape) => int(shape, 3, 1));
      });
    });
  });
  return writer.finish();
}

function writeNode(to: BinaryWriter, { name, op, inputs, attributes }: NodeMessage): void {
  text(to, 1, name);
  text(to, 2, op);
  for (const input of inputs) text(to, 3, input);
  for (const [name, value] of Object.entries(attributes)) {
    entry(to, 5, name, (attribute) => writeAttribute(attribute, value));
  }
}

function writeAttribute(to: BinaryWriter, value: Attribute): void {
  if ("text" in value) text(to, 2, value.text);
  else if ("int" in value) int(to, 3, value.int);
  else if ("float" in value) to.tag(4, WireType.Bit32).float(value.float);
  else if ("bool" in value) to.tag(5, WireType.Varint).bool(value.bool);
  else if ("type" in value) int(to, 6, value.type);
  else if ("shape" in value) message(to, 7, (shape) => writeShape(shape, value.shape));
  else if ("tensor" in value) message(to, 8, (tensor) => writeTensor(tensor, value.tensor));
  else {
    message(to, 1, (list) => {
      const [field, numbers] = "ints" in value ? [3, value.ints] : [6, value.types];
      for (const number of numbers) int(list, field, number);
    });
  }
}

function writeTensor(to: BinaryWriter, { type, shape, data }: TensorMessage): void {
  int(to, 1, type);
  message(to, 2, (sizes) => writeShape(sizes, shape));
  if (data instanceof Uint8Array) to.tag(4, WireType.LengthDelimited).bytes(data);
  else for (const one of data) text(to, 8, one);
}

/**
 * Writes the sizes of a shape into a protocol buffer message.
 *
 * @param to The writer of the message `TensorShapeProto`.
 * @param shape The sizes.
 */
export function writeShape(to: BinaryWriter, shape: readonly number[]): void {
  for (const size of shape) message(to, 2, (dim) => int(dim, 1, size));
}

function writeInfo(to: BinaryWriter, { reference, type, shape }: TensorInfo): void {
  text(to, 1, reference);
  int(to, 2, type);
  message(to, 3, (sizes) => writeShape(sizes, shape));
}

function writeVariable(to: BinaryWriter, variable: VariableMessage): void {
  text(to, 1, variable.name);
  text(to, 2, variable.initializer);
  text(to, 3, variable.snapshot);
  // The variable is a resource variable.
  to.tag(5, WireType.Varint).bool(true);
  text(to, 6, variable.initial);
  to.tag(7, WireType.Varint).bool(true);
}

/**
 * Writes a field with a whole number into a protocol buffer message.
 *
 * @param to The writer of the message.
 * @param field The number of the field.
 * @param value The number.
 */
export function int(to: BinaryWriter, field: number, value: number): void {
  to.tag(field, WireType.Varint).int64(value);
}

function text(to: BinaryWriter, field: number, value: string): void {
  to.tag(field, WireType.LengthDelimited).string(value);
}

/**
 * Writes a field with a nested message into a protocol buffer message.
 *
 * @param to The writer of the outer message.
 * @param field The number of the field.
 * @param write Writes the fields of the nested message.
 */
export function message(
  to: BinaryWriter,
  field: number,
  write: (to: BinaryWriter) => void,
): void {
  to.tag(field, WireType.LengthDelimited).fork();
  write(to);
  to.join();
}

function entry(
  to: BinaryWriter,
  field: number,
  key: string,
  write: (value: BinaryWriter) => void,
): void {
  message(to, field, (to) => {
    text(to, 1, key);
    message(to, 2, write);
  });
}
