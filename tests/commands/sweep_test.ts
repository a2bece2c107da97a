import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { openEngine } from "../../src/engine/engine.ts";
import { hasOnnxRuntime } from "../../src/base/machine/onnx_packages.ts";
import { withLock } from "../../src/base/files/with_lock.ts";
import { launched, rocket } from "../support/command_line.ts";
import { digitsPipeline, runFile } from "../support/pipelines.ts";
import { withFiles } from "../support/problems.ts";

/** There are no signals to send on Windows. */
const ignore = Deno.build.os === "windows";

const wasm = ["--engine", "wasm"];

/** A sweep of the light net alone and in a rocket, with two seeds. */
const sweepText = stringify({
  base: "base.yaml",
  seeds: [1, 2],
  settings: {
    basic: { losses: [{ use: "cross-entropy", on: "light" }] },
    rocket: { "losses.2.weight": 0.1 },
  },
});

const base = (parts: Record<string, unknown> = {}) =>
  stringify(digitsPipeline({
    train: { epochs: 2, batch: 256 },
    outputs: [{ use: "checkpoint", everySteps: 3 }],
    ...parts,
  }));

const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(path));

/** Returns the hash of the weights in the last checkpoint of a run. */
async function weights(run: string): Promise<string> {
  const folder = join(run, "checkpoints");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^rocket-\d+\.json$/.test(name)).sort();
  return (await readJson(join(folder, names.at(-1)!))).sha256;
}

Deno.test("sweep runs each setting with each seed like a single pipeline, keeps finished runs, and writes a table", () =>
  withFiles({
    "base.yaml": base(),
    "sweep.yaml": `${sweepText}latency: { batch: 2, engine: onnx }\n`,
  }, async (folder) => {
    const args = ["sweep", "sweep.yaml", ...wasm];
    const first = await rocket([...args, "--jobs", "2"], { cwd: folder });
    assertEquals(first.code, 0, first.stderr);
    assertMatch(first.stderr, /^permissions: .* native code of ONNX Runtime,/m);
    assertMatch(first.stdout, / light latency \(ONNX Runtime, 2 rows\) /);
    assertMatch(first.stderr, /^4 runs \(settings: 2, seeds: 2\); 2 at once, 1 thread each$/m);
    assertMatch(
      first.stderr,
      /^rocket\/seed-2: done in .* s, light\/accuracy 0\.\d+ \(\d of 4\)$/m,
    );
    assertMatch(first.stdout, /^setting +seeds +light\/accuracy +difference \[95 %\]/m);
    assertMatch(first.stdout, /^rocket +2 +0\.\d{4} ± \S+ +[−+]0\.\d{4} \[.*\]/m);
    assertMatch(first.stdout, /^rocket +\d+\.\d{3} ms +/m);
    const out = join(folder, "runs", "sweep");
    for (const name of ["table.md", "table.html", "table.arrow", "runs.arrow", "picture.svg"]) {
      assert((await Deno.stat(join(out, name))).size > 0, name);
    }

    // The same run as a single pipeline, in this process.
    await openEngine("wasm");
    const alone = join(folder, "alone.yaml");
    await Deno.writeTextFile(
      alone,
      stringify({
        ...digitsPipeline(),
        seed: 2,
        train: { epochs: 2, batch: 256 },
        losses: [{ use: "cross-entropy", on: "light" }],
        outputs: ["checkpoint"],
      }),
    );
    const { result } = await runFile(alone, join(folder, "alone"), "wasm");
    const kept = await readJson(join(out, "basic/seed-2/result.json"));
    assertEquals(kept.test, result.test);
    assertEquals(kept.parameters, result.parameters);

    // A second call keeps all runs, and the table is the same except for latencies.
    const again = await rocket([...args, "--jobs", "1", "--quiet"], { cwd: folder });
    assertEquals(again.code, 0, again.stderr);
    assertEquals(await readJson(join(out, "basic/seed-2/result.json")), kept);
    const accuracies = ({ stdout }: { stdout: string }) => stdout.match(/\d\.\d{4} ± \d\.\d{4}/g);
    assertEquals(accuracies(again), accuracies(first));

    // Compared with the other setting, the difference has the opposite sign.
    const other = await rocket([...args, "--quiet", "--reference", "rocket"], { cwd: folder });
    const difference = (name: string, { stdout }: { stdout: string }) => {
      const row = new RegExp(`^${name} +2 +\\S+ ± \\S+ +([−+][\\d.]+) `, "m").exec(stdout);
      return Number(row?.[1]?.replace("−", "-"));
    };
    assertAlmostEquals(difference("basic", other), -difference("rocket", first));
    assertMatch(other.stdout, /^Differences from rocket are shown with/m);
    const wrong = await rocket([...args, "--reference", "rockett"], { cwd: folder });
    assertEquals(wrong.code, 2);
    assertStringIncludes(
      wrong.stderr,
      'the reference "rockett" is not a setting of the sweep\n hint: did you mean rocket?',
    );

    // Runs of a different pipeline in the folder are rejected.
    const changed = await rocket([...args, "--epochs", "3"], { cwd: folder });
    assertEquals(changed.code, 2);
    assertStringIncludes(
      changed.stderr,
      "contains runs of a different pipeline: train.epochs was 2 and is now 3",
    );

    // Only one sweep can run in a folder at a time.
    await withLock(join(out, ".lock"), () => {}, async () => {
      const second = await rocket(args, { cwd: folder });
      assertEquals(second.code, 1);
      assertStringIncludes(
        second.stderr,
        `another process is running a sweep in ${join("runs", "sweep")}`,
      );
    });
  }));

Deno.test("a sweep of pipelines with phases compares the results of the last phase", () =>
  withFiles({
    "base.yaml": base({
      data: { ...digitsPipeline().data as object, split: { validation: 0.1 } },
    }),
    "sweep.yaml": stringify({
      base: "base.yaml",
      seeds: [1, 2],
      settings: {
        basic: { losses: [{ use: "cross-entropy", on: "light" }] },
        distillation: {
          network: { shared: [], light: [8], booster: [32] },
          phases: [
            { name: "teacher", epochs: 1, losses: [{ use: "cross-entropy", on: "booster" }] },
            {
              name: "student",
              freeze: ["booster"],
              from: "best",
              losses: [{ use: "knowledge-distillation", temperature: 4, alpha: 0.9 }],
            },
          ],
        },
      },
      split: "validation",
    }),
  }, async (folder) => {
    const { code, stdout, stderr } = await rocket(["sweep", "sweep.yaml", ...wasm], {
      cwd: folder,
    });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^distillation .* \d+\.\d{3} ms +\d/m);
    const measured = hasOnnxRuntime() ? "ONNX Runtime" : "wasm";
    assertStringIncludes(stdout, `light latency (${measured}, 1 row)`);
    const out = join(folder, "runs", "sweep");
    const [all] = (await Deno.readTextFile(join(out, "table.md"))).split("\n## ").slice(1);
    const rows = all!.split("\n").filter((line) => line.startsWith("|"))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
    const values = await Promise.all([1, 2].map(async (seed) => {
      const text = await Deno.readTextFile(join(out, `distillation/seed-${seed}/metrics.jsonl`));
      const lines = text.trim().split("\n").map((line) => JSON.parse(line));
      return lines.findLast(({ split }) => split === "validation");
    }));
    assertEquals(values.map(({ phase, epoch }) => [phase, epoch]), [["student", 3], [
      "student",
      3,
    ]]);
    const mean = (key: string) => (values[0][key] + values[1][key]) / 2;
    const [head, , , distillation] = rows;
    assert(!head!.includes("phase"), `${head}`);
    for (const key of ["light/accuracy", "booster/accuracy"]) {
      const [shown] = distillation![head!.indexOf(key)]!.split(" ");
      assertEquals(Number(shown), Number(mean(key).toFixed(4)), key);
    }
    assertEquals(rows[2]![head!.indexOf("booster/accuracy")], "–");
  }));

Deno.test("every run is checked before the first one starts, and mistakes are reported once, with their places", () =>
  withFiles({
    "base.yaml": base({ optimizer: { use: "sgd", learningRate: 0.1, momentun: 0.9 } }),
    "sweep.yaml": `base: base.yaml
seeds: [1, 2]
settings:
  basic: { losses: [{ use: cross-entropi, on: light }] }
  rocket: {}
`,
  }, async (folder) => {
    const { code, stderr } = await rocket(["sweep", "sweep.yaml", ...wasm], { cwd: folder });
    assertEquals(code, 2, stderr);
    const lines = stderr.split("\n").filter((line) => /^(error:| -->)/.test(line));
    assertEquals(lines.map((line) => line.replace(/base\.yaml:\d+:\d+/, "base.yaml")), [
      'error: there is no loss stage called "cross-entropi" (setting basic)',
      " --> sweep.yaml:4:28",
      'error: sgd has no option "momentun"',
      " --> base.yaml",
    ]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "base.yaml",
      "sweep.yaml",
    ]);
    const seed = await rocket(["sweep", "sweep.yaml", "--seed", "3"], { cwd: folder });
    assertEquals(seed.code, 2);
    assertStringIncludes(
      seed.stderr,
      "sweep has no option --seed: the sweep's file lists the seeds",
    );
  }));

Deno.test("a failed run is reported at the end, with exit code 1, and the others finish", () =>
  withFiles({
    "base.yaml": base(),
    "sweep.yaml": `base: base.yaml
seeds: [1, 2]
latency: none
settings:
  fine: {}
  broken: { outputs: [./broken.ts] }
`,
    "broken.ts": `import { defineOutput, z } from "@rocket-launching/rocket/plugin";
let seed = 0;
export default defineOutput({
  name: "broken", summary: "Fails with the second seed.", options: z.object({}),
  create: () => ({
    runStart: (event) => { seed = event.seed; },
    epoch: () => { if (seed === 2) throw new Error("no idea"); },
  }),
});
`,
  }, async (folder) => {
    const { code, stdout, stderr } = await rocket(["sweep", "sweep.yaml", ...wasm], {
      cwd: folder,
    });
    assertEquals(code, 1, stderr);
    assertMatch(stdout, /^fine +2 /m);
    // Only an output failed, so the run has a result.
    assertMatch(stdout, /^broken +2 /m);
    const [, failure] = stderr.split("\nbroken/seed-2 failed:\n");
    assertStringIncludes(
      failure!,
      `the output stage "./broken.ts" failed in epoch(): Error: no idea`,
    );
    assertMatch(
      failure!,
      /^1 of 4 runs failed. To retry them:\n {2}deno task pipeline sweep sweep\.yaml/m,
    );
    const log = join(folder, "runs/sweep/broken/seed-2.log");
    assertStringIncludes(await Deno.readTextFile(log), "no idea");
  }));

/** Starts a sweep, calls a function after a line was printed, and waits until the sweep ends. */
async function interrupted(
  folder: string,
  line: string,
  then: (child: Deno.ChildProcess) => void,
): Promise<{ code: number; stderr: string }> {
  const args = ["sweep", "sweep.yaml", ...wasm, "--jobs", "2", "--json"];
  const child = launched("cli.ts", args, { cwd: folder, detached: true }).spawn();
  const stderr = new Response(child.stderr).text();
  let seen = "", done = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    seen += text;
    if (done || !seen.includes(line)) continue;
    done = true;
    then(child);
  }
  assert(done, await stderr);
  return { code: (await child.status).code, stderr: await stderr };
}

Deno.test({
  name: "a sweep that was stopped or killed continues to the same weights",
  ignore,
  fn: () =>
    withFiles({
      "base.yaml": base({ train: { epochs: 8, batch: 64 } }),
      "sweep.yaml": sweepText,
    }, async (folder) => {
      const stopped = await interrupted(
        folder,
        `{"run":"rocket/seed-1","event":"epoch"`,
        (child) => child.kill("SIGINT"),
      );
      assertEquals(stopped.code, 130, stopped.stderr);
      assertStringIncludes(
        stopped.stderr,
        "stopped. To continue:\n  deno task pipeline sweep sweep.yaml --engine wasm --jobs 2",
      );
      const out = join(folder, "runs", "sweep");
      const log = () => Deno.readTextFile(join(out, "rocket/seed-1.log"));
      assertMatch(await log(), /stopped after step \d+ of rocket/);
      // The runs of a killed sweep continue, and the next sweep waits for them.
      await interrupted(
        folder,
        `{"run":"rocket/seed-2","event":"epoch"`,
        (child) => Deno.kill(-child.pid, "SIGKILL"),
      );
      assertMatch(await log(), /resumed after step \d+/);
      const { code, stderr } = await rocket(["sweep", "sweep.yaml", ...wasm], { cwd: folder });
      assertEquals(code, 0, stderr);
      await openEngine("wasm");
      const alone = join(folder, "alone.yaml");
      const text = await Deno.readTextFile(join(folder, "base.yaml"));
      for (const seed of [1, 2]) {
        await Deno.writeTextFile(
          alone,
          text.replace("weight: 0.03", "weight: 0.1").replace("seed: 1", `seed: ${seed}`),
        );
        const run = join(folder, `alone-${seed}`);
        await runFile(alone, run, "wasm");
        assertEquals(await weights(join(out, `rocket/seed-${seed}`)), await weights(run));
      }
    }),
});
