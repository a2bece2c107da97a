/**
 * The paper's question on clicks, accuracy at a fixed response time: trains the nets of
 * pipelines/ctr-movielens.yaml with a few seeds and prints GAUC and AUC on the test split (mean and standard
 * deviation over seeds), and how long each net takes for 200 candidates of one user. The epoch of each net is
 * the one with its best GAUC on the validation split. First `deno task data movielens`.
 *
 * usage: deno task bench:clicks [--seeds N] [--set PATH=VALUE …] [--validation] [--out FILE]
 *
 * `--validation` prints metrics of the validation split instead, to choose settings by.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { readPlan } from "../commands/read_plan.ts";
import { runPipeline } from "../commands/run_pipeline.ts";
import { openEngine } from "../engine/engine.ts";
import type { EvaluationEvent } from "../pipeline/stages/events.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import { captureInference } from "../train/inference.ts";
import { prepareData, prepareNets } from "../train/prepare.ts";
import { batchTensors } from "../train/tensors.ts";
import { initialValues, parameterCount } from "../train/variables.ts";
import { median, spread } from "../sweep/statistics.ts";

const options = parseArgs(Deno.args, {
  string: ["seeds", "set", "out", "pipeline"],
  boolean: ["validation"],
  collect: ["set"],
  default: { seeds: "5", pipeline: "pipelines/ctr-movielens.yaml" },
});
const seeds = Number(options.seeds), candidates = 200;
const set = options.set as string[];

/** A net that is compared, and the runs and the job that it comes from. */
interface System {
  readonly name: string;
  readonly net: NetName;
  readonly job: EvaluationEvent["job"];
  /** Changes of the pipeline. */
  readonly set: readonly string[];
}

const systems: readonly System[] = [
  { name: "light alone", net: "light", job: "light-alone", set: [] },
  { name: "rocket: light", net: "light", job: "rocket", set: [] },
  { name: "rocket: booster", net: "booster", job: "rocket", set: [] },
  { name: "rocket without hint: light", net: "light", job: "rocket", set: ["losses.2.weight=0"] },
];

/** Metrics of one net after each epoch, by split. */
type Epochs = Map<number, Partial<Record<string, Readonly<Record<string, number>>>>>;

const found = new Map<System, { gauc: number; auc: number; logLoss: number; epoch: number }[]>();
for (let seed = 1; seed <= seeds; seed++) {
  for (const changes of new Set(systems.map(({ set }) => set.join("\n")))) {
    const own = systems.filter(({ set }) => set.join("\n") === changes);
    const alone = own.some(({ job }) => job === "light-alone");
    const events = await train(seed, [
      ...changes === "" ? [] : changes.split("\n"),
      `train.baseline=${alone ? "light-alone" : "none"}`,
    ]);
    for (const system of own) {
      found.set(system, [...found.get(system) ?? [], chosen(events, system)]);
    }
  }
}
const latency = await latencies();
const table = [
  `${options.validation ? "Validation" : "Test"} split, ${seeds} seeds, mean ± standard deviation:`,
  "",
  "| net | GAUC | AUC | log loss | epochs | numbers | ms for 200 candidates |",
  "| --- | --- | --- | --- | --- | --- | --- |",
  ...[...found].map(([{ name, net }, rows]) =>
    `| ${name} | ${spreadText(rows.map(({ gauc }) => gauc))} | ${
      spreadText(rows.map(({ auc }) => auc))
    } | ${spreadText(rows.map(({ logLoss }) => logLoss))} | ${
      rows.map(({ epoch }) => epoch).join(", ")
    } | ${latency[net].parameters.toLocaleString("en")} | ${latency[net].milliseconds.toFixed(2)} |`
  ),
].join("\n");
console.log(table);
if (options.out) await Deno.writeTextFile(options.out, table + "\n");

async function train(seed: number, changes: readonly string[]): Promise<EvaluationEvent[]> {
  const out = await Deno.makeTempDir({ prefix: "rocket-clicks-" });
  const events: EvaluationEvent[] = [];
  try {
    await runPipeline(options.pipeline, {
      out,
      quiet: true,
      report: (line) => console.error(`  ${line}`),
      listener: {
        evaluation: (event) => {
          events.push(event);
        },
      },
      set: [`seed=${seed}`, "outputs=[]", ...set, ...changes],
    });
  } finally {
    await Deno.remove(out, { recursive: true });
  }
  console.error(`seed ${seed} ${changes.join(" ")}`);
  return events;
}

/** A net's metrics after the epoch that was best on the validation split. */
function chosen(events: readonly EvaluationEvent[], { net, job }: System) {
  const epochs: Epochs = new Map();
  for (const { epoch, split, metrics, job: own } of events) {
    if (own === job) epochs.set(epoch, { ...epochs.get(epoch), [split]: metrics });
  }
  const value = (epoch: number, split: string, metric: string) =>
    epochs.get(epoch)![split]![`${net}/${metric}`]!;
  const [best] = [...epochs.keys()].sort((a, b) =>
    value(b, "validation", "gauc") - value(a, "validation", "gauc")
  );
  const split = options.validation ? "validation" : "test";
  return {
    gauc: value(best!, split, "gauc"),
    auc: value(best!, split, "auc"),
    logLoss: value(best!, split, "log-loss"),
    epoch: best!,
  };
}

/** How long each net takes for the candidates of one user, in alternation; weights do not matter. */
async function latencies() {
  await openEngine("native", () => {});
  const plan = await readPlan(options.pipeline, set);
  const data = await prepareData(plan);
  try {
    const { model, nets } = prepareNets(plan, data, ["light", "booster"]);
    const values = initialValues(model.variables, 1);
    const rows = await data.splits.test.slice(0, candidates);
    const batch = data.transforms.apply(rows, { seed: 1, epoch: 0, batch: 0, training: false });
    const { features } = batchTensors(batch);
    const infer = nets.map((net) => captureInference(model.pair, net, values));
    const times: number[][] = nets.map(() => []);
    for (let round = 0; round < 300; round++) {
      for (const [index, net] of infer.entries()) {
        const start = performance.now();
        const { logits } = net.call({ features });
        await logits.data();
        if (round >= 50) times[index]!.push(performance.now() - start);
        logits.dispose();
      }
    }
    infer.forEach((net) => net.dispose());
    tf.dispose([values, features]);
    return Object.fromEntries(nets.map((net, index) => [net, {
      milliseconds: median(times[index]!),
      parameters: parameterCount(model.variables, net),
    }])) as Record<NetName, { milliseconds: number; parameters: number }>;
  } finally {
    await data.close();
  }
}

function spreadText(values: readonly number[]): string {
  const { mean, deviation, count } = spread(values);
  return count < 2 ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
}
