import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { draftsIn, newestCheckpoint } from "../soak/run_folder.ts";
import { createRandom } from "../../src/base/random.ts";
import { launched } from "../support/command_line.ts";
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
