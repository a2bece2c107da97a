import {
  type AttributeValue,
  ElementType,
  encodeModel,
  type ExternalData,
  type ModelMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueMessage,
} from "./messages.ts";

/** The name of a tensor in the graph. */
export type Name = string;

/** The values of a tensor, in an array of the type that they have in the file. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array;

/**
 * The ONNX operator domain for classical machine learning, with operators such as `LabelEncoder`.
 */
export const ML_DOMAIN = "ai.onnx.ml";

/**
 * The version of each operator set: the lowest one that has all operators in the form used here.
 */
const OPERATORS = { "": 18, [ML_DOMAIN]: 3 };

/** The maximum size in bytes of tensors that are stored only once if they are equal. */
const SMALL = 1024;

/** The size in bytes above which a tensor may be stored outside the ONNX file. */
const LARGE = 1024;

/** The maximum size of a file that protobuf can read, in bytes. */
const MOST_BYTES = 2 ** 31 - 1;

/** Offsets of tensors are multiples of this, so that the file can be mapped into memory. */
const ALIGNMENT = 4096;

/** The values of a tensor that is stored outside the ONNX file. */
export interface DataPart {
  /** The offset of the first byte in the file with the weights. */
  readonly offset: number;
  /** The bytes. */
  readonly bytes: Uint8Array;
}

/**
 * A complete ONNX model: the content of the ONNX file and, if the weights are too large for it, of
 * a second file.
 */
export interface OnnxFile {
  /** The content of the ONNX file. */
  readonly bytes: Uint8Array;
  /** The content of the file with the weights; empty if the ONNX file contains them. */
  readonly data: readonly DataPart[];
  /** The name of the file with the weights. */
  readonly dataFile: string;
}

/** Where an ONNX model stores the values of tensors: in the ONNX file, or in a second file. */
export interface DataPlace {
  /** The name of the file for weights that are too large for the ONNX file. */
  readonly dataFile: string;
  /**
   * The maximum size of the values in the ONNX file, in bytes; by default, half of protobuf's
   * limit.
   */
  readonly mostBytes?: number | undefined;
}

/** Builds an ONNX model operation by operation. */
export class OnnxBuilder {
  readonly #nodes: NodeMessage[] = [];
  readonly #tensors = new Map<Name, TensorMessage & { data: Uint8Array }>();
  readonly #small = new Map<string, Name>();
  readonly #known = new Map<string, Name>();
  readonly #inputs: ValueMessage[] = [];
  readonly #outputs: ValueMessage[] = [];
  readonly #names: Set<Name>;

  /**
   * Creates a builder.
   *
   * @param outputs The names of the outputs that will be added.
   */
  constructor(outputs: readonly Name[]) {
    this.#names = new Set(outputs);
  }

  /**
   * Adds an input.
   *
   * @param value The name, type and shape of the input.
   * @returns The name of the input.
   */
  input(value: ValueMessage): Name {
    this.#names.add(value.name);
    this.#inputs.push(value);
    return value.name;
  }

  /**
   * Makes a value an output.
   *
   * @param from The name of the value.
   * @param value The output's name, type and shape.
   */
  output(from: Name, value: ValueMessage): void {
    this.#nodes.push({
      op: "Identity",
      name: `output_${value.name}`,
      inputs: [from],
      outputs: [value.name],
      attributes: {},
    });
    this.#outputs.push(value);
  }

  /**
   * Adds an operation.
   *
   * @param op The operation.
   * @param inputs The names of the inputs. An empty name leaves out an optional input.
   * @param attributes The attributes by name.
   * @param domain The operator domain; by default, the standard one.
   * @returns The name of the result.
   */
  node(
    op: string,
    inputs: readonly Name[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain?: string,
  ): Name {
    return this.nodes(op, inputs, 1, attributes, domain)[0]!;
  }

  /**
   * Adds an operation with several results.
   *
   * @param op The operation.
   * @param inputs The names of the inputs.
   * @param count The number of results.
   * @param attributes The attributes by name.
   * @param domain The operator domain; by default, the standard one.
   * @returns The names of the results.
   */
  nodes(
    op: string,
    inputs: readonly Name[],
    count: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain?: string,
  ): Name[] {
    const outputs = Array.from({ length: count }, () => this.#fresh(op));
    this.#nodes.push({ op, domain, name: `node_${outputs[0]}`, inputs, outputs, attributes });
    return outputs;
  }

  /**
   * Calls a function only the first time it is requested for a key.
   *
   * @param key The key.
   * @param make Adds the operations.
   * @returns The result of the first call.
   */
  once(key: string, make: () => Name): Name {
    let name = this.#known.get(key);
    if (name === undefined) this.#known.set(key, name = make());
    return name;
  }

  /**
   * Adds a tensor with known values.
   *
   * @param type The type of the values.
   * @param shape The shape.
   * @param values The values.
   * @param name The preferred name. If it is in use, the tensor gets another one.
   */
  tensor(
    type: ElementType,
    shape: readonly number[],
    values: TensorData,
    name = "constant",
  ): Name {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const key = data.length <= SMALL ? `${type} [${shape}] ${data}` : undefined;
    const known = key === undefined ? undefined : this.#small.get(key);
    if (known !== undefined) return known;
    const free = name === "constant" || this.#names.has(name) ? this.#fresh(name) : name;
    this.#names.add(free);
    this.#tensors.set(free, { name: free, type, shape, data });
    if (key !== undefined) this.#small.set(key, free);
    return free;
  }

  /**
   * Adds a list of int64 numbers, such as a shape or axes.
   *
   * @param values The numbers.
   */
  ints(values: readonly number[]): Name {
    return this.tensor(
      ElementType.int64,
      [values.length],
      BigInt64Array.from(values, (value) => BigInt(value)),
    );
  }

  /**
   * Returns a tensor with known values; undefined if an operation computes the value.
   *
   * @param name The name of the tensor.
   */
  valuesOf(name: Name): (TensorMessage & { readonly data: Uint8Array }) | undefined {
    return this.#tensors.get(name);
  }

  /**
   * Finds the operation that computes a value; undefined if it is an input or has known values.
   *
   * @param name The name of the value.
   */
  maker(name: Name): NodeMessage | undefined {
    return this.#nodes.findLast(({ outputs }) => outputs.includes(name));
  }

  /**
   * Replaces an operation.
   *
   * @param old The operation to replace.
   * @param change The properties that change.
   */
  replace(old: NodeMessage, change: Partial<NodeMessage>): void {
    this.#nodes[this.#nodes.indexOf(old)] = { ...old, ...change };
  }

  /**
   * Encodes the model.
   *
   * @param about The producer, the metadata and the name of the graph.
   * @param where Where to store the values of tensors.
   */
  finish(
    about: Pick<ModelMessage, "producer" | "metadata" | "name">,
    { dataFile, mostBytes = MOST_BYTES / 2 }: DataPlace,
  ): OnnxFile {
    const used = new Set(this.#nodes.flatMap(({ inputs }) => inputs));
    const tensors = [...this.#tensors.values()].filter(({ name }) => used.has(name));
    const total = tensors.reduce((sum, { data }) => sum + data.length, 0);
    const parts: DataPart[] = [];
    let offset = 0;
    const outside = (bytes: Uint8Array): ExternalData => {
      parts.push({ offset, bytes });
      const place = { location: dataFile, offset, length: bytes.length };
      offset += Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
      return place;
    };
    const kept = total <= mostBytes ? tensors : tensors.map((tensor) => ({
      ...tensor,
      data: tensor.data.length > LARGE ? outside(tensor.data) : tensor.data,
    }));
    const usesMl = this.#nodes.some(({ domain }) => domain === ML_DOMAIN);
    const { [ML_DOMAIN]: ml, ...standard } = OPERATORS;
    return {
      bytes: encodeModel({
        ...about,
        operators: usesMl ? { ...standard, [ML_DOMAIN]: ml! } : standard,
        nodes: this.#nodes,
        tensors: kept,
        inputs: this.#inputs,
        outputs: this.#outputs,
      }),
      data: parts,
      dataFile,
    };
  }

  #fresh(op: string): Name {
    // A column may have any name.
    let number = this.#names.size;
    while (this.#names.has(`${op}_${number}`)) number++;
    const name = `${op}_${number}`;
    this.#names.add(name);
    return name;
  }
}
