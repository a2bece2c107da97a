/**
 * A small trained net, as a server has it.
 *
 * @module
 */

import type { Table } from "apache-arrow";
import { openEngine } from "../../src/engine/engine.ts";
import { openModel } from "../../src/model/load_model.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { type InputColumn, inputColumns } from "../../src/serve/input_columns.ts";
import { defaultLimits, type ServeLimits } from "../../src/serve/limits.ts";
import type { Said } from "./hand_over.ts";
import { clicks, someRows, trained } from "./trained.ts";

/** A trained net. */
export interface Served {
  /** The run folder. */
  readonly out: string;
  /** Rows that it was not trained with. */
  readonly table: Table;
  /** What the run itself makes of them. */
  readonly logits: Said["logits"];
  /** The inputs of the server. */
  readonly columns: readonly InputColumn[];
  /** Makes a handler with other limits than usual, or another name of the model. */
  readonly handler: (limits?: Partial<ServeLimits>, name?: string) => ServeHandler;
  /** The errors that were not the clients'. */
  readonly faults: unknown[];
}

let made: Promise<Served> | undefined;

/** Trains a net once for all tests of a file. Its folder is removed when they have ended. */
export function served(): Promise<Served> {
  return made ??= make();
}

async function make(): Promise<Served> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-served-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await openEngine("wasm", () => {});
  const { out, table, logits } = await trained(folder, someRows(1, 64), someRows(2, 40), clicks);
  const { loaded, model } = await openModel(out, { threads: 1 });
  const faults: unknown[] = [];
  return {
    ...{ out, table, logits, faults, columns: inputColumns(model) },
    handler: (limits = {}, name = "clicks") =>
      new ServeHandler(
        { name, loaded, model },
        (error) => faults.push(error),
        { ...defaultLimits, ...limits },
      ),
  };
}
