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

/** A tensor of the graph that is made, by its name. */
export type Name = string;

/** Numbers in an array of the type that they have in the file. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array;

/** The domain of operations for features, such as `LabelEncoder`. */
export const ML_DOMAIN = "ai.onnx.ml";

/**
 * The versions of the sets of operations: the first ones that have all operations in the form in
 * which they are written here.
 */
const OPERATORS = { "": 18, [ML_DOMAIN]: 3 };

/** Tensors of up to so many bytes that are alike are one. */
const SMALL = 1024;

/** Tensors of more bytes may stand outside of the file. */
const LARGE = 1024;

/** A file of more bytes is none that protobuf can read. */
const MOST_BYTES = 2 ** 31 - 1;

/** Offsets of tensors are multiples of this, so that the file can be mapped into memory. */
const ALIGNMENT = 4096;

/** Values that are outside of the file. */
export interface DataPart {
  /** Their first byte in the file beside the model. */
  readonly offset: number;
  /** The bytes. */
  readonly bytes: Uint8Array;
}

/** A finished model. */
export interface OnnxFile {
  /** The bytes of `model.onnx`. */
  readonly bytes: Uint8Array;
  /** What the file beside it holds; empty if the file itself holds all. */
  readonly data: readonly DataPart[];
  /** The name of the file beside it. */
  readonly dataFile: string;
}

/** Where the values of tensors stand. */
export interface DataPlace {
  /** The name of the file beside the model that has them if they are too many for the model. */
  readonly dataFile: string;
  /** The model itself has no more bytes of them; what protobuf can read by default. */
  readonly mostBytes?: number | undefined;
}

/** An ONNX model in the making. */
export class OnnxBuilder {
  readonly #nodes: NodeMessage[] = [];
  readonly #tensors = new Map<Name, TensorMessage & { data: Uint8Array }>();
  readonly #small = new Map<string, Name>();
  readonly #known = new Map<string, Name>();
  readonly #inputs: ValueMessage[] = [];
  readonly #outputs: ValueMessage[] = [];
  readonly #names = new Set<Name>();

  /**
   * Adds an input.
   *
   * @param value Its name, type and shape.
   * @returns Its name.
   */
  input(value: ValueMessage): Name {
    this.#names.add(value.name);
    this.#inputs.push(value);
    return value.name;
  }

  /**
   * Makes a value an output.
   *
   * @param from The value.
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
   * @param inputs The names of its inputs; an empty name is an input that is left out.
   * @param attributes Its attributes.
   * @param domain The set of operations.
   * @returns The name of its result.
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
   * @param inputs The names of its inputs.
   * @param count How many results it has.
   * @param attributes Its attributes.
   * @param domain The set of operations.
   * @returns The names of its results.
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
   * Does something once, however often it is asked for.
   *
   * @param key What it is.
   * @param make Does it the first time.
   * @returns What `make` returned.
   */
  once(key: string, make: () => Name): Name {
    let name = this.#known.get(key);
    if (name === undefined) this.#known.set(key, name = make());
    return name;
  }

  /**
   * Adds a tensor with known values.
   *
   * @param type Its type.
   * @param shape Its shape.
   * @param values Its values.
   * @param name The name that it gets, if that is free.
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
   * Adds whole numbers: shapes, axes.
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
   * The tensor of a name, if its values are known.
   *
   * @param name The name.
   */
  valuesOf(name: Name): (TensorMessage & { readonly data: Uint8Array }) | undefined {
    return this.#tensors.get(name);
  }

  /**
   * The only operation whose result a value is.
   *
   * @param name The value.
   */
  maker(name: Name): NodeMessage | undefined {
    return this.#nodes.findLast(({ outputs }) => outputs.includes(name));
  }

  /**
   * Puts another operation in the place of one.
   *
   * @param old The operation.
   * @param change What is different.
   */
  replace(old: NodeMessage, change: Partial<NodeMessage>): void {
    this.#nodes[this.#nodes.indexOf(old)] = { ...old, ...change };
  }

  /**
   * The file.
   *
   * @param about What goes into it beside the graph.
   * @param where Where the values of tensors stand.
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
