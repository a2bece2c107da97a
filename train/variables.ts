import * as tf from "@tensorflow/tfjs";
import { writeRows } from "../engine/tables.ts";
import { deriveSeed } from "../pipeline/random.ts";
import type { LossVariables } from "../pipeline/stages/loss.ts";
import type {
  NetName,
  Variable,
  VariableRegistry,
  VariableSpec,
} from "../pipeline/stages/network.ts";

/** Tensors by the name of the variable that they are the value of. */
export type TensorsByName = Readonly<Record<string, tf.Tensor>>;

/** Values that variables begin with instead of their initializers', row-major, by the variable's name. */
export type GivenValues = ReadonlyMap<string, Float32Array>;

/** The variables that a network and losses have declared, in the order of their declaration. */
export class DeclaredVariables implements VariableRegistry {
  readonly #byName = new Map<string, Variable>();

  add(spec: VariableSpec): Variable {
    if (this.#byName.has(spec.name)) {
      throw new Error(`the variable ${JSON.stringify(spec.name)} is declared twice`);
    }
    const variable = { trainable: true, table: false, ...spec };
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
    variables.map(({ name, shape, initializer, table }) => {
      const values = given.get(name);
      if (values) return [name, givenValue([...shape], values)];
      const own = deriveSeed(seed, "variable", name), first = table ? tableValue : initialValue;
      return [name, first([...shape], initializer, own)];
    }),
  );
}

/** A table is written to in place, so that its tensor must not be an array that others hold. */
function givenValue(shape: number[], values: Float32Array): tf.Tensor {
  return tf.tensor(values.slice(), shape);
}

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
