/**
 * A process of the bench of clusters. It uses one core and the protocol of the bench's programs.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { RunningCluster } from "../../src/engine/cluster/running_cluster.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { trainedNumbers } from "../training.ts";
import { serve } from "../worker.ts";
import type { Exchange, TaskName } from "./contestants.ts";
import { CountingCollectives } from "./counting.ts";
import { exchangedBytes, exchangingStep } from "./exchanging_step.ts";
import { useOneCore } from "./one_core.ts";
import { reductions, SIZES } from "./reductions.ts";
import { stepTask } from "./tasks.ts";

const { small, ...options } = parseArgs(Deno.args, {
  string: ["task", "exchange", "rank", "addresses"],
  boolean: ["small"],
  default: { task: "wrn", exchange: "none", rank: "0", addresses: "" },
});
const name = options.task as TaskName, exchange = options.exchange as Exchange;
const rank = Number(options.rank), addresses = options.addresses.split(",");
await useOneCore(rank);
const { detail } = await openEngine("native", () => {}, {
  device: "cpu",
  ...exchange === "all" && { cluster: { rank, addresses, variable: "TF_CONFIG" } },
});
const cluster = exchange === "all" ? await RunningCluster.start(console.error) : undefined;
if (name === "reductions") {
  await serve(reductions(cluster!.collectives), { detail }, { warmUp: 3 * SIZES.length });
} else {
  await train(name);
}
cluster?.finish();

async function train(name: Exclude<TaskName, "reductions">): Promise<void> {
  const leavesOut = exchange === "left-out";
  const counting = leavesOut ? new CountingCollectives(2, rank) : undefined;
  const collectives = cluster?.collectives ?? counting;
  const task = stepTask(name, { small, shards: collectives });
  const exchanged = counting && exchangedBytes(task, counting);
  const step = exchangingStep(task, { collectives, leavesOut });
  const parameters = trainedNumbers(task.model);
  const facts = { detail, parameters, ...exchanged !== undefined && { exchanged } };
  await serve(step, facts, { warmUp: 3 });
}
