import { assert } from "@std/assert";
import { join } from "node:path";
import { parse } from "yaml";
import { readPlan } from "../../src/run/read_plan.ts";
import { openEngine } from "../../src/engine/engine.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { builtins } from "../../plugins/mod.ts";
import { stepInput } from "../../src/train/step_input.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { runPlan } from "../../src/run/run.ts";
import { teachersOfRuns } from "../../src/run/teachers.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import { initialValues } from "../../src/train/variables.ts";
import { root } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { writeTaught } from "../support/teachers.ts";

const text = await Deno.readTextFile(join(root, "docs", "methods.md"));

/** The snippets by the headings that they are under. */
const snippets = text.split(/^## /m).slice(1).flatMap((section) => {
  const [title] = section.split("\n", 1);
  return Array.from(
    section.matchAll(/^```yaml\n([^]*?)^```/gm),
    ([, code], index) => [`${title} (${index + 1})`, code!] as const,
  );
});

/** The digits with a teacher's output in the column `teacher`. */
async function taughtData(folder: string): Promise<object> {
  await writeTaught(join(folder, "train.arrow"));
  const train = { use: "arrow", path: join(folder, "train.arrow") };
  return { data: { ...digitsPipeline().data as object, train } };
}

/** Trains a net that can teach. */
async function trainBig(out: string): Promise<void> {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 128 }, outputs: ["checkpoint"] });
  const plan = await readPlan(pipeline as unknown as Pipeline);
  await runPlan(plan, { out, engine: "wasm", quiet: true });
}

for (const [name, code] of snippets) {
  Deno.test(`the pipeline of docs/methods.md trains: ${name}`, async () => {
    await openEngine("wasm");
    const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
    await using _folder = {
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
    const taught = code.includes("column: teacher") ? await taughtData(folder) : {};
    const big = join(folder, "big");
    if (code.includes("run: runs/big")) await trainBig(big);
    const parts = { ...taught, ...parse(code.replace("runs/big", big)) };
    const plan = await readPlan(digitsPipeline(parts) as unknown as Pipeline);
    const compute = teachersOfRuns(plan, {
      engine: () => openEngine("wasm"),
      listener: { report: () => {}, debug: false },
      folder: join(folder, "cache"),
    });
    const data = await prepareData(plan, undefined, compute);
    if (plan.baseline) prepareNets(plan, data, ["light"]);
    const rows = await data.splits.train.slice(0, 32);
    const batch = data.transforms.apply(rows, { seed: 1, epoch: 0, batch: 0, training: true });
    for (const phase of plan.phases) {
      const { model } = prepareNets(plan, data, netsOf(plan), phase);
      let state = initialState(model, initialValues(model.variables, plan.seed));
      const totals: number[] = [];
      for (let step = 0; step < 3; step++) {
        // The first steps of a run that is longer than what schedules in the snippets wait for.
        const position = { step, steps: 1000, epoch: step / 50, epochs: 20 };
        // Small steps: on one batch each of them has to go down.
        const after = trainStep(model, state, stepInput(model, batch, position, 1e-4, 0));
        const [total, ...each] = after.losses.dataSync();
        // If weights change from step to step, so does the total.
        const fixed = each.filter((_, term) => !model.terms[term]!.schedule);
        totals.push(fixed.length === each.length ? total! : fixed.reduce((sum, one) => sum + one));
        disposeState(state, after.state);
        state = after.state;
      }
      disposeState(state);
      assert(totals[1]! < totals[0]! && totals[2]! < totals[1]!, totals.join(", "));
    }
    await data.close();
  });
}

Deno.test("docs/methods.md names built-in losses only, and has each fixed gradient policy", () => {
  const [, table] = /^\| method .*\n\|[ -|]*\n((?:\|.*\n)+)/m.exec(text)!;
  const rows = table!.trimEnd().split("\n");
  assert(rows.length > 10, `${rows.length} methods`);
  const losses = builtins.filter(({ kind }) => kind === "loss").map(({ name }) => name);
  for (const row of rows) {
    const named = row.split("|")[3]!.match(/`[a-z-]+`/g)!.map((name) => name.slice(1, -1));
    assert(named.length > 0 && named.every((name) => losses.includes(name)), row);
  }
  const used = snippets.map(([, code]) => code).join();
  for (const policy of ["block", "none", "mutual", "block-shared"]) {
    assert(used.includes(`gradient: ${policy} `) || used.includes(`gradient: ${policy}\n`), policy);
  }
});
