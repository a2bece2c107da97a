/**
 * Records what tfjs-node's kernels run: each of them ends in one call of the binding, so that a
 * function of tensors, run once, leaves the TensorFlow graph that computes the same.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { type AttributeKinds, DType, Graph, type OpAttribute, type Reference } from "./graph.ts";
import { IN_PLACE, writeInParts } from "./in_place.ts";
import { lowPrecisionInputs, type Precision, returnsToFloat } from "./precision.ts";
import { sizedByValue, type TracedTensor, type TraceEntry, type TrialTraces } from "./trace.ts";

/** What the binding tells of a tensor that it made. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The part of tfjs-node's binding that is used here. */
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
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(
    session: number,
    inputs: number[],
    feeds: string,
    fetches: string,
  ): TensorMetadata[];
}

/** The part of tfjs-node's backend that is used here. */
export interface NativeBackend {
  binding: Binding;
  getDTypeInteger(type: string): number;
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

/** The current backend, which has to be tfjs-node's. */
export function nativeBackend(): NativeBackend {
  return tf.backend() as unknown as NativeBackend;
}

/** A function cannot be captured. */
export class NotCapturable extends Error {
  override name = "NotCapturable";
  /** Whose fault it is, in words, if the caller knows. */
  readonly origin: string | undefined;

  /**
   * Makes the error.
   *
   * @param reason Why not.
   * @param origin Whose fault it is.
   */
  constructor(reason: string, origin: string | undefined) {
    super(reason);
    this.origin = origin;
  }
}

/** A function of tensors as a graph. */
export interface RecordedGraph {
  /** The graph. */
  readonly graph: Graph;
  /** Its inputs, in the function's order. */
  readonly inputs: readonly Reference[];
  /** Its outputs; the number of an input where that is what the function returned. */
  readonly outputs: readonly (Reference | number)[];
  /** What was recorded, to compare recordings by. */
  readonly trace: readonly TraceEntry[];
}

/**
 * What ops do while a function is recorded: they run; or they run, but change nothing that was
 * there before; or nothing is computed, and results have the shapes that trial traces foresee.
 */
export type Mode =
  | { readonly kind: "run" }
  | {
    readonly kind: "trial";
    /**
     * How many more rows than values there could be results have whose size follows from values.
     */
    readonly more: number;
  }
  | {
    readonly kind: "dry";
    readonly traces: TrialTraces;
    /** How many rows the inputs have. */
    readonly rows: number;
    /** What unknown sizes are taken for. */
    readonly unknown: number;
  };

/** How to record. */
export interface RecordOptions {
  /** Says who is computing at the moment, in words. */
  readonly origin?: (() => string | undefined) | undefined;
  /** What the graph computes maps in; the recorded run itself is in float32. */
  readonly precision?: Precision | undefined;
  /** What ops do meanwhile; they run by default. */
  readonly mode?: Mode | undefined;
}

/**
 * Runs a function of tensors and records it.
 *
 * @param run The function; it may use any tfjs operation that reads no values.
 * @param inputs Its inputs.
 * @param options How to record.
 * @returns What the function returned, and the graph. What it returned was computed as without a
 * recorder, unless the mode says otherwise; after a dry run it has no values, and can only be
 * disposed of.
 * @throws {NotCapturable} If the function reads values of a tensor that it computed.
 * @throws {Unforeseen} If a dry run is not as its trial traces foresee.
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
        trace: recording.trace,
      },
    };
  } finally {
    backend.binding = binding;
    // The method itself is on the prototype.
    delete (backend as Partial<NativeBackend>).getInputTensorIds;
  }
}

class Recording {
  readonly graph: Graph;
  /** The binding with its calls recorded. */
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
  readonly #readers = new Map<Reference, string[]>();
  readonly #written = new Map<Reference, readonly string[]>();

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
    const type = this.#backend.getDTypeInteger(tensor.dtype);
    const reference = this.graph.placeholder(type, tensor.shape);
    this.#references.set(id!, reference);
    this.#types.set(reference, type);
    this.#computed.add(id!);
    this.#names.set(id!, `input ${this.#names.size}`);
    return reference;
  }

  /** Throws what was wrong even if the function has caught it. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  output(tensor: tf.Tensor): Reference {
    const [id] = this.#backend.getInputTensorIds([tensor]);
    const reference = this.#float(this.#reference(id!));
    // What is written in place is nobody's input: it has to run before anything is returned.
    return this.graph.identity(
      reference,
      this.#types.get(reference)!,
      [...this.#written.values()].flat(),
    );
  }

  see(tensors: readonly tf.Tensor[], ids: readonly number[]): void {
    tensors.forEach((tensor, index) => {
      // An Int64Scalar, tfjs-node's stand-in for 64-bit integers, has no data id.
      const type = tensor.dataId ? this.#backend.getDTypeInteger(tensor.dtype) : INT64;
      this.#known.set(ids[index]!, { shape: tensor.shape ?? [], type });
    });
  }

  readonly #executeOp: Binding["executeOp"] = (op, attributes, inputs, outputs) => {
    const references = inputs.map((id) => this.#reference(id));
    const made = this.#execute(op, attributes, inputs, outputs);
    const complete = this.#complete(op, attributes, references);
    const after = this.#order(op, references);
    const low = this.#lowInputs(op, made[0]?.shape ?? [], inputs);
    const nodes = op === IN_PLACE
      ? writeInParts(this.graph, references, complete, after)
      : [this.#add(op, references, complete, after, low)];
    for (const node of nodes) this.#take(op, references, node);
    const name = nodes[0]!;
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

  /** Runs an op, or does as if, and notes it. */
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
      : this.#raw.executeOp(op, attributes, inputs, outputs);
    const traced = made.map(({ shape, dtype }) => ({ shape, type: dtype }));
    this.trace.push({ ...entry, outputs: traced });
    return made;
  }

  /**
   * Runs an op, but writes nothing in place, and leaves no size that follows from values to chance.
   */
  #traceTrial(
    op: string,
    attributes: OpAttribute[],
    inputs: number[],
    outputs: number,
    more: number,
  ): TensorMetadata[] {
    if (op === IN_PLACE) {
      // The same memory under another name, as the op itself would give.
      return this.#raw.executeOp("Identity", attributes, inputs.slice(0, 1), outputs);
    }
    const made = this.#raw.executeOp(op, attributes, inputs, outputs);
    const unknown = sizedByValue(op);
    if (unknown.length === 0) return made;
    // Each such size is another one, and more than the values, so that what refers to them is
    // valid.
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

  #elements(id: number): number {
    return this.#known.get(id)!.shape.reduce((a, b) => a * b, 1);
  }

  /** What trial traces say of an op or constant of a dry run. */
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
   * What has to run before an op: TensorFlow itself knows no order of reading and writing in place.
   */
  #order(op: string, [first, ...rest]: readonly Reference[]): Set<string> {
    const after = new Set<string>();
    for (const reference of first === undefined ? [] : [first, ...rest]) {
      for (const node of this.#written.get(reference) ?? []) after.add(node);
    }
    if (op === IN_PLACE) {
      for (const reader of this.#readers.get(first!) ?? []) {
        after.add(reader);
      }
    }
    return after;
  }

  /** Keeps in mind who reads the inputs, and what is written to. */
  #take(op: string, references: readonly Reference[], node: string): void {
    for (const reference of references) {
      const readers = this.#readers.get(reference);
      if (readers) readers.push(node);
      else this.#readers.set(reference, [node]);
    }
    if (op === IN_PLACE) {
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
   * Run eagerly, TensorFlow infers a type that a kernel leaves out; in a graph it has to be said.
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
    if (this.#computed.has(id)) throw this.#refuse("it reads values of a tensor");
    return this.#raw.tensorDataSync(id);
  };

  #refuse(reason: string): NotCapturable {
    const error = new NotCapturable(reason, this.#origin());
    this.#failure ??= error;
    return error;
  }

  /** What was neither an input nor computed is a constant of the graph. */
  #reference(id: number): Reference {
    const known = this.#references.get(id);
    if (known) return known;
    const { shape, type } = this.#known.get(id)!;
    if (type === INT64) throw this.#refuse("it uses 64-bit integers");
    if (id <= FIRST_DRY) throw this.#refuse("it keeps a tensor for later steps");
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

/** Handles of tensors without values; TensorFlow's are from 0, and tfjs-node's of none is -1. */
const FIRST_DRY = -2;
let nextDry = FIRST_DRY;

/** No shape has more axes than this. */
const MAX_WHOLE = 16;

/** TensorFlow's number for 64-bit integers. */
const INT64 = 9;

/** FNV-1a over the bytes. */
function hash(values: ArrayBufferView): number {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
