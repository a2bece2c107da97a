import { join } from "node:path";
import { refuseExport } from "../../src/commands/predict.ts";
import { loadMember, memberOf } from "../../src/engine/cluster/join.ts";
import {
  noAnswer,
  ProcessGone,
  repeatable,
  resumable,
} from "../../src/engine/cluster/process_gone.ts";
import { synchronization, synchronizing } from "../../src/engine/cluster/synchronization.ts";
import type { Build } from "../../src/engine/native/build.ts";
import { refuseShards } from "../../src/run/cluster_checks.ts";
import type { Variable } from "../../src/stages/network.ts";
import type { Optimizer } from "../../src/stages/optimizer.ts";
import type { StageReference } from "../../src/stages/stage_error.ts";
import { inFolder } from "../support/command_line.ts";
import type { ProgramCase } from "./program_cases.ts";

/** Calls a function with a folder that contains a net as `export` writes it. */
function withExport(use: (folder: string) => void): Promise<void> {
  return inFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "model.onnx"), "");
    use(folder);
    return Promise.resolve();
  });
}

/** What happens only in a cluster of several processes. */
export function* clusterPrograms(): Iterable<ProgramCase> {
  const cluster = { rank: 0, addresses: ["10.0.0.1:7077", "10.0.0.2:7077"], variable: "TF_CONFIG" };
  yield {
    name: "a TensorFlow whose addon takes no context, in a cluster",
    run: () => memberOf({ takesContext: false } as Build, cluster),
  };
  yield {
    name: "a port that another program uses, in a cluster",
    run: () =>
      loadMember(
        { takesContext: true, folder: "", addon: "", library: "" } as Build,
        cluster,
        () => Promise.reject(new Error("Could not start gRPC server")),
      ),
  };
  yield {
    name: "processes that do not start",
    run() {
      throw noAnswer("10.0.0.2:7077", 5);
    },
  };
  yield {
    name: "a process that is gone while a run is evaluated",
    run() {
      throw repeatable(new ProcessGone("the process at 10.0.0.2:7077 is gone"));
    },
  };
  yield {
    name: "a process that is gone",
    run() {
      throw resumable(new ProcessGone("the process at 10.0.0.2:7077 is gone"), "runs/digits");
    },
  };
  yield {
    name: "an export folder for predict in a cluster",
    run: () => withExport((folder) => refuseExport(folder, "TF_CONFIG")),
    mended: {
      "predict/export-in-cluster": () => withExport((folder) => refuseExport(folder, undefined)),
    },
  };
  yield {
    name: "synchronized batch norm with train.accumulate, in a cluster",
    run: () => synchronizing("parts", () => synchronization("batch norm")),
    mended: { "cluster/accumulate": () => synchronization("batch norm") },
  };
  const variables: Variable[] = [{
    ...{ name: "embedding/user", shape: [9, 4], owner: "shared", trainable: true },
    ...{ table: true, shard: true, initializer: { kind: "constant", value: 0 } },
  }];
  const optimizerStage = { kind: "optimizer", name: "lamb" } as StageReference;
  const elementwise = { elementwise: true } as Optimizer;
  const whole = { part: 64, cut: { size: 64 } };
  yield {
    name: "tables of which a step updates all rows, sharded",
    run: () =>
      refuseShards(
        whole,
        [{ variables, optimizerStage, optimizer: elementwise, tables: "exact" }],
        2,
      ),
  };
  yield {
    name: "sharded tables with an optimizer that is not elementwise",
    run: () => refuseShards(whole, [{ variables, optimizerStage, optimizer: {} as Optimizer }], 2),
  };
  yield {
    name: "sharded tables with batches in parts",
    run: () =>
      refuseShards(
        { part: 16, cut: { size: 64 } },
        [{ variables, optimizerStage, optimizer: elementwise }],
        2,
      ),
  };
}
