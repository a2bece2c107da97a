/**
 * Measures what a second process costs: the time of sums over two processes by their size, and that
 * of training steps of two processes beside those of one. Writes `cluster.json` and `cluster.md` to
 * the folder of results.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../src/base/errors.ts";
import { writeFileWhole } from "../../src/base/files/write.ts";
import { clusterOfCommand } from "../../src/launch/command_line/cluster_of_command.ts";
import { openProject } from "../../src/launch/project.ts";
import { thisMachine } from "../machine.ts";
import { fail, refuseUnknown } from "../usage.ts";
import { clusterRows } from "./contestants.ts";
import { runRows } from "./run_rows.ts";
import { clusterTable } from "./table.ts";

const USAGE = `usage: deno task bench:cluster [--rounds N] [--results FOLDER] [--list]
  [--small] [--allow-public-cluster]

  --rounds N              the number of turns of each contestant (default 5)
  --results FOLDER        the folder for the results (default bench/results)
  --list                  print what is measured without running it
  --small                 small nets, only to test this program; with --results
  --allow-public-cluster  also on a machine with a public address`;

await main();

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["rounds", "results"],
    boolean: ["list", "small", "allow-public-cluster", "help"],
    default: { rounds: "5" },
    unknown: refuseUnknown(USAGE),
  });
  if (options.help) return console.log(USAGE);
  const rounds = Number(options.rounds), { small } = options;
  if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds ${options.rounds}: expected 1, 2, …`);
  if (options.list) return list();
  if (small && options.results === undefined) fail("--small: add --results FOLDER");
  const folder = options.results ?? fileURLToPath(new URL("../results", import.meta.url));
  const machine = thisMachine();
  if (machine.cores < 2) fail("two processes with one core each need two cores");
  if (!options["allow-public-cluster"]) refusePublic();
  const { flags } = await openProject(fileURLToPath(new URL("../../", import.meta.url)));
  const date = new Date().toISOString(), load = Deno.loadavg()[0]!;
  const report = (line: string) => console.error(line);
  const figures = await runRows({ rounds, flags, small, report });
  const result = { date, machine, rounds, load, small, ...figures };
  const text = clusterTable(result);
  await Deno.mkdir(folder, { recursive: true });
  const write = (name: string, text: string) =>
    writeFileWhole(join(folder, name), new TextEncoder().encode(text));
  await write("cluster.json", `${JSON.stringify(result, undefined, 2)}\n`);
  await write("cluster.md", text);
  console.log(text);
}

function list(): void {
  for (const { id, name, contestants } of clusterRows) {
    console.log(`${id}: ${name}\n  ${contestants.map(({ name }) => name).join(" · ")}`);
  }
}

/** Refuses a machine with a public address, because TensorFlow listens on all of its addresses. */
function refusePublic(): void {
  const cluster = { worker: ["127.0.0.1:7077", "127.0.0.1:7078"] };
  Deno.env.set("TF_CONFIG", JSON.stringify({ cluster, task: { type: "worker", index: 0 } }));
  try {
    clusterOfCommand("run", { allowPublicCluster: false, engine: "native" }, "native");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    fail(`${error.message}; if a firewall closes its ports, add --allow-public-cluster`);
  } finally {
    Deno.env.delete("TF_CONFIG");
  }
}
