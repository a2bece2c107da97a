/**
 * Records the TensorFlow ops of tfjs-node's kernels. Each kernel ends in one call of the binding,
 * so one run of a function of tensors yields the TensorFlow graph that computes the same results.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { fnv1a } from "../../base/random.ts";
import { type AttributeKinds, DType, Graph, type OpAttribute, type Reference } from "./graph.ts";
import { placeOf, type Store, WRITE_ROWS } from "../stores.ts";
import { COLLECTIVE, collectiveKey, KEY_INPUT, NO_EXCHANGES, withoutOthers } from "./collective.ts";
import { lowPrecisionInputs, type Precision, returnsToFloat } from "./precision.ts";
import { sizedByValue, type TracedTensor, type TraceEntry, type TrialTraces } from "./trace.ts";

/**
 * The description of a tensor, as tfjs-node's native binding returns it for each tensor that it
 * creates.
 */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The functions of tfjs-node's native library that recording and running graphs need. */
export interface Binding extends AttributeKinds {
  createTensor(shape: number[], type: number, values: ArrayBufferView | ArrayLike<number>): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    op: string,
    attributes: OpAttribute[],
    inputs: number[],
    outputs: number,
  ): TensorMetadata[];
}

/** The methods of tfjs-node's backend that recording a graph needs. */
export interface NativeBackend {
  binding: Binding;
  getDTypeInteger(type: string): number;
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

/** Returns the current backend, which must be tfjs-node's. */
export function nativeBackend(): NativeBackend {
  return tf.backend() as unknown as NativeBackend;
}

/** Thrown if a function cannot be captured as a graph. */
export class NotCapturable extends Error {
  override name = "NotCapturable";
  /** The stage that is the cause, as text for messages, if it is known. */
  readonly origin: string | undefined;

  /**
   * Creates the error.
   *
   * @param reason The reason why the function cannot be captured.
   * @param origin The stage that is the cause, if it is known.
   */
  constructor(reason: string, origin: string | undefined) {
    super(reason);
    this.origin = origin;
  }
}

/** A function of tensors that was recorded as a TensorFlow graph. */
export interface RecordedGraph {
  /** The graph. */
  readonly graph: Graph;
  /** The references to its inputs, in the order of the function's inputs. */
  readonly inputs: readonly Reference[];
  /**
   * The references to its outputs. A number is the index of an input that the function returned
   * unchanged.
   */
  readonly outputs: readonly (Reference | number)[];
  /** The names of the nodes that write in place, which run although no output depends on them. */
  readonly writes: readonly string[];
  /**
   * A hash of the operations in which other processes take part, with their shapes and in their
   * order.
   */
  readonly exchanges: number;
  /** The recorded ops, for comparing recordings. */
  readonly trace: readonly TraceEntry[];
}

/**
 * The treatment of ops while a function is recorded. Without a mode, ops run normally. In a trial,
 * they run but change no existing tensor. In a dry run, nothing is computed, and results have the
 * shapes that trial traces predict.
 */
export type Mode =
  | { readonly kind: "run" }
  | {
    readonly kind: "trial";
    /**
     * The number of rows added to results whose size depends on values, beyond the largest possible
     * number.
     */
    readonly more: number;
  }
  | {
    readonly kind: "dry";
    readonly traces: TrialTraces;
    /** The number of rows of the inputs. */
    readonly rows: number;
    /** The stand-in for unknown sizes. */
    readonly unknown: number;
  };

/** Options for recording a function as a graph. */
export interface RecordOptions {
  /** Returns the stage that is running at the moment, as text for messages. */
  readonly origin?: (() => string | undefined) | undefined;
  /** The precision of feature maps in the graph. The recorded run itself uses float32. */
  readonly precision?: Precision | undefined;
  /** The treatment of ops during the recording; they run normally by default. */
  readonly mode?: Mode | undefined;
}

/**
 * Runs a function of tensors and records its operations as a graph.
 *
 * @param run The function. It may use any tfjs operation that does not read values of tensors.
 * @param inputs The inputs of the function.
 * @param options Options for the recording.
 * @returns The results of the function, and its graph. The results are the same as without a
 *   recorder unless `mode` is given. The results of a dry run have no values and can only be
 *   disposed of.
 * @throws {NotCapturable} If the function reads values of a tensor that it computed.
 * @throws {Unforeseen} If a dry run differs from the prediction of its trial traces.
 */
export function record(
  run: (inputs: readonly tf.Tensor[]) => tf.Tensor[],
  inputs: readonly tf.Tensor[],
  options: RecordOptions = {},
): { results: tf.Tensor[]; recorded: RecordedGraph } {
  const backend = nativeBackend(), { binding } = backend;
  const recording = new Recording(backend, options);
  const placeholders = inputs.map((input) => recording.input(input));
  const idsOf = backend.getInputTensorIds;
  backend.getInputTensorIds = (tensors) => {
    const ids = idsOf.call(backend, tensors);
    recording.see(tensors, ids);
    return ids;
  };
  backend.binding = recording.binding;
  recordings++;
  try {
    const results = run(inputs);
    recording.check();
    const outputs = results.map((result) => {
      const input = inputs.indexOf(result);
      return input < 0 ? recording.output(result) : input;
    });
    return {
      results,
      recorded: {
        graph: recording.graph,
        inputs: placeholders,
        outputs,
        writes: recording.writes,
        exchanges: recording.exchanges,
        trace: recording.trace,
      },
    };
  } finally {
    recordings--;
    backend.binding = binding;
    // The original method is on the prototype.
    delete (backend as Partial<NativeBackend>).getInputTensorIds;
  }
}

let recordings = 0;

/** Checks whether a function is being recorded at the moment. */
export function isRecording(): boolean {
  return recordings > 0;
}

class Recording {
  readonly graph: Graph;
  /** The binding, with its calls recorded. */
  readonly binding: Binding;
  readonly #backend: NativeBackend;
  readonly #raw: Binding;
  readonly #references = new Map<number, Reference>();
  readonly #types = new Map<Reference, number>();
  readonly #known = new Map<number, TracedTensor>();
  readonly #computed = new Set<number>();
  readonly #names = new Map<number, string>();
  readonly trace: TraceEntry[] = [];
  readonly #mode: Mode;
  #failure: Error | undefined;
  readonly #origin: () => string | undefined;
  readonly #low: boolean;
  readonly #casts = new Map<string, Reference>();
  readonly #stores = new Map<Store, Reference>();
  readonly #readers = new Map<Reference, string[]>();
  readonly #written = new Map<Reference, readonly string[]>();
  readonly #keys = new Set<number>();
  #lastCollective: string | undefined;

  constructor(backend: NativeBackend, { origin, precision, mode }: RecordOptions) {
    this.#mode = mode ?? { kind: "run" };
    this.#origin = origin ?? (() => undefined);
    this.#low = precision === "bfloat16";
    this.#backend = backend;
    this.#raw = backend.binding;
    this.graph = new Graph(this.#raw);
    // The binding's constants are read-only and not enumerable, so they are copied by name.
    const binding: Record<string, unknown> = {};
    for (const name of Object.getOwnPropertyNames(this.#raw)) {
      binding[name] = (this.#raw as unknown as Record<string, unknown>)[name];
    }
    this.binding = Object.assign(binding, {
      executeOp: this.#executeOp,
      tensorDataSync: this.#tensorDataSync,
    }) as unknown as Binding;
  }

  input(tensor: tf.Tensor): Reference {
    const [id] = this.#backend.getInputTensorIds([tensor]);
    const store = placeOf(tensor)?.store;
    const type = store ? DType.resource : this.#backend.getDTypeInteger(tensor.dtype);
    const reference = store
      ? this.graph.variable([store.rows, store.size])
      : this.graph.placeholder(type, tensor.shape);
    // Reads and writes of one variable must be known as such, whatever the table.
    const first = store ? this.#stores.get(store) ?? reference : reference;
    if (store) this.#stores.set(store, first);
    this.#references.set(id!, first);
    this.#types.set(reference, type);
    this.#computed.add(id!);
    this.#names.set(id!, `input ${this.#names.size}`);
    return reference;
  }

  /** Throws the recording's error even if the function caught it. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  output(tensor: tf.Tensor): Reference {
    const [id] = this.#backend.getInputTensorIds([tensor]);
    const reference = this.#float(this.#reference(id!));
    return this.graph.identity(reference, this.#types.get(reference)!);
  }

  /** The names of the nodes that write in place. */
  get writes(): string[] {
    return [...this.#written.values()].flat();
  }

  get exchanges(): number {
    return this.#keys.size === 0 ? NO_EXCHANGES : collectiveKey([...this.#keys].join());
  }

  see(tensors: readonly tf.Tensor[], ids: readonly number[]): void {
    tensors.forEach((tensor, index) => {
      // tfjs-node represents 64-bit integers by an Int64Scalar, which has no data id.
      const type = tensor.dataId ? this.#backend.getDTypeInteger(tensor.dtype) : INT64;
      this.#known.set(ids[index]!, { shape: tensor.shape ?? [], type });
    });
  }

  readonly #executeOp: Binding["executeOp"] = (op, attributes, inputs, outputs) => {
    const references = inputs.map((id) => this.#reference(id));
    const made = this.#execute(op, attributes, inputs, outputs);
    const complete = this.#complete(op, attributes, references);
    const after = this.#order(op, references);
    if (COLLECTIVE.has(op)) references[KEY_INPUT] = this.#keyReference(inputs);
    const low = this.#lowInputs(op, made[0]?.shape ?? [], inputs);
    const name = this.#add(op, references, complete, after, low);
    this.#take(op, references, name);
    if (COLLECTIVE.has(op)) this.#lastCollective = name;
    made.forEach(({ id, dtype }, index) => {
      const reference = `${name}:${index}`;
      const isLow = low !== undefined && index === 0;
      this.#types.set(reference, isLow ? DType.bfloat16 : dtype);
      this.#references.set(id, isLow && returnsToFloat(op) ? this.#float(reference) : reference);
      this.#computed.add(id);
      this.#names.set(id, `${this.trace.length - 1}:${index}`);
    });
    return made;
  };

  #add(
    op: string,
    inputs: readonly Reference[],
    attributes: readonly OpAttribute[],
    after: ReadonlySet<string>,
    low: readonly number[] | undefined,
  ): string {
    if (!low) {
      return this.graph.op(
        op,
        inputs.map((input) => this.#float(input)),
        attributes,
        after,
      );
    }
    return this.graph.op(
      op,
      inputs.map((input, index) => low.includes(index) ? this.#cast(input, DType.bfloat16) : input),
      attributes.map((attribute) =>
        attribute.name === "T" ? { ...attribute, value: DType.bfloat16 } : attribute
      ),
      after,
    );
  }

  /** Runs an op, or simulates it in a dry run, and records it. */
  #execute(
    op: string,
    attributes: OpAttribute[],
    inputs: number[],
    outputs: number,
  ): TensorMetadata[] {
    const names = inputs.map((id) => this.#names.get(id)!);
    const entry = { op, inputs: names, attributes, outputs: [], origin: this.#origin() };
    const made = this.#mode.kind === "dry"
      ? this.#foresee(entry).map(({ shape, type }) => ({
        id: nextDry--,
        shape: [...shape],
        dtype: type,
      }))
      : this.#mode.kind === "trial"
      ? this.#traceTrial(op, attributes, inputs, outputs, this.#mode.more)
      : COLLECTIVE.has(op)
      ? this.#runCollective(op, attributes, inputs, outputs)
      : this.#raw.executeOp(op, attributes, inputs, outputs);
    const traced = made.map(({ shape, dtype }) => ({ shape, type: dtype }));
    this.trace.push({ ...entry, outputs: traced });
    return made;
  }

  /**
   * Runs an op without writing in place, and with distinct sizes for results whose size depends on
   * values.
   */
  #traceTrial(
    op: string,
    attributes: OpAttribute[],
    inputs: number[],
    outputs: number,
    more: number,
  ): TensorMetadata[] {
    if (op === WRITE_ROWS) return [];
    if (COLLECTIVE.has(op)) return withoutOthers(this.#raw, op, attributes, inputs);
    const made = this.#raw.executeOp(op, attributes, inputs, outputs);
    const unknown = sizedByValue(op);
    if (unknown.length === 0) return made;
    // All these sizes differ, and are larger than the number of values, so that references to them
    // are valid.
    const rows = this.#elements(inputs[0]!) + more + 2 * this.trace.length;
    return made.map((result, index) => {
      const known = result.dtype === DType.float || result.dtype === DType.int32;
      if (!known || !unknown.includes(index)) return result;
      const shape = [rows, ...result.shape.slice(1)];
      const size = shape.reduce((a, b) => a * b, 1);
      const zeros = result.dtype === DType.float ? new Float32Array(size) : new Int32Array(size);
      this.#raw.deleteTensor(result.id);
      return { ...result, shape, id: this.#raw.createTensor(shape, result.dtype, zeros) };
    });
  }

  #runCollective(
    op: string,
    attributes: OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    if (this.#computed.has(inputs[KEY_INPUT]!)) {
      return this.#raw.executeOp(op, attributes, [...inputs], outputs);
    }
    const key = this.#raw.createTensor([], DType.int32, Int32Array.of(this.#keyOf(inputs)));
    try {
      return this.#raw.executeOp(op, attributes, inputs.with(KEY_INPUT, key), outputs);
    } finally {
      this.#raw.deleteTensor(key);
    }
  }

  /** The key of an operation of several processes, for the shape that its tensor has here. */
  #keyOf(inputs: readonly number[]): number {
    const plain = this.#raw.tensorDataSync(inputs[KEY_INPUT]!)[0]!;
    return collectiveKey(plain, this.#known.get(inputs[0]!)!.shape);
  }

  #keyReference(inputs: readonly number[]): Reference {
    const given = inputs[KEY_INPUT]!;
    if (this.#computed.has(given)) {
      // The graph computes the key, because it computes the shape.
      this.#keys.add(collectiveKey(`computed ${this.#keys.size}`));
      return this.#reference(given);
    }
    const key = this.#keyOf(inputs);
    if (this.#keys.has(key)) {
      throw new Error("two operations of several processes have the same name and shape");
    }
    this.#keys.add(key);
    const reference = this.graph.constant(DType.int32, [], Int32Array.of(key));
    this.#types.set(reference, DType.int32);
    return reference;
  }

  #elements(id: number): number {
    return this.#known.get(id)!.shape.reduce((a, b) => a * b, 1);
  }

  /** Returns the outputs that the trial traces predict for an op or constant of a dry run. */
  #foresee(entry: TraceEntry): readonly TracedTensor[] {
    if (this.#mode.kind !== "dry") return entry.outputs;
    const { traces, rows, unknown } = this.#mode;
    try {
      return traces.outputs(this.trace.length, entry, rows, unknown);
    } catch (error) {
      this.#failure ??= error as Error;
      throw error;
    }
  }

  /**
   * Returns the nodes that must run before an op. TensorFlow itself does not order reads and
   * in-place writes of the same tensor.
   */
  #order(op: string, [first, ...rest]: readonly Reference[]): Set<string> {
    const after = new Set<string>();
    for (const reference of first === undefined ? [] : [first, ...rest]) {
      for (const node of this.#written.get(reference) ?? []) after.add(node);
    }
    // All processes must run operations of several processes in the same order.
    if (COLLECTIVE.has(op) && this.#lastCollective !== undefined) after.add(this.#lastCollective);
    if (op === WRITE_ROWS) {
      for (const reader of this.#readers.get(first!) ?? []) {
        after.add(reader);
      }
    }
    return after;
  }

  /** Records which tensors a node reads and which one it writes. */
  #take(op: string, references: readonly Reference[], node: string): void {
    for (const reference of references) {
      const readers = this.#readers.get(reference);
      if (readers) readers.push(node);
      else this.#readers.set(reference, [node]);
    }
    if (op === WRITE_ROWS) {
      const [table] = references;
      this.#written.set(table!, [...this.#written.get(table!) ?? [], node]);
    }
  }

  #lowInputs(
    op: string,
    shape: readonly number[],
    inputs: readonly number[],
  ): readonly number[] | undefined {
    if (!this.#low) return undefined;
    return lowPrecisionInputs(
      op,
      shape,
      inputs.map((id) => ({
        shape: this.#known.get(id)!.shape,
        low: this.#isLow(this.#reference(id)),
      })),
    );
  }

  #isLow(reference: Reference): boolean {
    return this.#types.get(reference) === DType.bfloat16;
  }

  #float(reference: Reference): Reference {
    return this.#isLow(reference) ? this.#cast(reference, DType.float) : reference;
  }

  #cast(reference: Reference, to: number): Reference {
    const from = this.#types.get(reference)!;
    if (from === to) return reference;
    const key = `${reference} ${to}`;
    let cast = this.#casts.get(key);
    if (!cast) {
      cast = this.graph.cast(reference, from, to);
      this.#types.set(cast, to);
      this.#casts.set(key, cast);
    }
    return cast;
  }

  /**
   * In eager mode, TensorFlow infers a type that a kernel omits. In a graph, the type is required.
   */
  #complete(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly Reference[],
  ): readonly OpAttribute[] {
    if (op !== "ExpandDims" || attributes.some(({ name }) => name === "T")) return attributes;
    const value = this.#types.get(inputs[0]!);
    return [...attributes, { name: "T", type: this.#raw.TF_ATTR_TYPE, value }];
  }

  readonly #tensorDataSync: Binding["tensorDataSync"] = (id) => {
    if (this.#computed.has(id)) throw this.#refuse("it reads the values of a tensor while it runs");
    return this.#raw.tensorDataSync(id);
  };

  #refuse(reason: string): NotCapturable {
    const error = new NotCapturable(reason, this.#origin());
    this.#failure ??= error;
    return error;
  }

  /**
   * Returns the reference for a tensor. A tensor that is neither an input nor computed becomes a
   * constant of the graph.
   */
  #reference(id: number): Reference {
    const known = this.#references.get(id);
    if (known) return known;
    const { shape, type } = this.#known.get(id)!;
    if (type === INT64) throw this.#refuse("it uses 64-bit integers");
    if (id <= FIRST_DRY) throw this.#refuse("it keeps a tensor and uses it in later steps");
    const values = this.#raw.tensorDataSync(id);
    const reference = this.graph.constant(type, shape, values);
    const entry = {
      op: "Const",
      inputs: [],
      attributes: [],
      outputs: [{ shape, type }],
      hash: hash(values),
      whole: type === DType.int32 && values.length <= MAX_WHOLE ? [...values] : undefined,
      origin: this.#origin(),
    };
    this.#foresee(entry);
    this.#names.set(id, `${this.trace.length}:0`);
    this.trace.push(entry);
    this.#references.set(id, reference);
    this.#types.set(reference, type);
    return reference;
  }
}

/**
 * The first handle of tensors without values. TensorFlow's handles start at 0, and −1 is
 * tfjs-node's handle for no tensor.
 */
const FIRST_DRY = -2;
let nextDry = FIRST_DRY;

/** The longest constant that can be a shape; no shape has more axes. */
const MAX_WHOLE = 16;

/** TensorFlow's number for 64-bit integers. */
const INT64 = 9;

/** Computes a hash of the bytes. */
function hash(values: ArrayBufferView): number {
  return fnv1a(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
