/**
 * Profiles a training step op by op: Rocket's graph and the peer's TensorFlow graph, both in Python
 * with TensorFlow's profiler. The times of ops that run in parallel add up to more than the time of
 * the step.
 *
 * usage: deno task bench:profile [--row ID]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openProject } from "../src/launch/project.ts";
import { importedModules, peersPython } from "./python.ts";
import { rows } from "./rows.ts";

/** The output of `peers/profile_ops.py`. */
interface Profile {
  readonly milliseconds: number;
  readonly ops: Readonly<Record<string, { count: number; milliseconds: number }>>;
}

/** Ops that take less than this fraction of the step are combined into one line. */
const SHOWN = 0.002;

const { row: id } = parseArgs(Deno.args, {
  string: ["row"],
  default: { row: "step-16-1-in-40-1" },
});
const row = rows.find((row) => row.id === id);
const ours = row?.contestants[0];
const peer = row?.contestants.find(({ name }) => name === "TensorFlow function");
if (!row || !ours || !peer || id.startsWith("infer")) {
  console.error(`--row ${id}: expected a training step with a peer in TensorFlow, such as ctr-1e5`);
  Deno.exit(2);
}
const here = fileURLToPath(new URL("./", import.meta.url));
const script = join(here, "peers", "profile_ops.py"), peerScript = join(here, peer.program);
const modules = await importedModules([script, peerScript]);
const python = await peersPython(new URL("./.venv/", import.meta.url), console.error, modules);
if (!python) Deno.exit(1);

const folder = await Deno.makeTempDir({ prefix: "rocket-profile-" });
try {
  const graph = join(folder, "graph.pb");
  const { flags } = await openProject(join(here, ".."));
  await output(Deno.execPath(), [
    ...["run", "-A", "--quiet", ...flags, join(here, ours.program), ...ours.args],
    ...["--graph", graph],
  ]);
  const table = ours.args[ours.args.indexOf("--rows") + 1] ?? "10";
  // Ids must be valid rows of the table, and labels valid classes.
  const below = ours.program === "ctr.ts" ? table : "10";
  print(
    await profile([script, "graph", graph, below]),
    await profile([script, "peer", peerScript, ...peer.args]),
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function profile(args: string[]): Promise<Profile> {
  return JSON.parse(await output(python!, args));
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  console.error(decoder.decode(stderr));
  Deno.exit(1);
}

function print(rocket: Profile, tensorflow: Profile): void {
  const both = [rocket, tensorflow];
  const names = [...new Set(both.flatMap(({ ops }) => Object.keys(ops)))];
  const time = ({ ops }: Profile, name: string) => ops[name]?.milliseconds ?? 0;
  const largest = (name: string) => Math.max(...both.map((profile) => time(profile, name)));
  const shown = names.filter((name) => largest(name) >= SHOWN * rocket.milliseconds)
    .sort((a, b) => largest(b) - largest(a));
  const cells = (of: (profile: Profile) => [count: number, milliseconds: number]) =>
    both.flatMap((profile) => {
      const [count, milliseconds] = of(profile);
      return [count === 0 ? "" : count.toFixed(0), milliseconds.toFixed(2)];
    });
  const sum = (chosen: readonly string[]) =>
    cells((profile) => [
      chosen.reduce((sum, name) => sum + (profile.ops[name]?.count ?? 0), 0),
      chosen.reduce((sum, name) => sum + time(profile, name), 0),
    ]);
  const line = (...cells: string[]) => console.log(`| ${cells.join(" | ")} |`);
  console.log(`${row!.name}\n`);
  line("op", "Rocket: ops", "ms", "TensorFlow: ops", "ms");
  line("---", "---:", "---:", "---:", "---:");
  line("**the step**", ...cells(({ milliseconds }) => [0, milliseconds]));
  for (const name of shown) line(name, ...sum([name]));
  line("all others", ...sum(names.filter((name) => !shown.includes(name))));
}
