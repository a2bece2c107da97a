import * as tf from "@tensorflow/tfjs";
import { scaleGradient } from "../engine/ops.ts";
import { offTape } from "../engine/ops/off_tape.ts";
import { gatherFrom, storeOf } from "../engine/tables.ts";
import type { NetName, Outputs, Scope, Variable, VariableOwner } from "../stages/network.ts";
import { type TrainedNets, withHead } from "./auxiliary.ts";
import type { TensorsByName } from "./variables.ts";

/**
 * The factor by which the gradient with respect to shared variables is multiplied: a constant, or a
 * tensor with the value for this step.
 */
export type Gate = number | tf.Scalar;

/** The input of a step's forward passes, such as the values of the variables and the features. */
export interface ForwardInput {
  /** The values of all variables. */
  readonly values: TensorsByName;
  /** The features, `[batch, ...shape]`. */
  readonly features: TensorsByName;
  /** Whether this is a training step, as opposed to an evaluation. */
  readonly training: boolean;
  /** Returns this step's seed for a given purpose. */
  readonly seed: (purpose: string) => tf.Scalar;
  /**
   * Reads rows of embedding tables that are in the same store: of one table, or of one for each row
   * number along the last axis. By default, the tables get no gradient.
   */
  readonly lookup?: ((tables: readonly Variable[], ids: tf.Tensor) => tf.Tensor) | undefined;
  /**
   * The owners whose variables are frozen; none by default. A frozen net computes as in inference,
   * with running statistics and without dropout. It is a constant if all variables that it reads
   * are frozen.
   */
  readonly frozen?: ReadonlySet<VariableOwner> | undefined;
}

/**
 * The forward passes of one step. A loss can scale or block its gradient into the variables that
 * both nets share (see {@linkcode Gate}). Each net is computed once for each such factor that the
 * losses use. The part of the network that both nets share is computed only once.
 */
export class Forward {
  /** The new values of variables that are not trainable, such as running statistics. */
  readonly updates: Map<string, tf.Tensor> = new Map();
  readonly #pair: TrainedNets;
  readonly #input: ForwardInput;
  readonly #outputs = new Map<string, Outputs>();
  readonly #gates: tf.Scalar[] = [];
  readonly #shared = new Map<string, tf.Tensor>();
  readonly #measured = new Set<NetName>();
  #lookups = 0;

  /**
   * Prepares the passes without computing anything.
   *
   * @param pair The nets, perhaps with an auxiliary head.
   * @param input The variables' values and the features.
   */
  constructor(pair: TrainedNets, input: ForwardInput) {
    this.#pair = pair;
    this.#input = input;
  }

  /**
   * Computes the outputs of a net.
   *
   * @param net The net.
   * @param shared The factor for the gradient with respect to shared variables.
   * @returns Its outputs.
   * @throws {Error} If this run has no such net.
   */
  outputs(net: NetName, shared: Gate = 1): Outputs {
    const constant = this.#isFrozen(net) && this.#isFrozen("shared");
    const gate = constant ? 1 : shared;
    const key = `${net} ${this.#gateKey(gate)}`;
    let outputs = this.#outputs.get(key);
    if (!outputs) {
      const compute = this.#pair[net];
      if (!compute) throw new Error(`this run has no ${net} net`);
      const pass = () => compute(this.#input.features, this.#scope(net, gate));
      const own = constant ? offTape(pass) : pass();
      // The head is trained even if the net is frozen.
      outputs = withHead(this.#pair, net, own, (variable) => this.read(variable));
      this.#measured.add(net);
      this.#outputs.set(key, outputs);
    }
    return outputs;
  }

  /**
   * Returns the value of a variable that belongs to no net, such as a variable of a loss.
   *
   * @param variable The variable.
   * @returns Its value.
   */
  read({ name }: Variable): tf.Tensor {
    const value = this.#input.values[name];
    if (!value) throw new Error(`the variable ${JSON.stringify(name)} is not declared`);
    return value;
  }

  #isFrozen(owner: VariableOwner): boolean {
    return this.#input.frozen?.has(owner) ?? false;
  }

  #gateKey(gate: Gate): string {
    if (typeof gate === "number") return `${gate}`;
    if (!this.#gates.includes(gate)) this.#gates.push(gate);
    return `#${this.#gates.indexOf(gate)}`;
  }

  #scope(net: NetName, gate: Gate): Scope {
    const { values, training, seed } = this.#input;
    const lookup = this.#input.lookup ??
      ((tables: readonly Variable[], ids: tf.Tensor) => {
        const exchange = `lookup ${this.#lookups++}`;
        return gatherFrom(tables.map(({ name }) => values[name]!), ids, exchange).rows;
      });
    const known = ({ name }: Variable) => {
      if (!Object.hasOwn(values, name)) {
        throw new Error(`the variable ${JSON.stringify(name)} is not declared`);
      }
    };
    const isTable = (variable: Variable) => {
      known(variable);
      if (variable.table) return;
      throw new Error(
        `the variable ${
          JSON.stringify(variable.name)
        } is not a table, so scope.lookup() cannot read its rows`,
      );
    };
    // All passes of a net read the same rows, so its running statistics are updated only once per
    // step.
    const first = !this.#measured.has(net);
    const scope = (gate: Gate, owner: VariableOwner = net): Scope => ({
      training: training && !this.#isFrozen(owner),
      read: (variable) => {
        known(variable);
        const { name, owner, table } = variable;
        if (table) {
          throw new Error(
            `the variable ${JSON.stringify(name)} is a table: read its rows with scope.lookup()`,
          );
        }
        return owner === "shared" ? scaleGradient(values[name]!, gate) : values[name]!;
      },
      lookup: (table, ids) => {
        isTable(table);
        const rows = lookup([table], ids);
        return table.owner === "shared" ? scaleGradient(rows, gate) : rows;
      },
      lookupColumns: (tables, ids) => {
        tables.forEach(isTable);
        const parts = inRuns(tables, ({ name }) => storeOf(values[name]!)).map(([from, to]) => {
          const run = tables.slice(from, to);
          const rows = lookup(run, tf.slice(ids, [0, from], [-1, to - from]));
          return run[0]!.owner === "shared" ? scaleGradient(rows, gate) : rows;
        });
        return parts.length === 1 ? parts[0]! : tf.concat(parts, 1);
      },
      update: ({ name, owner }, value) => {
        if (first && !this.#isFrozen(owner)) this.updates.set(name, value);
      },
      shared: (name, compute) => {
        const done = this.#shared.get(name) ?? compute(scope(1, "shared"));
        this.#shared.set(name, done);
        return scaleGradient(done, gate);
      },
      seed: (name) => seed(`${net}/${name}`),
    });
    return scope(gate);
  }
}

/** Splits a list into runs of items with the same key, as pairs of their start and end. */
function inRuns<T>(items: readonly T[], keyOf: (item: T) => unknown): [from: number, to: number][] {
  const runs: [number, number][] = [];
  items.forEach((item, index) => {
    if (index > 0 && keyOf(item) === keyOf(items[index - 1]!)) runs.at(-1)![1]++;
    else runs.push([index, index + 1]);
  });
  return runs;
}
