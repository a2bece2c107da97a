import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { draftsIn, newestCheckpoint } from "../soak/run_folder.ts";
import { createRandom } from "../../src/base/random.ts";
import { findCommand } from "../../src/engine/native/command.ts";
import { launched, launcher, userEnvironment } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

/** Only Linux shows whether a process already handles signals. */
const ignore = Deno.build.os !== "linux";

/** A pipeline that trains for a second, with a checkpoint after each step. */
const pipeline = digitsPipeline({
  train: { epochs: 4, batch: 40, baseline: "light-alone" },
  outputs: [{ use: "checkpoint", everySteps: 1 }],
});

interface Told {
  readonly code: number;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** Starts the launcher and sends it signals at given times after its start, in milliseconds. */
async function launch(
  args: readonly string[],
  cwd: string,
  signals: readonly (readonly [Deno.Signal, after: number])[] = [],
): Promise<Told> {
  const child = launched("cli.ts", [...args, "--quiet"], { cwd, detached: true }).spawn();
  let over = false;
  child.stdout.pipeTo(new WritableStream());
  const stderr = new Response(child.stderr).text();
  const status = child.status.finally(() => over = true);
  while (!hasStarted(child.pid) && !over) await sleep(1);
  const from = performance.now();
  for (const [signal, after] of signals) {
    await sleep(Math.max(0, from + after - performance.now()));
    if (!over) child.kill(signal);
  }
  const { code } = await status;
  return { code, stderr: await stderr, milliseconds: performance.now() - from };
}

/**
 * Checks whether a launcher has started a child process. By then, it handles signals. Before, they
 * end Deno itself.
 */
function hasStarted(pid: number): boolean {
  try {
    const tasks = `/proc/${pid}/task`;
    return [...Deno.readDirSync(tasks)].some(({ name }) =>
      Deno.readTextFileSync(`${tasks}/${name}/children`) !== ""
    );
  } catch {
    // The process has ended.
    return false;
  }
}

const sleep = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** A draft, which a process leaves behind if it is killed while writing. */
async function leaveDrafts(out: string): Promise<void> {
  for (const name of ["metrics.jsonl", "checkpoints/rocket-000001.safetensors"]) {
    const path = join(out, name).replace(/([^/]+)$/, `.$1.${crypto.randomUUID()}`);
    await Deno.writeTextFile(path, "half");
  }
}

Deno.test({
  name: "signals at any moment of a resumed run end it with 130, without drafts or lost steps",
  ignore,
  fn: () =>
    withPipeline(pipeline, async (file, folder) => {
      const seed = Math.floor(Math.random() * 2 ** 32), random = createRandom(seed);
      const start = [file, "--engine", "wasm"];
      const whole = await launch([...start, "--out", "whole"], folder);
      assertEquals(whole.code, 0, whole.stderr);
      const out = join(folder, "run");
      await launch([...start, "--out", out], folder, [["SIGKILL", whole.milliseconds * 0.5]]);
      // The launcher was killed, and its child process continues.
      while (!newestCheckpoint(out, new Set())) await sleep(10);
      for (let time = 0; time < 7; time++) {
        await leaveDrafts(out);
        const before = newestCheckpoint(out, new Set());
        const first: Deno.Signal = random.uniform() < 0.5 ? "SIGINT" : "SIGTERM";
        const second: Deno.Signal = random.uniform() < 0.5 ? "SIGINT" : "SIGTERM";
        const at = random.uniform() * whole.milliseconds, apart = random.uniform() ** 2 * 300;
        const two = random.uniform() < 0.5;
        const signals = [[first, at] as const, ...(two ? [[second, at + apart] as const] : [])];
        const { code, stderr } = await launch(["resume", out], folder, signals);
        const about = `seed ${seed}, ${JSON.stringify(signals)}:\n${stderr}`;
        assert(code === 130 || code === 0, `exit code ${code}, ${about}`);
        assertEquals(draftsIn(out), [], about);
        const after = newestCheckpoint(out, new Set());
        const stopped = /^stopped after step (\d+) of (\S+)$/m.exec(stderr);
        if (stopped) {
          assertEquals([after?.job, after?.step], [stopped[2], Number(stopped[1])], about);
        }
        if (before && after && before.job === after.job) assert(after.step >= before.step, about);
      }
    }),
});

/** A pipeline that trains for minutes. */
const long = digitsPipeline({
  train: { epochs: 4000, batch: 40 },
  outputs: ["checkpoint", "progress"],
});

/** Waits for something, and gives up after a minute. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  const from = performance.now();
  while (!isSo()) {
    if (performance.now() - from > 60_000) throw new Error(`waited a minute for: ${what}`);
    await sleep(20);
  }
}

/** Starts a program in a folder, where temporary files have a folder of their own. */
async function startIn(folder: string, program: string, args: readonly string[]) {
  const temporary = join(folder, "temporary");
  await Deno.mkdir(temporary);
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: folder,
    env: userEnvironment({ TMPDIR: temporary }),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const output = new Response(child.stdout).text();
  const errors = new Response(child.stderr).text();
  const out = join(folder, "run");
  await until("a checkpoint", () => newestCheckpoint(out, new Set()) !== undefined);
  return { child, output, errors, out, left: () => [...Deno.readDirSync(temporary)] };
}

const command = (file: string) => [
  Deno.execPath(),
  ...[...launcher, file, "--engine", "wasm", "--out", "run"],
];

Deno.test({
  name:
    "a run ends with a checkpoint if its terminal is closed, also if that is signaled repeatedly",
  ignore,
  fn: () =>
    withPipeline(long, async (file, folder) => {
      const [program, ...args] = command(file);
      const { child, errors, left } = await startIn(folder, program!, args);
      // To the process group, as a terminal and a shell do.
      Deno.kill(-child.pid, "SIGHUP");
      for (let time = 0; time < 2; time++) {
        await sleep(30);
        try {
          Deno.kill(-child.pid, "SIGHUP");
        } catch (error) {
          // The run may have ended already.
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
      const { code } = await child.status, stderr = await errors;
      assertEquals([code, left()], [130, []], stderr);
      assertStringIncludes(stderr, "\ncheckpoint: run/checkpoints/");
    }),
});

Deno.test({
  name: "a run that was started with nohup continues if its terminal is closed",
  ignore,
  fn: () =>
    withPipeline(long, async (file, folder) => {
      const args = ["-c", `trap '' HUP; exec "$@"`, "sh", ...command(file)];
      const { child, errors, out, left } = await startIn(folder, "/bin/sh", args);
      Deno.kill(-child.pid, "SIGHUP");
      const before = newestCheckpoint(out, new Set())!;
      await until("another epoch", () => newestCheckpoint(out, new Set())!.step > before.step);
      Deno.kill(-child.pid, "SIGTERM");
      const { code } = await child.status;
      assertEquals([code, left()], [130, []], await errors);
    }),
});

const script = await findCommand("script");

Deno.test({
  name: "a run ends and leaves no temporary files if its terminal disappears",
  ignore: ignore || script === undefined,
  fn: () =>
    withPipeline(long, async (file, folder) => {
      const words = command(file).map((word) => `'${word}'`).join(" ");
      const args = ["-qec", `exec ${words}`, "/dev/null"];
      const { child, out, left } = await startIn(folder, script!, args);
      child.kill("SIGKILL");
      await child.status;
      await until("no temporary files", () => left().length === 0);
      // The run has saved what it had trained, and another process may continue it.
      const { step } = newestCheckpoint(out, new Set())!;
      const next = await launch(["resume", out], folder, [["SIGTERM", 2_500]]);
      assertEquals(next.code, 130, next.stderr);
      assert(newestCheckpoint(out, new Set())!.step >= step);
    }),
});
