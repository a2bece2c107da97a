/**
 * Makes Arrow files of a public data set: `deno task data NAME [--from FOLDER] [--out FOLDER]`.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatProblem, UserError } from "../pipeline/errors.ts";
import type { DataSet } from "./data_set.ts";
import { digits } from "./digits.ts";
import { fashionMnist } from "./fashion_mnist.ts";

const dataSets: readonly DataSet[] = [digits, fashionMnist];
const usage = "deno task data NAME [--from FOLDER] [--out FOLDER]";

/**
 * Runs the command.
 *
 * @param args The command line after `deno task data`.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await run(args);
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    error.problems.forEach((problem) => console.error(formatProblem(problem)));
    return error.exitCode;
  }
}

interface Arguments {
  readonly names: readonly string[];
  readonly help: boolean | undefined;
  readonly from: string | undefined;
  readonly out: string | undefined;
}

function parse(args: readonly string[]): Arguments {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    const { help, from, out } = values;
    return { names: positionals, help, from, out };
  } catch (error) {
    throw new UserError((error as Error).message, { hint: usage, exitCode: 2, cause: error });
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { names, help, from, out } = parse(args);
  if (help || names.length === 0) {
    console.log(usage);
    for (const { name, summary } of dataSets) console.log(`  ${name.padEnd(14)} ${summary}`);
    return;
  }
  const [name] = names as [string];
  const dataSet = dataSets.find((dataSet) => dataSet.name === name);
  if (!dataSet || names.length > 1) {
    const all = dataSets.map(({ name }) => name);
    throw new UserError(
      dataSet
        ? `data makes one data set at a time, not ${names.length}`
        : `there is no data set ${name}`,
      {
        hint: dataSet ? usage : `there are ${all.join(", ")}`,
        exitCode: 2,
      },
    );
  }
  const folder = out ?? join(import.meta.dirname!, dataSet.folder);
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`the folder ${folder} cannot be made: ${(error as Error).message}`, {
      hint: "choose another with --out",
      cause: error,
    });
  }
  await dataSet.make({ from, out: folder, report: (line) => console.log(line) });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
