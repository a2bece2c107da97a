/**
 * Creates the Arrow files of a data set with `deno task data NAME [--from FOLDER] [--out FOLDER]`,
 * or an Arrow file from a file in another format with `deno task data convert IN OUT`.
 *
 * @module
 */

// @ts-types="npm:@types/cli-progress@^3.11.6"
import { Presets, SingleBar } from "cli-progress";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { makeFolder } from "../src/base/files/make_folder.ts";
import { problemLines, UserError, warningLines } from "../src/base/errors.ts";
import { deniedBySystem } from "../src/base/files/denied.ts";
import { counted } from "../src/base/text_table.ts";
import { hint } from "../src/base/hints.ts";
import { didYouMean, nearest } from "../src/base/nearest.ts";
import { cifar10, cifar100 } from "./cifar.ts";
import { convert } from "./convert.ts";
import type { DataSet } from "./data_set.ts";
import { digits } from "./digits.ts";
import { fashionMnist } from "./fashion_mnist.ts";
import { movielens } from "./movielens.ts";
import { svhn, svhnExtra } from "./svhn.ts";
import { syntheticClicks } from "./synthetic_clicks.ts";
import { inOneLine, printable, thrownMessage } from "../src/base/printable.ts";
import { print, say } from "../src/base/terminal.ts";

/** The data sets that have a name. */
export const dataSets: readonly DataSet[] = [
  digits,
  fashionMnist,
  movielens,
  cifar10,
  cifar100,
  svhn,
  svhnExtra,
  syntheticClicks,
];
const usage = "deno task data NAME [--from FOLDER] [--out FOLDER]";
const syntheticUsage =
  "deno task data synthetic-clicks [--rows N] [--seed N] [--depth N] [--strength X] [--out FOLDER]";
const convertUsage =
  "deno task data convert IN OUT.arrow [--query SQL] [--columns A,B] [--null TEXT] [--batch ROWS]";

/** The error that ends an interrupted conversion. */
const stopped = new UserError("the conversion was interrupted; no file was written");

/**
 * Runs the command `deno task data`.
 *
 * @param args The command line after `deno task data`.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await run(args);
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) {
      // Deno would print the message as it is, and it may contain text of a file.
      const message = `this is a bug in Rocket: ${inOneLine(thrownMessage(error))}`;
      say(problemLines(deniedBySystem(error) ?? { message }));
      return 1;
    }
    error.problems.forEach((problem) => say(problemLines(problem)));
    return error === stopped ? 130 : error.exitCode;
  }
}

interface Arguments {
  readonly names: readonly string[];
  readonly help?: boolean | undefined;
  readonly from?: string | undefined;
  readonly out?: string | undefined;
  readonly query?: string | undefined;
  readonly columns?: string | undefined;
  readonly batch?: string | undefined;
  readonly null?: readonly string[] | undefined;
  readonly rows?: string | undefined;
  readonly seed?: string | undefined;
  readonly depth?: string | undefined;
  readonly strength?: string | undefined;
}

function parse(args: readonly string[]): Arguments {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: "string" },
        out: { type: "string" },
        query: { type: "string" },
        columns: { type: "string" },
        batch: { type: "string" },
        null: { type: "string", multiple: true },
        rows: { type: "string" },
        seed: { type: "string" },
        depth: { type: "string" },
        strength: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { names: positionals, ...values };
  } catch (error) {
    throw new UserError((error as Error).message, {
      hint: hint("data/usage", usage, { edit: "the arguments" }),
      exitCode: 2,
      cause: error,
    });
  }
}

async function run(args: readonly string[]): Promise<void> {
  const parsed = parse(args);
  const { names, help, from, out } = parsed;
  if (help || names.length === 0) {
    print(usage);
    for (const { name, summary } of dataSets) print(`  ${name.padEnd(16)} ${summary}`);
    print(
      syntheticUsage,
      "  generates clicks; depth and strength say how hard they are to predict for a small net",
      convertUsage,
      "  converts a Parquet, CSV, TSV, or Arrow file or a DuckDB database to an Arrow file",
    );
    return;
  }
  if (names[0] === "convert") return await runConvert(parsed);
  refuseOptions(
    parsed,
    ["query", "columns", "batch", "null"],
    (option) => `only data convert has the option --${option}`,
  );
  const [name] = names as [string];
  const dataSet = dataSets.find((dataSet) => dataSet.name === name);
  if (!dataSet || names.length > 1) {
    const all = dataSets.map(({ name }) => name);
    throw new UserError(
      dataSet
        ? `data creates one data set at a time, got ${names.length} names`
        : `unknown data set ${name}`,
      {
        hint: dataSet
          ? hint("data/one", usage, { args: { remove: names.slice(1) } })
          : hint("data/names", `${didYouMean(name, all)}the data sets are ${all.join(", ")}`, {
            args: { replace: { [name]: nearest(name, all) ?? all[0]! } },
          }),
        exitCode: 2,
      },
    );
  }
  const options = dataSet.options ?? ["from"];
  refuseOptions(
    parsed,
    (["from", "rows", "seed", "depth", "strength"] as const)
      .filter((option) => !options.includes(option)),
    (option) => `data ${name} has no option --${option}`,
  );
  const folder = out ?? join(import.meta.dirname!, dataSet.folder);
  await makeFolder(folder);
  const { rows, seed, depth, strength } = parsed;
  await dataSet.make({
    from,
    out: folder,
    options: { rows, seed, depth, strength },
    report: (line) => print(line),
  });
}

function refuseOptions(
  parsed: Arguments,
  options: readonly (keyof Arguments)[],
  describe: (option: string) => string,
): void {
  const option = options.find((name) => parsed[name] !== undefined);
  if (option === undefined) return;
  throw new UserError(describe(option), {
    hint: hint("data/options", `${usage}, ${syntheticUsage}, or ${convertUsage}`, {
      edit: "the arguments",
    }),
    exitCode: 2,
  });
}

async function runConvert(parsed: Arguments): Promise<void> {
  const [, input, output, ...more] = parsed.names;
  refuseOptions(
    parsed,
    ["from", "out", "rows", "seed", "depth", "strength"],
    (option) => `data convert has no option --${option}`,
  );
  if (input === undefined || output === undefined || more.length > 0) {
    throw new UserError("data convert expects two paths: the input file and the new Arrow file", {
      hint: hint("convert/usage", convertUsage, { edit: "the arguments" }),
      exitCode: 2,
    });
  }
  const { query, columns, batch } = parsed;
  const batchRows = batch === undefined ? undefined : Number(batch);
  if (batchRows !== undefined && !(Number.isInteger(batchRows) && batchRows > 0)) {
    throw new UserError(`--batch expects a whole number of rows of at least 1, got ${batch}`, {
      hint: hint("convert/batch", convertUsage, {
        args: { replace: { [`${batch}`]: "1000", [`--batch=${batch}`]: "--batch=1000" } },
      }),
      exitCode: 2,
    });
  }
  const bar = Deno.stderr.isTerminal() ? new RowsBar(input) : undefined;
  const stop = new AbortController();
  const onSignal = () => stop.abort(stopped);
  Deno.addSignalListener("SIGINT", onSignal);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  let rows: number;
  try {
    rows = await convert({
      from: input,
      to: output,
      query,
      columns: columns?.split(",").map((name) => name.trim()),
      batchRows,
      nulls: parsed.null,
      onWarning: (warning) => say(warningLines(warning)),
      onRows: (rows, of) => bar?.update(rows, of),
      signal: stop.signal,
    });
  } finally {
    bar?.stop();
    Deno.removeSignalListener("SIGINT", onSignal);
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGTERM", onSignal);
  }
  print(`${output}: ${counted(rows, "row")}`);
}

/** A progress bar with the number of written rows, and the total number if it is known. */
class RowsBar {
  readonly #name: string;
  #bar: SingleBar | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  update(rows: number, of: number | undefined): void {
    const known = of !== undefined && of > 0;
    if (!this.#bar) {
      this.#bar = new SingleBar({
        format: known
          ? "{name} {bar} {percentage}%  {eta_formatted} left"
          : "{name} {rows} rows  {duration_formatted}",
        clearOnComplete: true,
        hideCursor: false,
        linewrap: null,
        stream: process.stderr,
      }, Presets.shades_classic);
      this.#bar.start(of ?? 0, 0, { name: printable(this.#name), rows: "0" });
    }
    this.#bar.update(known ? rows : 0, { rows: rows.toLocaleString("en") });
  }

  stop(): void {
    this.#bar?.stop();
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
