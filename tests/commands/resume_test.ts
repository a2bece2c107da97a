import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { type Ended, inFolder, launched, rocket } from "../support/command_line.ts";
import { dataFolder, digitsPipeline, withPipeline } from "../support/pipelines.ts";
import { blocks } from "../docs/documents.ts";
import { editCheckpoint } from "../support/edit_model.ts";

/** There are no signals to send on Windows. */
const ignore = Deno.build.os === "windows";

/** A pipeline that trains long enough to be interrupted: one or two seconds. */
const long = digitsPipeline({
  train: { epochs: 16, batch: 40, baseline: "light-alone" },
  outputs: [{ use: "checkpoint", everySteps: 7 }],
});

/** Starts the command line as a process without waiting for its end. */
const start = (args: readonly string[], cwd: string) =>
  launched("cli.ts", args, { cwd, detached: true }).spawn();

/** Kills a process and its child processes. */
function kill({ pid }: Deno.ChildProcess): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // All processes have ended.
  }
}

/** Reads the output of a process and calls a function when a text appears. */
async function reading(
  child: Deno.ChildProcess,
  text: string,
  then: () => void | Promise<void>,
): Promise<Ended> {
  let stdout = "", done = false;
  const stderr = new Response(child.stderr).text();
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    stdout += chunk;
    if (done || !stdout.includes(text)) continue;
    done = true;
    await then();
  }
  return { stdout, stderr: await stderr, code: (await child.status).code };
}

const wasm = ["--engine", "wasm", "--json"];

/** Returns the printed events of one kind, without an incomplete last line. */
const events = ({ stdout }: Ended, kind: string) =>
  stdout.split("\n").filter((line) => line.startsWith(`{"event":"${kind}"`) && line.endsWith("}"))
    .map((line) => JSON.parse(line));

/** Returns the hashes of the final weights of each job. */
async function weights(out: string): Promise<string[]> {
  const names = [...Deno.readDirSync(join(out, "checkpoints"))].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).sort();
  const last = ["light-alone", "rocket"].map((job) =>
    names.filter((name) => name.startsWith(job)).at(-1)!
  );
  return await Promise.all(last.map(async (name) => {
    const text = await Deno.readTextFile(join(out, "checkpoints", name));
    return `${name} ${JSON.parse(text).sha256}`;
  }));
}

/** The run folder in the command of docs/checkpoints.md. */
const documented = blocks.find(({ path, info }) =>
  path === "docs/checkpoints.md" && info.startsWith("run-by: ")
)!.text.trim().replace("deno task pipeline resume ", "");

for (
  const [signal, folderOfRun, shown] of [
    ["SIGINT", "../my run", "'../my run'"],
    ["SIGTERM", documented, documented],
  ] as const
) {
  Deno.test({
    name:
      `${signal} finishes the step, writes a checkpoint, prints how to continue and exits with 130`,
    ignore,
    fn: () =>
      withPipeline({ ...long, outputs: [] }, async (file, folder) => {
        await Deno.mkdir(join(folder, "a b"));
        const cwd = join(folder, "a b"), out = join(cwd, folderOfRun);
        const child = start([file, ...wasm, "--out", out], cwd);
        const ended = await reading(child, `"step":5,`, () => child.kill(signal));
        assertEquals(ended.code, 130, ended.stderr);
        assertStringIncludes(
          ended.stderr,
          "finishing the step and saving; a second signal ends at once",
        );
        assertMatch(ended.stderr, /^stopped after step \d+ of rocket$/m);
        assertMatch(ended.stderr, /^checkpoint: .*rocket-\d+(-unmeasured)?\.safetensors$/m);
        // The command works in the user's current folder and is quoted for a shell.
        const resume = `  deno task pipeline resume ${shown}`;
        assert(ended.stderr.split("\n").includes(resume), ended.stderr);
        const steps = events(ended, "step").length;
        // The first step shows where the run continues.
        const again = start(["resume", folderOfRun, "--json"], cwd);
        const resumed = await reading(again, `"event":"step"`, () => kill(again));
        assertMatch(resumed.stderr, /^engine: wasm/m);
        const [first] = events(resumed, "runStart");
        assertEquals([first.resumed.step, first.job], [steps, "rocket"]);
        assertEquals(events(resumed, "step")[0].step, steps + 1);
      }),
  });
}

Deno.test({
  name: "a second signal ends at once",
  ignore,
  fn: () =>
    withPipeline(digitsPipeline({ outputs: ["./slow.ts"] }), async (file, folder) => {
      const child = start([file, ...wasm, "--out", join(folder, "run")], folder);
      const ended = await reading(child, "waiting", async () => {
        child.kill("SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 200));
        // The launcher ignores the same signal if it is repeated too soon.
        child.kill("SIGTERM");
      });
      assertEquals(ended.code, 130, ended.stderr);
      assert(!ended.stderr.includes("stopped after"));
    }, {
      "slow.ts": `import { defineOutput, z } from "@rocket-launching/rocket/plugin";
export default defineOutput({
  name: "slow", summary: "Waits a minute in the first step.", options: z.object({}),
  create: () => ({ step: () => {
    console.log("waiting");
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  } }),
});
`,
    }),
});

Deno.test({
  name: "a signal before training starts ends at once, with exit code 130",
  ignore,
  fn: () =>
    withPipeline(digitsPipeline({ outputs: ["./slow.ts"] }), async (file, folder) => {
      const out = join(folder, "run");
      for (const args of [[file, ...wasm, "--out", out], ["resume", out, "--json"]]) {
        const child = start(args, folder);
        const ended = await reading(child, "created", () => child.kill("SIGTERM"));
        assertEquals(ended.code, 130, ended.stderr);
        assertStringIncludes(ended.stderr, "stopped before training started. To continue:");
        assertStringIncludes(ended.stderr, "  deno task pipeline resume run");
      }
    }, {
      // At this point, the run folder exists, and training has not started.
      "slow.ts": `import { defineOutput, z } from "@rocket-launching/rocket/plugin";
export default defineOutput({
  name: "slow", summary: "Waits a minute before the run starts.", options: z.object({}),
  create: () => ({ runStart: () => {
    console.log("created");
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  } }),
});
`,
    }),
});

Deno.test({
  name: "a run that is killed at random moments and resumed ends with the same bytes",
  ignore,
  fn: () =>
    withPipeline(long, async (file, folder) => {
      const whole = join(folder, "whole"), out = join(folder, "run");
      const started = performance.now();
      assertEquals((await rocket([file, ...wasm, "--quiet", "--out", whole])).code, 0);
      const seconds = (performance.now() - started) / 1000;
      let kills = 0;
      for (let code = -1; code !== 0;) {
        const fresh = await exists(join(out, "pipeline.json"));
        const args = fresh
          ? ["resume", out, "--json", "--quiet"]
          : [file, ...wasm, "--quiet", "--out", out];
        const child = start(args, folder);
        // Some are killed while they write a checkpoint, which happens every few milliseconds. The
        // first one is killed soon after its first epoch, so that it cannot end before, however fast.
        const wait = seconds * (0.3 + 0.4 * Math.random()) * 1000;
        const timer = kills > 0 && kills < 6 ? setTimeout(() => kill(child), wait) : undefined;
        const ended = await reading(child, '"event":"epoch"', async () => {
          if (kills > 0) return;
          await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
          kill(child);
        });
        clearTimeout(timer);
        if (ended.code !== 0) {
          assertEquals(ended.stderr, "");
          assert(kills++ < 6, "it fails by itself");
        }
        code = ended.code;
      }
      assert(kills > 0);
      assertEquals(await weights(out), await weights(whole));
      const lines = async (out: string) =>
        (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n")
          .map((line) => ({ ...JSON.parse(line), seconds: 0 }));
      assertEquals(await lines(out), await lines(whole));
    }),
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test({
  name:
    "a run folder is written by one process at a time, and can be taken over from a killed process",
  ignore,
  fn: () =>
    withPipeline(digitsPipeline({ outputs: ["checkpoint", "./slow.ts"] }), async (file, folder) => {
      const out = join(folder, "run"), lock = join(out, "run.lock");
      const child = start([file, ...wasm, "--out", out], folder);
      const ended = await reading(child, "waiting", async () => {
        const { pid } = JSON.parse(await Deno.readTextFile(lock));
        for (const args of [["resume", out], [file, "--out", out]]) {
          const { code, stderr } = await rocket([...args, "--engine", "wasm"], { cwd: folder });
          assertEquals(code, 2, stderr);
          assertMatch(
            stderr,
            new RegExp(`^error: .* is in use by another run .process ${pid}, since 20`, "m"),
          );
        }
        await Deno.writeTextFile(join(folder, "go"), "");
        kill(child);
      });
      assertEquals([ended.code, await exists(lock)], [137, true]);
      const resumed = await rocket(["resume", out], { cwd: folder });
      assertEquals([resumed.code, await exists(lock)], [0, false], resumed.stderr);
    }, {
      "slow.ts": `import { defineOutput, z } from "@rocket-launching/rocket/plugin";
export default defineOutput({
  name: "slow", summary: "Waits a minute in the first step.", options: z.object({}),
  create: (_options, { folder }) => ({ step: () => {
    try { if (Deno.statSync(folder + "/../go")) return; } catch { console.log("waiting"); }
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  } }),
});
`,
    }),
});

Deno.test("resume rejects a run folder with a link that leads out of it", async () => {
  const small = digitsPipeline({ train: { epochs: 1, batch: 256 } });
  await withPipeline(small, async (file, folder) => {
    const out = join(folder, "run"), elsewhere = join(folder, "elsewhere");
    assertEquals((await rocket([file, ...wasm, "--quiet", "--out", out])).code, 0);
    await Deno.mkdir(elsewhere);
    await Deno.symlink(elsewhere, join(out, "checkpoints"));
    const { code, stderr } = await rocket(["resume", out, "--epochs", "2"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "checkpoints is a link that leads out of");
    assertEquals([...Deno.readDirSync(elsewhere)], []);
  });
});

Deno.test("resume of a finished run prints its result, and --epochs continues it", async () => {
  const small = digitsPipeline({ train: { epochs: 1, batch: 256 }, outputs: ["checkpoint"] });
  await withPipeline(small, async (file, folder) => {
    const first = await rocket([file, "--engine", "wasm", "--out", "run"], { cwd: folder });
    // The test rows are named by the shorter one of their relative and their absolute path.
    const named = /predict run (\S+) --out predictions\.csv\n/.exec(first.stderr)?.[1];
    assertEquals(resolve(folder, named ?? ""), join(dataFolder, "digits-test.arrow"));
    for (
      const step of [
        "evaluate run",
        "report run --out run.html",
        "export run --format onnx --out run-onnx",
        "resume run --epochs 2",
      ]
    ) assertStringIncludes(first.stderr, `\n  deno task pipeline ${step}\n`);
    const again = await rocket(["resume", "run"], { cwd: folder });
    assertEquals([again.code, again.stdout], [0, first.stdout]);
    assertStringIncludes(
      again.stderr,
      "The run has already finished.",
    );
    const more = await rocket(["resume", "run", "--epochs", "3", "--json"], { cwd: folder });
    assertEquals(more.code, 0, more.stderr);
    assertEquals(events(more, "epoch").map(({ epoch }) => epoch), [2, 3]);
  });
});

Deno.test("resume rejects a checkpoint whose position no run of the pipeline reaches", async () => {
  const small = digitsPipeline({
    train: { epochs: 2, batch: 256, select: "light/accuracy" },
    outputs: ["checkpoint"],
  });
  await withPipeline(small, async (file, folder) => {
    const { code, stderr } = await rocket([file, "--engine", "wasm", "--out", "run"], {
      cwd: folder,
    });
    assertEquals(code, 0, stderr);
    const checkpoints = join(folder, "run", "checkpoints");
    const last = [...Deno.readDirSync(checkpoints)].map(({ name }) => name)
      .filter((name) => /^rocket-\d+\.json$/.test(name)).toSorted().at(-1)!;
    const before = await Deno.readTextFile(join(checkpoints, last));
    // deno-lint-ignore no-explicit-any -- any part of the position is changed.
    const changes: readonly (readonly [string, (position: any) => void, string])[] = [
      ["step", (position) => position.step = 100_000, "contradict 6 steps per epoch"],
      ["batches", (position) => position.batches = 1_000_000, "contradict 6 steps per epoch"],
      ["epochs", (position) => position.epochs = 3, "contradict 6 steps per epoch"],
      ["best value", (position) => position.best.value = 5, "is not the best one"],
    ];
    for (const [what, change, words] of changes) {
      await Deno.writeTextFile(join(checkpoints, last), before);
      editCheckpoint(join(checkpoints, last), ({ position }) => change(position));
      const { code, stderr } = await rocket(["resume", "run", "--epochs", "4"], { cwd: folder });
      assertEquals([what, code], [what, 1], stderr);
      assertStringIncludes(stderr, words);
    }
    // The folder of another run of the same pipeline, with the checkpoints of this one.
    await Deno.writeTextFile(join(checkpoints, last), before);
    const other = [file, "--engine", "wasm", "--seed", "7", "--epochs", "1", "--out", "other"];
    assertEquals((await rocket(other, { cwd: folder })).code, 0);
    await Deno.copyFile(
      join(folder, "other", "pipeline.json"),
      join(folder, "run", "pipeline.json"),
    );
    const swapped = await rocket(["resume", "run", "--epochs", "4"], { cwd: folder });
    assertEquals(swapped.code, 2, swapped.stderr);
    assertStringIncludes(swapped.stderr, "seed cannot change when a run is resumed: it was ");
  });
});

Deno.test("resume rejects folders that are not run folders, and changes that a run cannot have", async () => {
  await inFolder(async (cwd) => {
    await Deno.mkdir(join(cwd, "empty"));
    const refused = async (args: string[], words: string) => {
      const { code, stderr } = await rocket(["resume", ...args], { cwd });
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, words);
    };
    await refused([], "expected a run folder");
    await refused(["empty"], "empty is not a run folder: it has no pipeline.json");
    await refused(["none"], "none is not a run folder");
    await refused(
      ["empty", "--out", "other"],
      "resume has no option --out: a run continues in its own folder",
    );
    const run = { engine: "wasm", precision: "float32", pipeline: {}, variables: {}, initial: {} };
    for (const text of ["{", JSON.stringify({ ...run, data: { train: null } })]) {
      await Deno.writeTextFile(join(cwd, "empty", "pipeline.json"), text);
      await refused(
        ["empty"],
        "empty/pipeline.json is damaged: it does not have the content that a run writes to this file",
      );
    }
    await Deno.writeTextFile(join(cwd, "x.yaml"), stringify(long));
    const args = ["x.yaml", "--engine", "wasm", "--epochs", "1", "--quiet", "--out", "run"];
    assertEquals((await rocket(args, { cwd })).code, 0);
    await refused(["run", "--epochs", "2", "--seed", "5"], "seed cannot change");
    await refused(["run", "--set", "network.light=[5]", "--epochs", "2"], "network cannot change");
  });
});
