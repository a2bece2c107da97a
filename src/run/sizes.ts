/**
 * Rejects nets that are too large for the machine, before any memory of that size is allocated.
 *
 * @module
 */

import { WASM_BYTES } from "../engine/limits.ts";
import { type Place, UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import type { Variable } from "../stages/network.ts";
import { sizeOf } from "../input/columns.ts";
import { formatBytes } from "../base/bytes.ts";

/** The bytes of a float32. */
const BYTES = 4;

/** The variables and optimizer slots that determine how much memory the nets need. */
export interface SizedNets {
  /** All variables that are declared so far. */
  readonly variables: readonly Variable[];
  /** The variables that the optimizer updates. */
  readonly moved: readonly Variable[];
  /** The optimizer's name, and the number of slots for each of these variables. */
  readonly optimizer: { readonly name: string; readonly slots: number };
}

/**
 * Rejects nets that do not fit in memory: their weights, the optimizer's state, and the gradients
 * of all variables that are not tables. This is the minimum that training needs; the activations of
 * a batch need more.
 *
 * @param nets The nets.
 * @param available The memory that this process may use, in bytes.
 * @param place The place of the network in the pipeline file.
 * @throws {UserError} With the largest variable, its size and the available memory; exit code 2.
 */
export function refuseLargeNets(
  { variables, moved, optimizer }: SizedNets,
  available: number,
  place: Place | undefined,
): void {
  const bytesOf = ({ shape }: Variable) => BYTES * sizeOf(shape);
  const sum = (of: readonly Variable[]) => of.reduce((sum, one) => sum + bytesOf(one), 0);
  const weights = sum(variables), slots = optimizer.slots * sum(moved);
  const gradients = sum(moved.filter(({ table }) => !table));
  if (weights + slots + gradients <= available) return;
  const largest = variables.reduce((one, other) => bytesOf(other) > bytesOf(one) ? other : one);
  const shape = largest.shape.map((size) => size.toLocaleString("en")).join(" × ");
  const one = `the ${largest.table ? "table" : "variable"} ${largest.name} of size ${shape} needs ${
    formatBytes(bytesOf(largest))
  }`;
  const all = [
    `${formatBytes(weights)} for weights`,
    ...(slots > 0 ? [`${formatBytes(slots)} for the state of ${optimizer.name}`] : []),
    ...(gradients > 0 ? [`${formatBytes(gradients)} for gradients`] : []),
  ];
  const whole = bytesOf(largest) > available
    ? one
    : `the nets need ${formatBytes(weights + slots + gradients)}: ${
      all.join(", ")
    }; of this, ${one}`;
  throw new UserError(`${whole}; this machine has ${formatBytes(available)} available`, {
    place,
    hint: largest.table
      ? hint(
        "size/table",
        "use fewer ids, for example `ids: { hash: 100000 }` in the options of the feature, or smaller embeddings",
        { edit: "the feature's ids" },
      )
      : hint(
        "size/nets",
        "use fewer units, a smaller width or depth in the network's options, or fewer input values",
        { edit: "the network's options" },
      ),
    exitCode: 2,
  });
}

/**
 * Rejects layers whose output does not fit in memory: one number for each unit and row of a batch.
 *
 * @param variables The variables. A layer consists of a kernel and one number for each of its
 *   units, such as a bias.
 * @param rows The number of rows in a batch.
 * @param available The memory that the engine may use, in bytes.
 * @param place The place of the network in the pipeline file.
 * @throws {UserError} With the layer, its size and the available memory; exit code 2.
 */
export function refuseLargeLayers(
  variables: readonly Variable[],
  rows: number,
  available: number,
  place: Place | undefined,
): void {
  const perUnit = new Set(
    variables.flatMap(({ shape }) => shape.length === 1 ? [shape[0]!] : []),
  );
  for (const { name, shape, table } of variables) {
    const units = shape.at(-1) ?? 0, bytes = BYTES * rows * units;
    if (table || shape.length < 2 || !perUnit.has(units) || bytes <= available) continue;
    throw new UserError(
      `a batch of ${counted(rows, "row")} needs ${formatBytes(bytes)} for the ${
        units.toLocaleString("en")
      } units of ${name}; only ${formatBytes(available)} are available`,
      {
        place,
        hint: hint("size/units", "use fewer units, or a smaller train.batch", {
          edit: "the network's options",
        }),
        exitCode: 2,
      },
    );
  }
}

/** An output of a net. Outputs that share their memory with another output are not listed. */
export interface SizedOutput {
  /** The output's name, such as `light.hidden1`. */
  readonly name: string;
  /** The output's shape, without the batch axis. */
  readonly shape: readonly number[];
}

/**
 * Rejects batches for which the outputs of the nets do not fit in memory: a step keeps all of them,
 * because gradients need them. This is the minimum that a step needs; intermediate values and
 * gradients need more.
 *
 * @param outputs The outputs of the nets.
 * @param rows The number of rows in a batch.
 * @param available The memory that the engine may use, in bytes.
 * @param place The place of the network in the pipeline file.
 * @throws {UserError} With the largest output, its size and the available memory; exit code 2.
 */
export function refuseLargeOutputs(
  outputs: readonly SizedOutput[],
  rows: number,
  available: number,
  place: Place | undefined,
): void {
  const bytesOf = ({ shape }: SizedOutput) => BYTES * rows * sizeOf(shape);
  const bytes = outputs.reduce((sum, one) => sum + bytesOf(one), 0);
  if (bytes <= available) return;
  const largest = outputs.reduce((one, other) => bytesOf(other) > bytesOf(one) ? other : one);
  const shape = [rows, ...largest.shape].map((size) => size.toLocaleString("en")).join(" × ");
  throw new UserError(
    `a training step with ${counted(rows, "row")} needs ${
      formatBytes(bytes)
    } for the outputs of the nets' layers, of which ${largest.name} of size ${shape} needs ${
      formatBytes(bytesOf(largest))
    }; only ${formatBytes(available)} are available`,
    {
      place,
      hint: hint(
        "size/outputs",
        "use a smaller train.batch, fewer units, a smaller width, or smaller images",
        { edit: "the network's options, or train.batch" },
      ),
      exitCode: 2,
    },
  );
}

/**
 * Rejects nets that are larger than the memory that WebAssembly can address. Without this check,
 * the engine would fill its memory slowly and then fail at an arbitrary operation.
 *
 * @param variables The variables.
 * @param place The place of the network in the pipeline file.
 * @throws {UserError} With the largest variable and its size.
 */
export function refuseBeyondWasm(variables: readonly Variable[], place: Place | undefined): void {
  // A gradient is as large as its variable, except for tables.
  const sizes = variables.map(({ name, shape, table }) => ({
    name,
    shape,
    bytes: (table ? BYTES : 2 * BYTES) * sizeOf(shape),
  }));
  const bytes = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (bytes < WASM_BYTES) return;
  const largest = sizes.reduce((one, other) => other.bytes > one.bytes ? other : one);
  const inGb = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new UserError(
    `the nets' variables and gradients need ${inGb(bytes)} GB, of which ${largest.name} of shape [${
      largest.shape.join(", ")
    }] needs ${inGb(largest.bytes)} GB; the engine wasm can address only 4 GB`,
    {
      place,
      hint: hint("nets/wasm", "use smaller nets, or use the engine native", {
        edit: "the network, or the engine",
      }),
    },
  );
}
