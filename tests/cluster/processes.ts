import { assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import { arrowFile, type Column } from "../corpus/small_rows.ts";
import { type Ended, launched } from "../support/command_line.ts";

/** A process of a cluster, started by the launcher in a group of processes of its own. */
export interface Process {
  readonly child: Deno.ChildProcess;
  /** How it ends. */
  readonly ended: Promise<Ended>;
  /**
   * Waits until the process has printed a text to standard error.
   *
   * @param text The text.
   */
  until(text: string): Promise<void>;
  /**
   * Sends a signal to the launcher and its child processes.
   *
   * @param signal The signal.
   */
  kill(signal: Deno.Signal): void;
}

/** Returns ports on which nothing listens at the moment. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/**
 * Starts the processes of a cluster on this machine.
 *
 * @param count How many.
 * @param args The arguments of the command line.
 * @param cwd The folder to run in, or the folder of each process.
 * @param last More arguments of the last process.
 */
export function startCluster(
  count: number,
  args: readonly string[],
  cwd: string | readonly string[],
  last: readonly string[] = [],
): Process[] {
  const worker = freePorts(count).map((port) => `127.0.0.1:${port}`);
  return worker.map((_, index) => {
    const config = { cluster: { worker }, task: { type: "worker", index } };
    const more = index === count - 1 ? last : [];
    const child = launched("cli.ts", [...args, ...more, "--allow-public-cluster"], {
      ...{
        cwd: typeof cwd === "string" ? cwd : cwd[index]!,
        env: { TF_CONFIG: JSON.stringify(config) },
        detached: true,
      },
    }).spawn();
    return processOf(child);
  });
}

function processOf(child: Deno.ChildProcess): Process {
  let stderr = "", heard = () => {};
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += chunk;
      heard();
    }
    heard();
  })();
  let over = false;
  const ended = (async () => {
    const stdout = await new Response(child.stdout).text();
    await reading;
    const { code } = await child.status;
    over = true;
    return { code, stdout, stderr };
  })();
  return {
    child,
    ended,
    async until(text) {
      while (!stderr.includes(text)) {
        if (over) throw new Error(`it ended without ${text}: ${stderr}`);
        await Promise.race([new Promise<void>((resolve) => heard = resolve), ended]);
      }
    },
    kill(signal) {
      Deno.kill(-child.pid, signal);
    },
  };
}

/**
 * Runs the processes of a cluster to their ends.
 *
 * @param count How many.
 * @param args The arguments of the command line.
 * @param cwd The folder to run in, or the folder of each process.
 * @param last More arguments of the last process.
 */
export function runCluster(
  count: number,
  args: readonly string[],
  cwd: string | readonly string[],
  last?: readonly string[],
): Promise<Ended[]> {
  return Promise.all(startCluster(count, args, cwd, last).map(({ ended }) => ended));
}

/**
 * Writes a pipeline of a few clicks: numbers, ids with a table, and a last batch that cannot be
 * divided evenly.
 *
 * @param folder The folder.
 * @param train The options of the section `train`.
 * @param tested The number of test rows.
 */
export function writeClicks(folder: string, train: string, tested = 40): void {
  const columns = (rows: number): Record<string, Column> => {
    const numbers = (of: (row: number) => number) =>
      Array.from({ length: rows }, (_, row) => of(row));
    return {
      user: ["int", numbers((row) => row * 7 % 23)],
      x: ["float", numbers((row) => Math.sin(row * 5))],
      y: ["int", numbers((row) => row * 7 % 23 % 3 === 0 ? 1 : 0)],
    };
  };
  Deno.writeFileSync(join(folder, "train.arrow"), arrowFile(columns(45)));
  Deno.writeFileSync(join(folder, "test.arrow"), arrowFile(columns(tested)));
  Deno.writeTextFileSync(
    join(folder, "p.yaml"),
    `name: clicks
data:
  train: { use: arrow, path: train.arrow }
  test: { use: arrow, path: test.arrow }
  features: { user: { ids: { hash: 50 } }, x: {} }
  label: { column: y, kind: binary }
network: { use: ctr, embedding: 4, light: { hidden: [4] }, booster: { hidden: [8, 4] } }
losses:
  - { use: binary-cross-entropy, on: light }
  - { use: binary-cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.1 }
optimizer: { use: adam, learningRate: 0.01 }
train: ${train}
metrics: [auc, log-loss]
`,
  );
}

/** The numbers that a run has come to. */
export interface Trained {
  /** The weights and the optimizer's state after the last step, by name. */
  readonly tensors: ReadonlyMap<string, ArrayLike<number>>;
  /** The metrics of each evaluation in order. */
  readonly metrics: readonly number[];
}

/**
 * Reads the newest checkpoint and the metrics of a run.
 *
 * @param out The run folder.
 */
export function readTrained(out: string): Trained {
  const folder = join(out, "checkpoints");
  const newest = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^rocket-\d+\.safetensors$/.test(name)).sort().at(-1)!;
  const { tensors } = decodeSafetensors(Deno.readFileSync(join(folder, newest)));
  const lines = Deno.readTextFileSync(join(out, "metrics.jsonl")).trimEnd().split("\n");
  return {
    tensors: new Map(Array.from(tensors, ([name, { values }]) => [name, values])),
    metrics: lines.flatMap((line) => numbersIn(JSON.parse(line))),
  };
}

/**
 * Compares two trainings, except for the rounding of float32 numbers.
 *
 * @param one The first.
 * @param other The second.
 */
export function assertSame(one: Trained, other: Trained): void {
  assertEquals([...one.tensors.keys()], [...other.tensors.keys()]);
  for (const [name, values] of one.tensors) {
    const others = other.tensors.get(name)!;
    for (let at = 0; at < values.length; at++) {
      assertAlmostEquals(values[at]!, others[at]!, 2e-6, name);
    }
  }
  assertEquals(one.metrics.length, other.metrics.length);
  one.metrics.forEach((metric, at) => assertAlmostEquals(metric, other.metrics[at]!, 2e-5));
}

/** All numbers in a value, except times. */
function numbersIn(value: unknown, key = ""): number[] {
  if (typeof value === "number") return /seconds|share/i.test(key) ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => numbersIn(part, key));
}
