import type * as tf from "@tensorflow/tfjs";
import { scaleGradient } from "../engine/ops.ts";
import { offTape } from "../engine/ops/off_tape.ts";
import { gatherRows } from "../engine/tables.ts";
import type {
  NetName,
  NetworkPair,
  Outputs,
  Scope,
  Variable,
  VariableOwner,
} from "../stages/network.ts";
import type { TensorsByName } from "./variables.ts";

/** How much gradient passes into shared variables: a constant, or this step's value. */
export type Gate = number | tf.Scalar;

/** What a step's forward passes start from. */
export interface ForwardInput {
  /** The values of all variables. */
  readonly values: TensorsByName;
  /** The features, `[batch, ...shape]`. */
  readonly features: TensorsByName;
  /** Whether this is training. */
  readonly training: boolean;
  /** This step's seed for a purpose. */
  readonly seed: (purpose: string) => tf.Scalar;
  /** Reads rows of a table; without a gradient by default. */
  readonly lookup?: ((table: Variable, ids: tf.Tensor) => tf.Tensor) | undefined;
  /**
   * Whose variables stay as they are; none by default. A frozen net is computed as it ships, with
   * running statistics and without dropout, and is a constant where all that it reads is frozen.
   */
  readonly frozen?: ReadonlySet<VariableOwner> | undefined;
}

/**
 * The forward passes of one step. A net is computed once for each gate that losses put on its
 * shared variables, and what both nets share is computed once for all.
 */
export class Forward {
  /** What variables that are not trainable become after this step. */
  readonly updates: Map<string, tf.Tensor> = new Map();
  readonly #pair: NetworkPair;
  readonly #input: ForwardInput;
  readonly #outputs = new Map<string, Outputs>();
  readonly #gates: tf.Scalar[] = [];
  readonly #shared = new Map<string, tf.Tensor>();
  readonly #measured = new Set<NetName>();

  /**
   * Prepares the passes; nothing is computed yet.
   *
   * @param pair The nets.
   * @param input Variables and features.
   */
  constructor(pair: NetworkPair, input: ForwardInput) {
    this.#pair = pair;
    this.#input = input;
  }

  /**
   * What a net computes.
   *
   * @param net The net.
   * @param shared How much of the gradient passes into shared variables.
   * @returns Its outputs.
   * @throws {Error} If there is no such net in this run.
   */
  outputs(net: NetName, shared: Gate = 1): Outputs {
    const constant = this.#isFrozen(net) && this.#isFrozen("shared");
    const gate = constant ? 1 : shared;
    const key = `${net} ${this.#gateKey(gate)}`;
    let outputs = this.#outputs.get(key);
    if (!outputs) {
      const compute = this.#pair[net];
      if (!compute) throw new Error(`this run has no ${net}`);
      const pass = () => compute(this.#input.features, this.#scope(net, gate));
      outputs = constant ? offTape(pass) : pass();
      this.#measured.add(net);
      this.#outputs.set(key, outputs);
    }
    return outputs;
  }

  /**
   * The value of a variable that belongs to no net.
   *
   * @param variable The variable.
   */
  read({ name }: Variable): tf.Tensor {
    const value = this.#input.values[name];
    if (!value) throw new Error(`the variable ${JSON.stringify(name)} was not declared`);
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
      (({ name }: Variable, ids: tf.Tensor) => gatherRows(values[name]!, ids));
    const known = ({ name }: Variable) => {
      if (!Object.hasOwn(values, name)) {
        throw new Error(`the variable ${JSON.stringify(name)} was not declared`);
      }
    };
    // Every pass of a net sees the same rows: its running statistics move once a step.
    const first = !this.#measured.has(net);
    const scope = (gate: Gate, owner: VariableOwner = net): Scope => ({
      training: training && !this.#isFrozen(owner),
      read: (variable) => {
        known(variable);
        const { name, owner, table } = variable;
        if (table) throw new Error(`the table ${JSON.stringify(name)} is read by scope.lookup()`);
        return owner === "shared" ? scaleGradient(values[name]!, gate) : values[name]!;
      },
      lookup: (variable, ids) => {
        known(variable);
        if (!variable.table) {
          throw new Error(`the variable ${JSON.stringify(variable.name)} is not a table`);
        }
        const rows = lookup(variable, ids);
        return variable.owner === "shared" ? scaleGradient(rows, gate) : rows;
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
