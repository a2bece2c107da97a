/**
 * Writes the state of a job to a file of named tensors, and restores it.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { shardsOf } from "../engine/sharded_tables.ts";
import { createTables, sliceRows, VALUES_AT_ONCE, writeSuccessive } from "../engine/tables.ts";
import {
  SafetensorsFile,
  type StreamedTensor,
  type TensorPart,
} from "../base/files/safetensors_stream.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Variable } from "../stages/network.ts";
import { divergedHint, NonFiniteError } from "../train/diagnose.ts";
import { initialState, type Model, type State } from "../train/step.ts";
import { storedTogether } from "../train/table_groups.ts";
import { emptyTables } from "../train/variables.ts";
import type { ShardedRows } from "./sharded_rows.ts";

/** A tensor of the training state, with its name in checkpoints. */
export interface NamedTensor {
  /** The name in files: `NAME` of a variable, or `optimizer/SLOT/NAME`. */
  readonly name: string;
  /** The variable that the tensor belongs to. */
  readonly variable: Variable;
  /** The optimizer's slot; undefined for the value of the variable. */
  readonly slot?: string;
  /** The values; of a sharded table, the rows that this process holds. */
  readonly tensor: tf.Tensor;
  /** The shape, with the rows of all processes. */
  readonly shape: readonly number[];
}

/**
 * Lists the tensors of a state of training (variables and optimizer slots) with their names.
 *
 * @param model The model that the state belongs to.
 * @param state The state.
 */
export function namedTensors({ variables }: Model, { values, slots }: State): NamedTensor[] {
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  const sized = (name: string, tensor: tf.Tensor) => {
    const variable = byName.get(name)!;
    return { variable, tensor, shape: shardsOf(tensor) ? variable.shape : tensor.shape };
  };
  return [
    ...Object.entries(values).map(([name, tensor]) => ({ name, ...sized(name, tensor) })),
    ...Object.entries(slots).flatMap(([slot, tensors]) =>
      Object.entries(tensors).map(([name, tensor]) => ({
        name: `optimizer/${slot}/${name}`,
        slot,
        ...sized(name, tensor),
      }))
    ),
  ];
}

/**
 * Returns the tensors of a state in a form that can be written in parts. The state must not change
 * until they are written.
 *
 * @param model The model that the state belongs to.
 * @param state The state.
 * @param sharded Gathers the rows of sharded tables; undefined if there are none.
 * @returns Tensors whose parts throw a {@linkcode NonFiniteError} if a value is not finite.
 */
export function streamedTensors(
  model: Model,
  state: State,
  sharded?: ShardedRows,
): Map<string, StreamedTensor> {
  return new Map(
    namedTensors(model, state).map(({ name, tensor, shape }) => [name, {
      dtype: tensor.dtype === "int32" ? "I32" : "F32",
      shape,
      parts: () => finite(name, shardsOf(tensor) ? sharded!.parts(tensor) : partsOf(tensor)),
    }]),
  );
}

/**
 * Lists the sharded tables of a state, among its variables and slots.
 *
 * @param model The model that the state belongs to.
 * @param state The state.
 */
export function shardedTensors(model: Model, state: State): tf.Tensor[] {
  return namedTensors(model, state).map(({ tensor }) => tensor).filter((one) => shardsOf(one));
}

/** Passes the parts of a tensor on, and throws if a value is not finite. */
async function* finite(
  name: string,
  parts: AsyncIterable<TensorPart>,
): AsyncGenerator<TensorPart> {
  for await (const part of parts) {
    // A plain loop without calls, because there may be a billion values.
    for (let index = 0; index < part.length; index++) {
      const value = part[index]!;
      if (value - value === 0) continue;
      throw new NonFiniteError(`the optimizer has made ${name} ${value}`, {
        hint: divergedHint(),
      });
    }
    yield part;
  }
}

async function* partsOf(tensor: tf.Tensor): AsyncGenerator<TensorPart> {
  const [rows = 1] = tensor.shape;
  const rowsAtOnce = Math.max(1, Math.floor(VALUES_AT_ONCE * rows / tensor.size));
  if (tensor.rank === 0 || rowsAtOnce >= rows) {
    if (tensor.size > 0) yield await tensor.data() as TensorPart;
    return;
  }
  for (let start = 0; start < rows; start += rowsAtOnce) {
    const part = sliceRows(tensor, start, Math.min(rowsAtOnce, rows - start));
    try {
      yield await part.data() as TensorPart;
    } finally {
      part.dispose();
    }
  }
}

/**
 * Restores the state of training (the variables and the optimizer's slots) from a checkpoint.
 *
 * @param model The model that the state belongs to.
 * @param path The checkpoint's safetensors file.
 * @param position What its metadata must say, by key, as the checkpoint's JSON file does.
 * @returns The state; the caller disposes of it.
 * @throws {UserError} If the file cannot be read, or has other nets, another optimizer, or another
 *   position.
 */
export async function restoreState(
  model: Model,
  path: string,
  position: Readonly<Record<string, string>>,
): Promise<State> {
  const file = await open(path);
  const other = Object.keys(position).find((key) => file.metadata[key] !== position[key]);
  if (other !== undefined) {
    file.close();
    throw new UserError(
      `the checkpoint ${path} contradicts its JSON file: its ${other} is ${
        file.metadata[other] ?? "missing"
      }; expected ${position[other]}`,
      { hint: otherFileHint() },
    );
  }
  // Tables are read into memory that the engine owns.
  const tables = emptyTables(model.variables, storedTogether(model), model.shards);
  const empty = Object.fromEntries(
    model.variables.map(({ name, shape }) => [name, tables.get(name) ?? tf.fill([...shape], 0)]),
  );
  const state = initialState(model, empty);
  const values: Record<string, tf.Tensor> = { ...state.values };
  const slots: Record<string, Record<string, tf.Tensor>> = {};
  for (const [slot, tensors] of Object.entries(state.slots)) slots[slot] = { ...tensors };
  const restored = { values, slots };
  try {
    const wanted = namedTensors(model, state);
    refuseOthers(wanted, file, path);
    for (const { name, variable, slot, tensor } of wanted) {
      const isTable = variable.table && model.tables !== "exact";
      const read = await restoreTensor(file, name, tensor, isTable).catch(refuse(path));
      if (read === tensor) continue;
      tensor.dispose();
      (slot === undefined ? values : slots[slot]!)[variable.name] = read;
    }
    return restored;
  } catch (error) {
    tf.dispose([values, slots]);
    throw error;
  } finally {
    file.close();
  }
}

/**
 * Restores the values of variables from a checkpoint, without the optimizer's state.
 *
 * @param variables The variables; those that the file does not have are omitted.
 * @param path The checkpoint's safetensors file.
 * @param step The step after which the checkpoint must have been written.
 * @param shards The processes over which rows of sharded tables are dealt; by default, this process
 *   holds all rows.
 * @returns The values by name; the caller disposes of them.
 * @throws {UserError} If the file cannot be read, or is from another step or from other nets.
 */
export async function restoreValues(
  variables: readonly Variable[],
  path: string,
  step: number,
  shards?: Collectives,
): Promise<Record<string, tf.Tensor>> {
  const file = await open(path);
  const values: Record<string, tf.Tensor> = {};
  try {
    if (file.metadata.step !== String(step)) {
      throw new UserError(
        `the checkpoint ${path} is from step ${file.metadata.step}; expected step ${step}, the last step of the previous phase`,
        { hint: otherFileHint() },
      );
    }
    for (const { name, shape, table, shard } of variables) {
      const entry = file.entries.get(name);
      if (!entry) continue;
      refuseOtherType(name, entry.dtype, "float32", path);
      if (entry.shape.join() !== shape.join()) {
        throw new UserError(
          `the tensor ${name} in ${path} has shape [${entry.shape}]; expected [${shape}]`,
          { hint: otherFileHint() },
        );
      }
      // Tables are read into memory that the engine owns.
      const [zeros] = table
        ? createTables([shape[0]!], shape[1]!, shard ? shards : undefined)
        : [tf.fill([...shape], 0) as tf.Tensor];
      const read = await restoreTensor(file, name, zeros!, table).catch(refuse(path));
      if (read !== zeros) zeros!.dispose();
      values[name] = read;
    }
    return values;
  } catch (error) {
    tf.dispose(values);
    throw error;
  } finally {
    file.close();
  }
}

const open = (path: string) => SafetensorsFile.open(path).catch(refuse(path));

/** Refuses a file whose content is not what its header says. */
const refuse = (path: string) => (cause: Error) => {
  throw new UserError(`the weights in ${path} cannot be read: ${cause.message}`, {
    hint: otherFileHint(),
    cause,
  });
};

async function restoreTensor(
  file: SafetensorsFile,
  name: string,
  zeros: tf.Tensor,
  isTable: boolean,
): Promise<tf.Tensor> {
  const { shape } = zeros;
  if (!isTable) {
    // Engines keep the array, so it must not be shared.
    const parts: TensorPart[] = [];
    for await (const part of file.parts(name, zeros.size)) parts.push(part);
    const [all = new Float32Array(0)] = parts;
    return tf.tensor(all, shape, all instanceof Int32Array ? "int32" : "float32");
  }
  const [, size] = shape as [number, number];
  let start = 0;
  for await (
    const part of file.parts(name, Math.max(1, Math.floor(VALUES_AT_ONCE / size)) * size)
  ) {
    const count = part.length / size;
    tf.tidy(() => writeSuccessive(zeros, start, tf.tensor(part, [count, size])));
    start += count;
  }
  return zeros;
}

/** Returns the hint for a checkpoint that the run did not write in this form. */
const otherFileHint = () =>
  hint("checkpoint/other-file", "start a new run: this run did not write the file", {
    edit: "the command",
  });

/** Rejects a tensor of another type than the run writes, whose bytes would be read as other numbers. */
function refuseOtherType(name: string, dtype: string, type: tf.DataType, path: string): void {
  const expected = type === "int32" ? "I32" : "F32";
  if (dtype === expected) return;
  throw new UserError(
    `the tensor ${name} in ${path} is of type ${dtype}; a run writes ${expected}`,
    { hint: otherFileHint(), exitCode: 2 },
  );
}

/** Rejects a checkpoint with other tensors than the model, for example after the pipeline changed. */
function refuseOthers(wanted: readonly NamedTensor[], file: SafetensorsFile, path: string): void {
  const otherNet = hint(
    "checkpoint/other-net",
    "resume with the network and optimizer of the run, or start a new run",
    { edit: "the pipeline, or the command" },
  );
  for (const { name, shape, tensor } of wanted) {
    const entry = file.entries.get(name);
    if (entry) refuseOtherType(name, entry.dtype, tensor.dtype, path);
    if (entry?.shape.join() === shape.join()) continue;
    const found = entry ? `has the shape [${entry.shape}]` : "is missing";
    throw new UserError(
      `the tensor ${name} in the checkpoint ${path} ${found}; expected the shape [${shape}]`,
      {
        hint: otherNet,
        exitCode: 2,
      },
    );
  }
  const names = new Set(wanted.map(({ name }) => name));
  const other = [...file.entries.keys()].find((name) => !names.has(name));
  if (other === undefined) return;
  throw new UserError(
    `the checkpoint ${path} has the tensor ${other}, which the nets do not have`,
    {
      hint: otherNet,
      exitCode: 2,
    },
  );
}
