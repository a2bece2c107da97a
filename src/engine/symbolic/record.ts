/**
 * Records what a function of tensors computes, as calls of tfjs's kernels, without computing it.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { shapeRules, type TensorForm } from "./shapes.ts";

/** A size that may depend on the number of rows: fixed + perRow · rows. */
export interface Size {
  /** The part that is always the same. */
  readonly fixed: number;
  /** What each row adds. */
  readonly perRow: number;
}

/** Values that are known before any row is. */
export type Constant =
  | { readonly kind: "values"; readonly values: tf.TypedArray }
  /** The same number everywhere. */
  | { readonly kind: "filled"; readonly value: number }
  /** A variable, whose values are not looked at. */
  | { readonly kind: "variable"; readonly name: string }
  /** A number with the digits of a double. */
  | { readonly kind: "numbers"; readonly values: Float64Array };

/** A tensor of the graph. */
export interface SymbolicValue {
  /** Its number. */
  readonly id: number;
  /** The shape. */
  readonly shape: readonly Size[];
  /** The type. */
  readonly dtype: tf.DataType;
  /** Its values, if they are known. */
  readonly constant?: Constant | undefined;
}

/** A call of a kernel. */
export interface SymbolicCall {
  /** The kernel, as tfjs names it, or {@linkcode ROUND}. */
  readonly kernel: string;
  /** Its inputs by name; lists of tensors by position. */
  readonly inputs: Readonly<Record<string, SymbolicValue>>;
  /** Its attributes. Numbers that depend on the rows are sizes. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Its results. */
  readonly outputs: readonly SymbolicValue[];
  /** The stage that made the call, in words; undefined if it is not known. */
  readonly origin: string | undefined;
}

/** A function of tensors as a graph. */
export interface SymbolicGraph {
  /** The inputs by name. */
  readonly inputs: Readonly<Record<string, SymbolicValue>>;
  /** The calls, each after those whose results it reads. */
  readonly calls: readonly SymbolicCall[];
  /** The results by name. */
  readonly outputs: Readonly<Record<string, SymbolicValue>>;
}

/** A function has no form as a graph. */
export class NoGraph extends Error {
  override name = "NoGraph";
  /** The stage whose function it is, in words; undefined if it is not known. */
  readonly origin: string | undefined;

  /**
   * Makes the error.
   *
   * @param reason Why not.
   * @param origin The stage.
   */
  constructor(reason: string, origin: string | undefined) {
    super(reason);
    this.origin = origin;
  }
}

/** The tfjs backend. */
const BACKEND = "rocket-symbolic";

/** The call that ends a transform: numbers become float32 there, as in a batch. */
export const ROUND = "Round32";

/** So many rows are assumed, one after the other. */
const ROWS = [1009, 2003] as const;

/** Makes tensors while a function is recorded. */
export interface SymbolicTensors {
  /**
   * A symbolic tensor that represents a variable.
   *
   * @param name Its name.
   * @param form Its shape and type.
   */
  variable(name: string, form: TensorForm): tf.Tensor;
  /**
   * A constant with the digits of a double.
   *
   * @param values The numbers.
   * @param shape Its shape.
   */
  numbers(values: readonly number[], shape: readonly number[]): tf.Tensor;
  /**
   * A tensor whose numbers are rounded to float32, if anything was computed of them.
   *
   * @param tensor The tensor.
   * @param final Whether numbers that are as they came are rounded as well.
   */
  round(tensor: tf.Tensor, final?: boolean): tf.Tensor;
}

/**
 * Records a function.
 *
 * @param inputs The shape of a row, and the type, of each input.
 * @param run The function, of tensors `[rows, ...shape]`. It may use any tfjs operation that reads
 *   no values.
 * @param origin Says which stage is computing at the moment, in words.
 * @returns The graph, for any number of rows.
 * @throws {NoGraph} If it has none.
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

/** A tensor at one number of rows. */
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
      // Its factory is synchronous, so that the backend becomes the current one immediately.
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
          round: (tensor, final = false) => this.#round(tensor, final),
        });
        for (const [name, tensor] of Object.entries(results)) outputs[name] = this.valueOf(tensor);
      });
      return { rows: this.#rows, inputs: inputValues, calls: this.#calls, outputs };
    } finally {
      active = undefined;
      if (before) tf.setBackend(before);
      // Without it, the next operation chooses a backend that computes.
      tf.removeBackend(BACKEND);
    }
  }

  /** Keeps values that the function brings along. */
  write(dataId: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.#add(dataId, { shape, dtype }, {
      kind: "values",
      values: values as tf.TypedArray,
    });
  }

  /** The values of a constant; nothing else has any. */
  read(dataId: object): tf.TypedArray {
    const constant = this.#values.get(dataId)?.constant;
    if (constant?.kind === "values") return constant.values;
    throw new NoGraph("it reads values of a tensor", this.#origin());
  }

  call(kernel: string, inputs: Record<string, tf.TensorInfo>, attrs: object): tf.TensorInfo[] {
    const rule = shapeRules[kernel];
    if (!rule) throw new NoGraph(`it uses ${kernel}, which has no form as a graph`, this.#origin());
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
    throw new NoGraph("it reads a tensor that another function has made", this.#origin());
  }

  #view(tensor: tf.TensorInfo): Value {
    return this.valueOf(tensor);
  }

  #round(tensor: tf.Tensor, final: boolean): tf.Tensor {
    const from = this.valueOf(tensor), info = this.#info(tensor);
    this.#calls.push({
      kernel: ROUND,
      inputs: { x: from },
      attrs: { final },
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

/** The active recording. */
let active: Recording | undefined;

/** A backend that computes nothing. */
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
    if (!active) throw new NoGraph("it reads a tensor of a graph", undefined);
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

/** Registers the kernels; those without a form are there to say so. */
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

/** Kernels that return a list, even of one. */
const several: ReadonlySet<string> = new Set(["SplitV", "Unpack"]);

/** One graph of two traces. */
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

const DIFFERS = "it computes something else for other numbers of rows";

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
    throw new NoGraph("a constant of it has other values for other numbers of rows", at);
  }
  if (a.every((value, index) => Object.is(value, b[index]))) return one;
  throw new NoGraph("a constant of it has other values for other numbers of rows", at);
}

/** Numbers as a function of the number of rows. */
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
    throw new NoGraph("a size of it is no multiple of the number of rows", at);
  }

  /** The same for all numbers within a value. */
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
