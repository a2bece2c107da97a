/**
 * Records a function of tensors as calls of tfjs kernels, without computing them.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { shapeRules, type TensorForm } from "./shapes.ts";

/** A size that may depend on the number of rows: fixed + perRow · rows. */
export interface Size {
  /** The constant part. */
  readonly fixed: number;
  /** The size that each row adds. */
  readonly perRow: number;
}

/** The values of a tensor that does not depend on the rows. */
export type Constant =
  | { readonly kind: "values"; readonly values: tf.TypedArray }
  /** The same number at all positions. */
  | { readonly kind: "filled"; readonly value: number }
  /** A variable, whose values are not needed for a recording. */
  | { readonly kind: "variable"; readonly name: string }
  /** Numbers in float64 precision. */
  | { readonly kind: "numbers"; readonly values: Float64Array };

/** A tensor of a recorded graph. */
export interface SymbolicValue {
  /** The number that identifies the tensor in its graph. */
  readonly id: number;
  /** The shape. */
  readonly shape: readonly Size[];
  /** The type. */
  readonly dtype: tf.DataType;
  /** The values, if they do not depend on the rows. */
  readonly constant?: Constant | undefined;
}

/** A recorded call of a tfjs kernel, with its inputs, attributes, and results. */
export interface SymbolicCall {
  /** The name of the kernel in tfjs, or {@linkcode ROUND}. */
  readonly kernel: string;
  /** The inputs by name; the tensors of a list by position. */
  readonly inputs: Readonly<Record<string, SymbolicValue>>;
  /** The attributes. Numbers that depend on the rows have the type {@linkcode Size}. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** The results. */
  readonly outputs: readonly SymbolicValue[];
  /** The stage that made the call, for messages; undefined if unknown. */
  readonly origin: string | undefined;
}

/** A function of tensors, recorded as a graph for any number of rows. */
export interface SymbolicGraph {
  /** The inputs by name. */
  readonly inputs: Readonly<Record<string, SymbolicValue>>;
  /** The calls in an order in which they can run. */
  readonly calls: readonly SymbolicCall[];
  /** The results of the function by name. */
  readonly outputs: Readonly<Record<string, SymbolicValue>>;
}

/** Thrown if a function cannot be recorded as a graph. The message says why. */
export class NoGraph extends Error {
  override name = "NoGraph";
  /** The stage that defines the function, for messages; undefined if unknown. */
  readonly origin: string | undefined;

  /**
   * Creates the error.
   *
   * @param reason The reason, with `it` for the function.
   * @param origin The stage that defines the function.
   */
  constructor(reason: string, origin: string | undefined) {
    super(reason);
    this.origin = origin;
  }
}

/** The name of the tfjs backend that records calls. */
const BACKEND = "rocket-symbolic";

/**
 * The name of the recorded call that rounds the results of the last transform to float32, because
 * the nets compute in float32.
 */
export const ROUND = "Round32";

/** The numbers of rows for which the function is traced. */
const ROWS = [1009, 2003] as const;

/** Creates tensors without values (symbolic tensors) while a function is recorded as a graph. */
export interface SymbolicTensors {
  /**
   * Creates a tensor that represents a variable.
   *
   * @param name The name of the variable.
   * @param form The shape and type.
   */
  variable(name: string, form: TensorForm): tf.Tensor;
  /**
   * Creates a constant in float64 precision.
   *
   * @param values The numbers.
   * @param shape The shape.
   */
  numbers(values: readonly number[], shape: readonly number[]): tf.Tensor;
  /**
   * Rounds the numbers of a tensor to float32.
   *
   * @param tensor The tensor.
   */
  round(tensor: tf.Tensor): tf.Tensor;
}

/**
 * Records a function of tensors as a graph.
 *
 * @param inputs The type of each input and the shape of one row.
 * @param run The function. Its inputs are tensors `[rows, ...shape]`. It must not read their
 *   values.
 * @param origin Returns the stage that is computing at the moment, for messages.
 * @returns The graph, for any number of rows.
 * @throws {NoGraph} If the function cannot be recorded.
 */
export function recordGraph(
  inputs: Readonly<Record<string, TensorForm>>,
  run: (
    inputs: Readonly<Record<string, tf.Tensor>>,
    tensors: SymbolicTensors,
  ) => Readonly<Record<string, tf.Tensor>>,
  origin: () => string | undefined = () => undefined,
): SymbolicGraph {
  const [one, other] = ROWS.map((rows) => new Recording(rows, origin).record(inputs, run));
  return join(one!, other!);
}

/** A tensor in the trace with one number of rows. */
interface Value extends TensorForm {
  readonly id: number;
  readonly constant: Constant | undefined;
}

interface Call {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Value[];
  readonly origin: string | undefined;
}

interface Trace {
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly calls: readonly Call[];
  readonly outputs: Readonly<Record<string, Value>>;
}

class Recording {
  readonly #rows: number;
  readonly #calls: Call[] = [];
  readonly #values = new WeakMap<object, Value>();
  readonly #origin: () => string | undefined;
  #count = 0;

  constructor(rows: number, origin: () => string | undefined) {
    this.#rows = rows;
    this.#origin = origin;
  }

  record(
    inputs: Readonly<Record<string, TensorForm>>,
    run: Parameters<typeof recordGraph>[1],
  ): Trace {
    const before = tf.getBackend();
    tf.registerBackend(BACKEND, () => new SymbolicBackend(), -1);
    registerKernels();
    try {
      // The factory is synchronous, so the backend becomes the current one immediately.
      tf.setBackend(BACKEND);
      active = this;
      const inputValues: Record<string, Value> = {}, outputs: Record<string, Value> = {};
      tf.tidy(() => {
        const tensors = Object.fromEntries(
          Object.entries(inputs).map(([name, { shape, dtype }]) => {
            const tensor = this.#tensor({ shape: [this.#rows, ...shape], dtype });
            inputValues[name] = this.valueOf(tensor);
            return [name, tensor];
          }),
        );
        const results = run(tensors, {
          variable: (name, form) => this.#tensor(form, { kind: "variable", name }),
          numbers: (values, shape) =>
            this.#tensor({ shape, dtype: "float32" }, {
              kind: "numbers",
              values: Float64Array.from(values),
            }),
          round: (tensor) => this.#round(tensor),
        });
        for (const [name, tensor] of Object.entries(results)) outputs[name] = this.valueOf(tensor);
      });
      return { rows: this.#rows, inputs: inputValues, calls: this.#calls, outputs };
    } finally {
      active = undefined;
      if (before) tf.setBackend(before);
      // Once it is removed, the next operation uses a backend that computes.
      tf.removeBackend(BACKEND);
    }
  }

  /** Stores the values of a constant that the function creates. */
  write(dataId: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.#add(dataId, { shape, dtype }, {
      kind: "values",
      values: values as tf.TypedArray,
    });
  }

  /** Returns the values of a constant. Other tensors have no values. */
  read(dataId: object): tf.TypedArray {
    const constant = this.#values.get(dataId)?.constant;
    if (constant?.kind === "values") return constant.values;
    throw new NoGraph("it reads the values of a tensor", this.#origin());
  }

  call(kernel: string, inputs: Record<string, tf.TensorInfo>, attrs: object): tf.TensorInfo[] {
    const rule = shapeRules[kernel];
    if (!rule) {
      throw new NoGraph(
        `it uses the operation ${kernel}, which an exported graph cannot contain`,
        this.#origin(),
      );
    }
    const values = Object.fromEntries(
      Object.entries(inputs).filter(([, tensor]) => tensor)
        .map(([name, tensor]) => [name, this.#view(tensor)]),
    );
    const forms = rule({ inputs: values, attrs: attrs as Record<string, unknown> });
    const made = forms.map((form) => this.#info(form));
    this.#calls.push({
      kernel,
      inputs: values,
      attrs: attrs as Record<string, unknown>,
      outputs: made.map(({ dataId }) => this.#values.get(dataId)!),
      origin: this.#origin(),
    });
    return made;
  }

  valueOf(tensor: tf.TensorInfo): Value {
    const value = this.#values.get(tensor.dataId);
    if (value) return value;
    throw new NoGraph("it reads a tensor that was created outside of it", this.#origin());
  }

  #view(tensor: tf.TensorInfo): Value {
    return this.valueOf(tensor);
  }

  #round(tensor: tf.Tensor): tf.Tensor {
    const from = this.valueOf(tensor), info = this.#info(tensor);
    this.#calls.push({
      kernel: ROUND,
      inputs: { x: from },
      attrs: {},
      outputs: [this.#values.get(info.dataId)!],
      origin: this.#origin(),
    });
    return tf.engine().makeTensorFromTensorInfo(info);
  }

  #tensor(form: TensorForm, constant?: Constant): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.#info(form, constant));
  }

  #info({ shape, dtype }: TensorForm, constant?: Constant): tf.TensorInfo {
    const dataId = {};
    this.#add(dataId, { shape, dtype }, constant);
    return { dataId, shape: [...shape], dtype };
  }

  #add(dataId: object, { shape, dtype }: TensorForm, constant: Constant | undefined): void {
    this.#values.set(dataId, { id: this.#count++, shape: [...shape], dtype, constant });
  }
}

/** The recording that is in progress. */
let active: Recording | undefined;

/** A tfjs backend that records calls and computes nothing. */
class SymbolicBackend extends tf.KernelBackend {
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    active?.write(dataId, values, shape, dtype);
    return dataId;
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
  ): void {
    active?.write(dataId, values, shape, dtype);
  }

  override readSync(dataId: tf.DataId): tf.TypedArray {
    if (!active) throw new NoGraph("it reads a tensor after the recording has ended", undefined);
    return active.read(dataId);
  }

  override read(dataId: tf.DataId): Promise<tf.TypedArray> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(): boolean {
    return true;
  }

  override numDataIds(): number {
    return 0;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {}
}

let registered = false;

/** Registers all kernels. Those that cannot be recorded throw an error that names them. */
function registerKernels(): void {
  if (registered) return;
  registered = true;
  const known = tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName);
  for (const kernelName of new Set([...known, ...Object.keys(shapeRules)])) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => {
        const made = active!.call(
          kernelName,
          inputs as unknown as Record<string, tf.TensorInfo>,
          attrs ?? {},
        );
        return made.length === 1 && !several.has(kernelName) ? made[0]! : made;
      },
    });
  }
}

/** Kernels that always return a list of tensors. */
const several: ReadonlySet<string> = new Set(["SplitV", "Unpack"]);

/** Combines traces with two numbers of rows into a graph for any number. */
function join(one: Trace, other: Trace): SymbolicGraph {
  const lines = new Lines(one.rows, other.rows);
  const values = new Map<number, SymbolicValue>();
  const value = (x: Value, y: Value, at: string | undefined): SymbolicValue => {
    const known = values.get(x.id);
    if (known) return known;
    if (x.id !== y.id || x.dtype !== y.dtype || x.shape.length !== y.shape.length) {
      throw new NoGraph(DIFFERS, at);
    }
    const shape = x.shape.map((size, axis) => lines.size(size, y.shape[axis]!, at));
    const constant = x.constant && joined(x, y, shape, at);
    const made = { id: x.id, shape, dtype: x.dtype, constant };
    values.set(x.id, made);
    return made;
  };
  const all = (
    xs: Readonly<Record<string, Value>>,
    ys: Readonly<Record<string, Value>>,
    at?: string,
  ) =>
    Object.fromEntries(
      Object.entries(xs).map(([name, x]) => {
        const y = ys[name];
        if (!y) throw new NoGraph(DIFFERS, at);
        return [name, value(x, y, at)];
      }),
    );
  const inputs = all(one.inputs, other.inputs);
  if (one.calls.length !== other.calls.length) throw new NoGraph(DIFFERS, undefined);
  const calls = one.calls.map((x, index): SymbolicCall => {
    const y = other.calls[index]!, { origin: at } = x;
    if (x.kernel !== y.kernel) throw new NoGraph(DIFFERS, at);
    return {
      kernel: x.kernel,
      inputs: all(x.inputs, y.inputs, at),
      attrs: lines.all(x.attrs, y.attrs, at) as Record<string, unknown>,
      outputs: x.outputs.map((output, at) => value(output, y.outputs[at]!, x.origin)),
      origin: at,
    };
  });
  return { inputs, calls, outputs: all(one.outputs, other.outputs) };
}

const DIFFERS = "it performs different operations for different numbers of rows";

function joined(x: Value, y: Value, shape: readonly Size[], at: string | undefined): Constant {
  const [one, other] = [x.constant!, y.constant];
  if (other?.kind !== one.kind) throw new NoGraph(DIFFERS, at);
  if (one.kind === "variable" || one.kind === "filled") return one;
  const [a, b] = [one.values, (other as typeof one).values];
  if (shape.some(({ perRow }) => perRow !== 0)) {
    const [first = 0] = a;
    const all = (values: ArrayLike<number>) =>
      Array.prototype.every.call(values, (value) => Object.is(value, first));
    if (all(a) && all(b)) return { kind: "filled", value: first };
    throw new NoGraph("the values of a constant in it depend on the number of rows", at);
  }
  if (a.every((value, index) => Object.is(value, b[index]))) return one;
  throw new NoGraph("the values of a constant in it depend on the number of rows", at);
}

/** Expresses numbers as linear functions of the number of rows. */
class Lines {
  readonly #from: number;
  readonly #to: number;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  size(one: number, other: number, at: string | undefined): Size {
    const perRow = (other - one) / (this.#to - this.#from), fixed = one - perRow * this.#from;
    if (Number.isInteger(perRow)) return { fixed, perRow };
    throw new NoGraph("a size in it is not a linear function of the number of rows", at);
  }

  /** Applies {@linkcode Lines.size} to all numbers within a value. */
  all(one: unknown, other: unknown, at: string | undefined): unknown {
    if (typeof one === "number" && typeof other === "number") {
      return Object.is(one, other) ? one : this.size(one, other, at);
    }
    if (Array.isArray(one)) {
      const others = other as unknown[];
      if (others?.length !== one.length) throw new NoGraph(DIFFERS, at);
      return one.map((item, index) => this.all(item, others[index], at));
    }
    if (typeof one === "object" && one !== null && !ArrayBuffer.isView(one)) {
      return Object.fromEntries(
        Object.entries(one).map(([key, item]) => [
          key,
          this.all(item, (other as Record<string, unknown>)?.[key], at),
        ]),
      );
    }
    if (JSON.stringify(one) !== JSON.stringify(other)) throw new NoGraph(DIFFERS, at);
    return one;
  }
}
