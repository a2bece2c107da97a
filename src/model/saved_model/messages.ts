/**
 * The messages of a SavedModel, as far as a model needs them. The numbers of fields and types are
 * those of TensorFlow's protocol buffers (saved_model.proto and what it imports).
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The types of tensors, by their numbers in TensorFlow. */
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

/** The type of a tensor. */
export type DType = typeof DType[keyof typeof DType];

/** A tensor with known values. */
export interface TensorMessage {
  /** Its type. */
  readonly type: DType;
  /** Its shape. */
  readonly shape: readonly number[];
  /** Its values: the bytes of numbers, or texts. */
  readonly data: Uint8Array | readonly string[];
}

/** The value of an attribute. */
export type Attribute =
  | { readonly text: string }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly type: DType }
  /** A size of −1 is one that the caller chooses. */
  | { readonly shape: readonly number[] }
  | { readonly tensor: TensorMessage }
  | { readonly ints: readonly number[] }
  | { readonly types: readonly DType[] };

/** An operation. */
export interface NodeMessage {
  /** Its name. */
  readonly name: string;
  /** The operation, such as `Conv2D`. */
  readonly op: string;
  /** Its inputs: `NODE:OUTPUT`, or `^NODE` for a node that must run before. */
  readonly inputs: readonly string[];
  /** Its attributes by name. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of a signature. */
export interface TensorInfo {
  /** The value in the graph. */
  readonly reference: string;
  /** Its type. */
  readonly type: DType;
  /** Its shape; a size of −1 is one that the caller chooses. */
  readonly shape: readonly number[];
}

/** A variable, whose values are in the folder `variables`. */
export interface VariableMessage {
  /** Its name. */
  readonly name: string;
  /** The node that assigns its first value. */
  readonly initializer: string;
  /** What reads its value. */
  readonly snapshot: string;
  /** Its first value. */
  readonly initial: string;
}

/** How variables are read from files and written to files. */
export interface RestoreMessage {
  /** The value that is the path of the files. */
  readonly files: string;
  /** The value that writes them. */
  readonly save: string;
  /** The node that reads them. */
  readonly node: string;
}

/** A model. */
export interface SavedModelMessage {
  /** The operations, each after its inputs. */
  readonly nodes: readonly NodeMessage[];
  /** The inputs of the signature `serving_default`, by name. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** Its outputs, by name. */
  readonly outputs: Readonly<Record<string, TensorInfo>>;
  /** The variables. */
  readonly variables: readonly VariableMessage[];
  /** How their values are read; undefined if there are no variables. */
  readonly restore: RestoreMessage | undefined;
  /** The node that must run before the first call, if there is one. */
  readonly prepare: string | undefined;
}

/** The version of the graph format that TensorFlow 2.16 and later write. */
const PRODUCER = 1087;

/** The signature that holds the node that must run before the first call. */
const PREPARE = "__saved_model_init_op";

/**
 * The bytes of `saved_model.pb`.
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
        // The second version of the format of variables.
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
 * Writes a shape.
 *
 * @param to The message `TensorShapeProto`.
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
  // A variable that is a resource.
  to.tag(5, WireType.Varint).bool(true);
  text(to, 6, variable.initial);
  to.tag(7, WireType.Varint).bool(true);
}

/**
 * Writes a whole number.
 *
 * @param to The message.
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
 * Writes a message within another.
 *
 * @param to The other message.
 * @param field The number of the field.
 * @param write Writes what is in it.
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
