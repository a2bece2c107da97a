import * as tf from "@tensorflow/tfjs";
import { writeRows } from "../engine/tables.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { deriveSeed } from "../base/random.ts";
import type { LossVariables } from "../stages/loss.ts";
import type { NetName, Variable, VariableRegistry, VariableSpec } from "../stages/network.ts";

/** Tensors by the name of the variable that they are the value of. */
export type TensorsByName = Readonly<Record<string, tf.Tensor>>;

/** The value that a variable, or a slot of one, begins with instead of its initializer's. */
export interface GivenValue {
  /** The values of a tensor, row-major. */
  readonly values: Float32Array;
  /** The tensor's shape. */
  readonly shape: readonly number[];
  /**
   * By axis, the place in that tensor of each place of the variable, or −1 where the initializer's
   * value stays; undefined for an axis whose places are the same.
   */
  readonly from: readonly (Int32Array | undefined)[];
}

/** What variables begin with instead of their initializers' values, by the variable's name. */
export type GivenValues = ReadonlyMap<string, GivenValue>;

/** What a job begins with instead of the state that follows from the seed. */
export interface GivenState {
  /** The variables' values. */
  readonly values: GivenValues;
  /** The optimizer's slots, by slot. */
  readonly slots: ReadonlyMap<string, GivenValues>;
  /** How many steps the slots have behind them. */
  readonly steps: number;
}

/** A job that begins with what follows from the seed. */
export const nothingGiven: GivenState = { values: new Map(), slots: new Map(), steps: 0 };

/**
 * No net has as many layers; one whose options say so would be declared until the memory is full.
 */
const MAX_VARIABLES = 100_000;

/** The variables that a network and losses have declared, in the order of their declaration. */
export class DeclaredVariables implements VariableRegistry {
  readonly #byName = new Map<string, Variable>();

  add(spec: VariableSpec): Variable {
    if (this.#byName.has(spec.name)) {
      throw new Error(`the variable ${JSON.stringify(spec.name)} is declared twice`);
    }
    if (this.#byName.size >= MAX_VARIABLES) {
      throw new UserError(
        `the nets have more than ${MAX_VARIABLES.toLocaleString("en")} variables`,
        {
          hint: hint("size/layers", "write a smaller number of layers, such as `depth: 40`", {
            edit: "the network's options",
          }),
          exitCode: 2,
        },
      );
    }
    const variable = { trainable: true, table: false, ...spec };
    if (spec.axes && spec.axes.length !== spec.shape.length) {
      throw new Error(
        `the variable ${JSON.stringify(spec.name)} has ${spec.axes.length} axes for the shape ` +
          `[${spec.shape}]`,
      );
    }
    if (variable.table && (variable.shape.length !== 2 || !variable.trainable)) {
      throw new Error(
        `the table ${JSON.stringify(spec.name)} must be trainable, [rows, size]; its shape is ` +
          `[${spec.shape}]`,
      );
    }
    this.#byName.set(spec.name, variable);
    return variable;
  }

  /**
   * Where one loss declares its variables.
   *
   * @param name The loss's name, which comes before those of its variables.
   */
  ofLoss(name: string): LossVariables {
    return {
      add: (spec) => this.add({ ...spec, name: `losses/${name}/${spec.name}`, owner: "loss" }),
    };
  }

  /** All variables. */
  get all(): readonly Variable[] {
    return [...this.#byName.values()];
  }
}

/**
 * The first values of variables. Each is drawn with a seed of its own, from the run's seed and the
 * variable's name: a net starts alike whatever else is in the run, and on every engine.
 *
 * @param variables The variables.
 * @param seed The run's seed.
 * @param given Values that some begin with instead, by name.
 * @returns Their values, which the caller disposes of.
 */
export function initialValues(
  variables: readonly Variable[],
  seed: number,
  given: GivenValues = new Map(),
): TensorsByName {
  return Object.fromEntries(
    variables.map((variable) => [variable.name, firstValue(variable, seed, given)]),
  );
}

/**
 * The first value of one variable.
 *
 * @param variable The variable.
 * @param seed The run's seed.
 * @param given Values that some begin with instead, by name.
 * @returns Its value, which the caller disposes of.
 */
export function firstValue(
  { name, shape, initializer, table }: Pick<Variable, "name" | "shape" | "initializer" | "table">,
  seed: number,
  given: GivenValues = new Map(),
): tf.Tensor {
  const value = given.get(name);
  // A table is written to in place, so that its tensor must not be an array that others hold.
  if (value && isWhole(value)) return tf.tensor(value.values.slice(), [...shape]);
  const own = deriveSeed(seed, "variable", name), first = table ? tableValue : initialValue;
  const drawn = first([...shape], initializer, own);
  if (!value) return drawn;
  if (table) {
    fillRows(drawn, value);
    return drawn;
  }
  const filled = drawn.dataSync<"float32">().slice();
  drawn.dispose();
  fill(filled, shape, value);
  return tf.tensor(filled, [...shape]);
}

const isWhole = ({ from }: GivenValue) => from.every((places) => places === undefined);

/** Writes the values that there are over those that were drawn. */
function fill(
  to: Float32Array,
  shape: readonly number[],
  { values, shape: given, from }: GivenValue,
): void {
  const copy = (axis: number, start: number, source: number) => {
    if (axis === shape.length) {
      to[start] = values[source]!;
      return;
    }
    const stride = sizeOf(shape.slice(axis + 1)), step = sizeOf(given.slice(axis + 1));
    const places = from[axis];
    for (let index = 0; index < shape[axis]!; index++) {
      const place = places ? places[index]! : index;
      if (place >= 0) copy(axis + 1, start + index * stride, source + place * step);
    }
  };
  copy(0, 0, 0);
}

/** The same for a table, whose rows alone have other places. */
function fillRows(table: tf.Tensor, { values, from: [places] }: GivenValue): void {
  const [rows, size] = table.shape as [number, number];
  for (let start = 0; start < rows; start += TABLE_PART) {
    const ids: number[] = [];
    for (let row = start; row < Math.min(start + TABLE_PART, rows); row++) {
      if (!places || places[row]! >= 0) ids.push(row);
    }
    if (ids.length === 0) continue;
    const part = new Float32Array(ids.length * size);
    ids.forEach((row, index) => {
      const place = places ? places[row]! : row;
      part.set(values.subarray(place * size, (place + 1) * size), index * size);
    });
    tf.tidy(() =>
      writeRows(table, tf.tensor1d(ids, "int32"), tf.tensor2d(part, [ids.length, size]))
    );
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function initialValue(
  shape: number[],
  initializer: Variable["initializer"],
  seed: number,
): tf.Tensor {
  switch (initializer.kind) {
    case "constant":
      return tf.fill(shape, initializer.value);
    case "normal":
      return tf.randomNormal(shape, 0, initializer.deviation, "float32", seed);
    case "uniform":
      return tf.randomUniform(shape, initializer.low, initializer.high, "float32", seed);
  }
}

/** A table may be larger than what JavaScript should hold at once, so that it is made in parts. */
function tableValue(
  shape: number[],
  initializer: Variable["initializer"],
  seed: number,
): tf.Tensor {
  if (initializer.kind === "constant") return initialValue(shape, initializer, seed);
  const [rows, size] = shape as [number, number];
  const table = tf.fill(shape, 0);
  for (let start = 0; start < rows; start += TABLE_PART) {
    const end = Math.min(start + TABLE_PART, rows);
    tf.tidy(() => {
      const part = initialValue([end - start, size], initializer, deriveSeed(seed, "rows", start));
      writeRows(table, tf.range(start, end, 1, "int32"), part);
    });
  }
  return table;
}

/** The rows of a table that are made at once. */
const TABLE_PART = 2 ** 16;

/**
 * How many trainable numbers a net is made of; shared ones count for each net.
 *
 * @param variables The variables of the run.
 * @param net The net.
 */
export function parameterCount(variables: readonly Variable[], net: NetName): number {
  return variables
    .filter(({ owner, trainable }) => trainable && (owner === net || owner === "shared"))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
