/**
 * Sizes of nets that options can make larger than the machine, which are known before anything of
 * that size is made.
 *
 * @module
 */

import { WASM_BYTES } from "../engine/limits.ts";
import { type Place, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Variable } from "../stages/network.ts";
import { sizeOf } from "../input/columns.ts";
import { formatBytes } from "../input/memory.ts";

/** A number is a float32. */
const BYTES = 4;

/** What of nets takes memory. */
export interface SizedNets {
  /** All variables that are declared so far. */
  readonly variables: readonly Variable[];
  /** Those that the optimizer moves. */
  readonly moved: readonly Variable[];
  /** The optimizer's name, and how many numbers it keeps of each of these. */
  readonly optimizer: { readonly name: string; readonly slots: number };
}

/**
 * Refuses nets that the machine has no memory for: weights, what the optimizer keeps of them, and
 * the gradients of what is no table. That is the least that training needs; the maps of a batch
 * come on top.
 *
 * @param nets The nets.
 * @param available The memory that this process may have, in bytes.
 * @param place Where the pipeline file has the network.
 * @throws {UserError} With the largest variable, its size and what the machine has; exit code 2.
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
  const one = `the ${largest.table ? "table" : "variable"} ${largest.name} of ${shape} needs ${
    formatBytes(bytesOf(largest))
  }`;
  const all = [
    `${formatBytes(weights)} for weights`,
    ...(slots > 0 ? [`${formatBytes(slots)} for what ${optimizer.name} keeps of them`] : []),
    ...(gradients > 0 ? [`${formatBytes(gradients)} for gradients`] : []),
  ];
  const whole = bytesOf(largest) > available
    ? one
    : `the nets need ${formatBytes(weights + slots + gradients)}: ${
      all.join(", ")
    }; ${one} of that`;
  throw new UserError(`${whole}; this machine has ${formatBytes(available)} available`, {
    place,
    hint: largest.table
      ? hint(
        "size/table",
        "make fewer ids, such as `ids: { hash: 100000 }` at the feature, or write a smaller size of embeddings",
        { edit: "the feature's ids" },
      )
      : hint(
        "size/nets",
        "write smaller numbers at the network's options: units, width or depth; or let it read fewer values",
        { edit: "the network's options" },
      ),
    exitCode: 2,
  });
}

/**
 * Refuses layers whose units the machine has no memory for, a number a unit and row of a batch.
 *
 * @param variables The variables. A layer is a kernel and one number for each of its units, such as
 *   a bias.
 * @param rows The rows of a batch.
 * @param available The memory that the engine may have, in bytes.
 * @param place Where the pipeline file has the network.
 * @throws {UserError} With the layer, its size and what the machine has; exit code 2.
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
      `a batch of ${rows.toLocaleString("en")} rows needs ${formatBytes(bytes)} for the ${
        units.toLocaleString("en")
      } units of ${name}; there are ${formatBytes(available)} available`,
      {
        place,
        hint: hint("size/units", "write fewer units, or a smaller train.batch", {
          edit: "the network's options",
        }),
        exitCode: 2,
      },
    );
  }
}

/** An output of a net, without outputs that are the same numbers under another name. */
export interface SizedOutput {
  /** Its name, such as `light.hidden1`. */
  readonly name: string;
  /** Its shape, without the rows. */
  readonly shape: readonly number[];
}

/**
 * Refuses batches whose outputs the machine has no memory for: a step has all of them at once, as
 * gradients need them. That is the least that it needs; what nets compute in between, and the
 * gradients, come on top.
 *
 * @param outputs The outputs of the nets.
 * @param rows The rows of a batch.
 * @param available The memory that the engine may have, in bytes.
 * @param place Where the pipeline file has the network.
 * @throws {UserError} With the largest output, its size and what the machine has; exit code 2.
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
    `a step of ${rows.toLocaleString("en")} rows needs ${
      formatBytes(bytes)
    } for what the nets' layers put out, ${
      formatBytes(bytesOf(largest))
    } of that for ${largest.name} of ${shape}; there are ${formatBytes(available)} available`,
    {
      place,
      hint: hint(
        "size/outputs",
        "write a smaller train.batch, fewer units or a smaller width, or smaller images",
        { edit: "the network's options, or train.batch" },
      ),
      exitCode: 2,
    },
  );
}

/**
 * Refuses nets that WebAssembly cannot address: before its memory is filled, which takes long and
 * ends anywhere.
 *
 * @param variables The variables.
 * @param place Where the pipeline file has the network.
 * @throws {UserError} With the largest variable and its size.
 */
export function refuseBeyondWasm(variables: readonly Variable[], place: Place | undefined): void {
  // A gradient is as large as its variable, but for tables.
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
    `the nets' variables and gradients have ${inGb(bytes)} GB, of which ${largest.name} of shape [${
      largest.shape.join(", ")
    }] has ${inGb(largest.bytes)} GB; the engine wasm can hold 4 GB`,
    {
      place,
      hint: hint("nets/wasm", "make it smaller, or use the engine native", {
        edit: "the network, or the engine",
      }),
    },
  );
}
