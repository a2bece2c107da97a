import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { shardsOf } from "../engine/sharded_tables.ts";
import { createTables, rowCount, writeRows, writeSuccessive } from "../engine/tables.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { describeValue } from "../base/describe_value.ts";
import { deriveSeed } from "../base/random.ts";
import type { LossVariables } from "../stages/loss.ts";
import type {
  Initializer,
  NetName,
  Variable,
  VariableRegistry,
  VariableSpec,
} from "../stages/network.ts";

/** Tensors by the name of their variable. */
export type TensorsByName = Readonly<Record<string, tf.Tensor>>;

/**
 * An initial value of a variable, or of an optimizer slot, that replaces its initializer's value.
 */
export interface GivenValue {
  /** The values of a tensor, row-major. */
  readonly values: Float32Array;
  /** The tensor's shape. */
  readonly shape: readonly number[];
  /**
   * For each axis, the index in this tensor for each index of the variable, or −1 where the
   * initializer's value remains. Undefined for an axis whose indices are the same.
   */
  readonly from: readonly (Int32Array | undefined)[];
}

/** Initial values that replace those of initializers, by the variable's name. */
export type GivenValues = ReadonlyMap<string, GivenValue>;

/**
 * The variables and optimizer slots that were loaded as initial weights. A job starts with them
 * instead of values that are derived from the seed.
 */
export interface GivenState {
  /** The variables' values. */
  readonly values: GivenValues;
  /** The optimizer's slots, by the slot's name. */
  readonly slots: ReadonlyMap<string, GivenValues>;
  /** The number of optimizer steps that led to the slots. */
  readonly steps: number;
}

/**
 * The value of {@linkcode GivenState} for a job without loaded weights: all initial values are
 * derived from the seed.
 */
export const nothingGiven: GivenState = { values: new Map(), slots: new Map(), steps: 0 };

/**
 * The largest number of variables. No sensible net has as many; without this limit, a wrong option
 * could fill the memory with declarations.
 */
const MAX_VARIABLES = 100_000;

/** The variables that a network and losses declared, in the order of declaration. */
export class DeclaredVariables implements VariableRegistry {
  readonly #byName = new Map<string, Variable>();
  readonly #outputBias: readonly number[] | undefined;

  /**
   * Creates an empty registry.
   *
   * @param outputBias The initial values of output biases; zeros by default.
   */
  constructor(outputBias?: readonly number[]) {
    this.#outputBias = outputBias;
  }

  add(spec: VariableSpec): Variable {
    if (this.#byName.has(spec.name)) {
      throw new Error(`the variable ${JSON.stringify(spec.name)} is declared twice`);
    }
    if (this.#byName.size >= MAX_VARIABLES) {
      throw new UserError(
        `the nets declare more than ${MAX_VARIABLES.toLocaleString("en")} variables, the maximum`,
        {
          hint: hint("size/layers", "write a smaller number of layers, such as `depth: 40`", {
            edit: "the network's options",
          }),
          exitCode: 2,
        },
      );
    }
    const variable = {
      trainable: true,
      table: false,
      ...spec,
      initializer: this.#initializerOf(spec),
    };
    if (spec.axes && spec.axes.length !== spec.shape.length) {
      throw new Error(
        `the variable ${
          JSON.stringify(spec.name)
        } lists ${spec.axes.length} axes, but its shape is ` +
          `[${spec.shape}]`,
      );
    }
    if (variable.shard && !variable.table) {
      throw new Error(
        `the variable ${JSON.stringify(spec.name)} is not a table, so it cannot have shard: true`,
      );
    }
    if (variable.table && (variable.shape.length !== 2 || !variable.trainable)) {
      throw new Error(
        `the table ${
          JSON.stringify(spec.name)
        } must be trainable and of shape [rows, size]; its shape is ` +
          `[${spec.shape}]`,
      );
    }
    this.#byName.set(spec.name, variable);
    return variable;
  }

  /**
   * Returns the registry in which a loss declares its variables.
   *
   * @param name The loss's name, a prefix of its variables' names.
   * @returns The registry.
   */
  ofLoss(name: string): LossVariables {
    return {
      add: (spec) => {
        refuseUnusable(spec);
        return this.add({ ...spec, name: `losses/${name}/${spec.name}`, owner: "loss" });
      },
    };
  }

  #initializerOf({ name, shape, initializer }: VariableSpec): Initializer {
    const values = this.#outputBias;
    if (initializer.kind !== "output bias" || !values) return initializer;
    if (shape.join() === String(values.length)) return { ...initializer, values };
    throw new Error(
      `the output bias ${
        JSON.stringify(name)
      } has the shape [${shape}]; expected [${values.length}]`,
    );
  }

  /** All declared variables. */
  get all(): readonly Variable[] {
    return [...this.#byName.values()];
  }
}

/**
 * Creates the initial values of variables. Each variable has its own seed, derived from the run's
 * seed and the variable's name. Its initial value is therefore the same regardless of the other
 * variables in the run and of the engine.
 *
 * @param variables The variables.
 * @param seed The run's seed.
 * @param given Initial values that replace those of initializers, by the variable's name.
 * @param together The tables that are stored together; by default, each table is stored alone.
 * @param shards The processes over which rows of sharded tables are dealt; by default, this process
 *   holds all rows.
 * @returns The values, which the caller disposes of.
 */
export function initialValues(
  variables: readonly Variable[],
  seed: number,
  given: GivenValues = new Map(),
  together: TablesTogether = [],
  shards?: Collectives,
): TensorsByName {
  const tables = emptyTables(variables, together, shards);
  return Object.fromEntries(
    variables.map((variable) => {
      const { name } = variable, table = tables.get(name);
      if (!table) return [name, firstValue(variable, seed, given)];
      fillTable(table, variable, seed, given);
      return [name, table];
    }),
  );
}

/** Groups of tables that are stored together, with rows of the same size. */
export type TablesTogether = readonly (readonly Variable[])[];

/**
 * Creates tables of zeros for all variables that are tables.
 *
 * @param variables The variables.
 * @param together The tables that are stored together; each other table is stored alone.
 * @param shards The processes over which rows of sharded tables are dealt; by default, this process
 *   holds all rows.
 * @returns The tables by name, which the caller disposes of.
 */
export function emptyTables(
  variables: readonly Variable[],
  together: TablesTogether = [],
  shards?: Collectives,
): Map<string, tf.Tensor> {
  const grouped = new Set(together.flat());
  const alone = variables.filter((variable) => variable.table && !grouped.has(variable));
  return new Map(
    [...together, ...alone.map((variable) => [variable])].flatMap((group) => {
      const counts = group.map(({ shape }) => shape[0]!);
      const [{ shape, shard }] = group as [Variable];
      const tables = createTables(counts, shape[1]!, shard ? shards : undefined);
      return group.map(({ name }, index) => [name, tables[index]!] as const);
    }),
  );
}

/**
 * Creates the initial value of a variable that is not a table: a given value, such as one from
 * initial weights, or the result of the variable's initializer.
 *
 * @param variable The variable.
 * @param seed The run's seed.
 * @param given Initial values that replace those of initializers, by the variable's name.
 * @returns The value, which the caller disposes of.
 */
export function firstValue(
  { name, shape, initializer }: Pick<Variable, "name" | "shape" | "initializer">,
  seed: number,
  given: GivenValues = new Map(),
): tf.Tensor {
  const value = given.get(name);
  // A copy, because TensorFlow may compute in the array itself.
  if (value && isWhole(value)) return tf.tensor(value.values.slice(), [...shape]);
  const drawn = initialValue([...shape], initializer, deriveSeed(seed, "variable", name));
  if (!value) return drawn;
  const filled = drawn.dataSync<"float32">().slice();
  drawn.dispose();
  fill(filled, shape, value);
  return tf.tensor(filled, [...shape]);
}

/**
 * Writes the initial rows of a table: given rows, and those of the variable's initializer.
 *
 * @param table The table of zeros.
 * @param variable Its variable.
 * @param seed The run's seed.
 * @param given Initial values that replace those of initializers, by the variable's name.
 */
export function fillTable(
  table: tf.Tensor,
  { name, initializer }: Pick<Variable, "name" | "initializer">,
  seed: number,
  given: GivenValues = new Map(),
): void {
  const value = given.get(name);
  if (!value || !isWhole(value)) {
    drawRows(table, initializer, deriveSeed(seed, "variable", name));
  }
  if (value) fillRows(table, value);
}

const isWhole = ({ from }: GivenValue) => from.every((places) => places === undefined);

/** Overwrites initializer values with the given values. */
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

/**
 * Overwrites rows of a table with given values. Only the rows of a table are mapped, not its
 * columns.
 */
function fillRows(table: tf.Tensor, { values, from: [places] }: GivenValue): void {
  const rows = rowCount(table), size = table.shape[1]!;
  const { size: every, rank } = shardsOf(table) ?? { size: 1, rank: 0 };
  for (let start = 0; start < rows; start += TABLE_PART) {
    const ids: number[] = [];
    for (let row = start; row < Math.min(start + TABLE_PART, rows); row++) {
      if (row % every === rank && (!places || places[row]! >= 0)) ids.push(row);
    }
    if (ids.length === 0) continue;
    const part = new Float32Array(ids.length * size);
    ids.forEach((row, index) => {
      const place = places ? places[row]! : row;
      part.set(values.subarray(place * size, (place + 1) * size), index * size);
    });
    const held = ids.map((row) => (row - rank) / every);
    tf.tidy(() =>
      writeRows(table, tf.tensor1d(held, "int32"), tf.tensor2d(part, [ids.length, size]))
    );
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Checks what stages in JavaScript could declare in spite of the types. */
function refuseUnusable(
  { name, shape, initializer }: Pick<VariableSpec, "name" | "shape" | "initializer">,
): void {
  const what = `the variable ${JSON.stringify(name)}`;
  const isSize = (size: unknown) => Number.isSafeInteger(size) && size as number >= 0;
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw new Error(`${what} has the shape [${shape}]; expected a list of whole numbers`);
  }
  const kind: unknown = Object(initializer).kind;
  if (!initializers.includes(kind as Initializer["kind"])) {
    throw new Error(
      `${what} has an initializer of the kind ${describeValue(kind)}; the kinds are ${
        initializers.join(", ")
      }`,
    );
  }
}

const initializers: readonly Initializer["kind"][] = [
  ...["constant", "normal", "uniform", "output bias"] as const,
];

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
    case "output bias":
      return initializer.values ? tf.tensor([...initializer.values], shape) : tf.zeros(shape);
  }
}

/** Draws the rows of a table in parts, because it may be too large for a JavaScript array. */
function drawRows(table: tf.Tensor, initializer: Variable["initializer"], seed: number): void {
  if (initializer.kind === "constant" && initializer.value === 0) return;
  const rows = rowCount(table), size = table.shape[1]!;
  const drawn = initializer.kind === "normal" || initializer.kind === "uniform";
  for (let start = 0; start < rows; start += TABLE_PART) {
    const end = Math.min(start + TABLE_PART, rows);
    tf.tidy(() => {
      const own = drawn ? deriveSeed(seed, "rows", start) : seed;
      writeSuccessive(table, start, initialValue([end - start, size], initializer, own));
    });
  }
}

/** The number of table rows that are created at once. */
const TABLE_PART = 2 ** 16;

/**
 * Counts the trainable parameters of a net. Shared parameters count for each net.
 *
 * @param variables The variables of the run.
 * @param net The net.
 * @returns The number of parameters.
 */
export function parameterCount(variables: readonly Variable[], net: NetName): number {
  return variables
    .filter(({ owner, trainable }) => trainable && (owner === net || owner === "shared"))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
