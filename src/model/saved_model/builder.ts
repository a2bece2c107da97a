import {
  type Attribute,
  DType,
  encodeSavedModel,
  type NodeMessage,
  type RestoreMessage,
  type TensorInfo,
  type TensorMessage,
  type VariableMessage,
} from "./messages.ts";
import { encodeIndex, inOrder, type VariableData } from "./variables_index.ts";

/** A reference to a value in a TensorFlow graph: `NODE:OUTPUT`. */
export type Reference = string;

/** The values of a tensor, in an array of the type that they have in the file. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A complete SavedModel, as the content of its files. */
export interface SavedModelFiles {
  /** The content of `saved_model.pb`. */
  readonly graph: Uint8Array;
  /** The content of `variables/variables.index`. */
  readonly index: Uint8Array;
  /** The content of `variables/variables.data-00000-of-00001`, in parts. */
  readonly data: readonly Uint8Array[];
}

/** The maximum size in bytes of tensors that are stored only once if they are equal. */
const SMALL = 1024;

/** The name of the node with the path of the variables' files. */
const FILES = "saved_variables/path";

/** Builds a TensorFlow SavedModel operation by operation. */
export class SavedModelBuilder {
  #nodes: NodeMessage[] = [];
  readonly #names = new Set<string>([FILES]);
  #known = new Map<string, Reference>();
  readonly #inputs: Record<string, TensorInfo> = {};
  readonly #outputs: Record<string, TensorInfo> = {};
  readonly #variables: { data: VariableData; handle: Reference; read: Reference }[] = [];
  readonly #tables: string[] = [];

  /**
   * Adds an input of the signature.
   *
   * @param name The name.
   * @param type The type.
   * @param shape The shape. The caller chooses sizes that are −1.
   */
  input(name: string, type: DType, shape: readonly number[]): Reference {
    const attributes = { dtype: { type }, shape: { shape } };
    const reference = this.op("Placeholder", [], attributes, `input_${name}`);
    this.#inputs[name] = { reference, type, shape };
    return reference;
  }

  /**
   * Makes a value an output of the signature.
   *
   * @param name The name.
   * @param from The reference to the value.
   * @param type The type.
   * @param shape The shape.
   */
  output(name: string, from: Reference, type: DType, shape: readonly number[]): void {
    const reference = this.op("Identity", [from], { T: { type } }, name);
    this.#outputs[name] = { reference, type, shape };
  }

  /**
   * Adds an operation.
   *
   * @param op The operation.
   * @param inputs The references to the inputs.
   * @param attributes The attributes by name.
   * @param name The start of the node's name.
   * @returns A reference to the first output. The others have the same node and higher numbers.
   */
  op(
    op: string,
    inputs: readonly Reference[],
    attributes: Readonly<Record<string, Attribute>> = {},
    name: string = op,
  ): Reference {
    const free = this.#free(name);
    this.#nodes.push({ name: free, op, inputs, attributes });
    return `${free}:0`;
  }

  /**
   * Calls a function only the first time it is requested for a key.
   *
   * @param key The key.
   * @param make Adds the operations.
   * @returns The result of the first call.
   */
  once(key: string, make: () => Reference): Reference {
    let reference = this.#known.get(key);
    if (reference === undefined) this.#known.set(key, reference = make());
    return reference;
  }

  /**
   * Adds a constant.
   *
   * @param type The type.
   * @param shape The shape.
   * @param values The values.
   */
  constant(
    type: DType,
    shape: readonly number[],
    values: TensorData | readonly string[],
  ): Reference {
    const data = isTexts(values)
      ? values
      : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const make = () => this.#constant({ type, shape, data }, "Const");
    if (isTexts(values) || values.byteLength > SMALL) return make();
    return this.once(`constant ${type} [${shape}] ${data}`, make);
  }

  /**
   * Adds a list of int32 numbers, such as a shape or axes.
   *
   * @param values The numbers.
   */
  ints(values: readonly number[]): Reference {
    return this.constant(DType.int32, [values.length], Int32Array.from(values));
  }

  /**
   * Adds a single int32 number.
   *
   * @param value The number.
   */
  int(value: number): Reference {
    return this.constant(DType.int32, [], Int32Array.of(value));
  }

  /**
   * Adds a variable. Its values are stored in the folder `variables`.
   *
   * @param name The name.
   * @param shape The shape.
   * @param values The values.
   * @returns A reference to the value of the variable.
   */
  variable(name: string, shape: readonly number[], values: Float32Array): Reference {
    return this.once(`variable ${name}`, () => {
      const handle = this.op("VarHandleOp", [], {
        ...{ dtype: { type: DType.float }, shape: { shape }, shared_name: { text: name } },
      }, `variables/${name}`);
      const read = this.op("ReadVariableOp", [handle], { dtype: { type: DType.float } });
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      this.#variables.push({ data: { name, shape, bytes }, handle, read });
      return read;
    });
  }

  /**
   * Adds a lookup table that maps values to ids.
   *
   * @param type The type of the values: text or int64.
   * @param values The values.
   * @param ids The id of each value.
   * @param name The name of the table.
   */
  table(
    type: DType,
    values: readonly string[] | BigInt64Array,
    ids: Int32Array,
    name: string,
  ): Reference {
    const table = this.op("HashTableV2", [], {
      key_dtype: { type },
      value_dtype: { type: DType.int32 },
      shared_name: { text: `table ${name}` },
    }, "table");
    const keys = this.constant(type, [ids.length], values);
    const list = this.constant(DType.int32, [ids.length], ids);
    const filled = this.op("LookupTableImportV2", [table, keys, list], {
      ...{ Tin: { type }, Tout: { type: DType.int32 } },
    });
    this.#tables.push(nodeOf(filled));
    return table;
  }

  /**
   * Encodes the files of the SavedModel.
   *
   * @param given Default values of the inputs, by name.
   */
  finish(given?: Readonly<Record<string, TensorMessage>>): SavedModelFiles {
    const used = [...this.#nodes], known = new Map(this.#known);
    if (given) this.#giveInputs(given);
    const restore = this.#restore();
    const prepare = this.#tables.length === 0 ? undefined : this.#group(this.#tables, "prepare");
    const variables = this.#variables.map(({ data, handle, read }): VariableMessage => {
      // The initial value is never used, because the values are read from the files.
      const initial = this.op("Fill", [
        this.ints(data.shape),
        this.constant(DType.float, [], Float32Array.of(0)),
      ], { T: { type: DType.float }, index_type: { type: DType.int32 } });
      const initializer = nodeOf(this.#assign(handle, initial));
      return { name: `${nodeOf(handle)}:0`, initializer, snapshot: read, initial };
    });
    const graph = encodeSavedModel({
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      variables,
      restore,
      prepare,
    });
    // The model can be encoded again with other default values for its inputs.
    this.#nodes = used;
    this.#known = known;
    const data = inOrder(this.#variables.map(({ data }) => data));
    return { graph, index: encodeIndex(data), data: data.map(({ bytes }) => bytes) };
  }

  /** Adds the operations that read the variables from their files. */
  #restore(): RestoreMessage | undefined {
    if (this.#variables.length === 0) return undefined;
    const names = this.#variables.map(({ data }) => data.name);
    const count = names.length, types = names.map(() => DType.float);
    this.#nodes.push({
      name: FILES,
      op: "Const",
      inputs: [],
      attributes: {
        dtype: { type: DType.string },
        value: { tensor: { type: DType.string, shape: [], data: ["model"] } },
      },
    });
    const files = `${FILES}:0`;
    const list = this.constant(DType.string, [count], names);
    const slices = this.constant(DType.string, [count], names.map(() => ""));
    const dtypes = { dtypes: { types } };
    const values = nodeOf(this.op("RestoreV2", [files, list, slices], dtypes));
    const assigned = this.#variables.map(({ handle }, index) =>
      nodeOf(this.#assign(handle, `${values}:${index}`))
    );
    const reads = this.#variables.map(({ read }) => read);
    const saved = this.op("SaveV2", [files, list, slices, ...reads], dtypes);
    const path = this.op("Identity", [files, `^${nodeOf(saved)}`], { T: { type: DType.string } });
    return { files, save: path, node: this.#group(assigned, "restore") };
  }

  #assign(handle: Reference, value: Reference): Reference {
    return this.op("AssignVariableOp", [handle, value], { dtype: { type: DType.float } });
  }

  /** Adds a node that runs after other nodes. */
  #group(nodes: readonly string[], name: string): string {
    return nodeOf(this.op("NoOp", nodes.map((node) => `^${node}`), {}, name));
  }

  #giveInputs(given: Readonly<Record<string, TensorMessage>>): void {
    for (const [name, { reference, type, shape }] of Object.entries(this.#inputs)) {
      const at = this.#nodes.findIndex((node) => node.name === nodeOf(reference));
      const made = this.#nodes.length;
      const value = this.#constant(given[name]!, "given");
      const [constant] = this.#nodes.splice(made, 1);
      this.#nodes.splice(at, 1, constant!, {
        name: nodeOf(reference),
        op: "PlaceholderWithDefault",
        inputs: [value],
        attributes: { dtype: { type }, shape: { shape } },
      });
    }
  }

  #constant(tensor: TensorMessage, name: string): Reference {
    return this.op("Const", [], { dtype: { type: tensor.type }, value: { tensor } }, name);
  }

  /** Returns a valid and unused name for a node. Columns and variables may have any name. */
  #free(wanted: string): string {
    const name = wanted.replaceAll(/[^\w./]/g, "_").replace(/^[^A-Za-z0-9.]/, "x");
    let free = name;
    for (let number = this.#names.size; this.#names.has(free); number++) {
      free = `${name}_${number}`;
    }
    this.#names.add(free);
    return free;
  }
}

const nodeOf = (reference: Reference) => reference.replace(/:\d+$/, "");

const isTexts = (values: TensorData | readonly string[]): values is readonly string[] =>
  Array.isArray(values);
