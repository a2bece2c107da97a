import { loadMember, memberOf } from "../../src/engine/cluster/join.ts";
import { noAnswer, ProcessGone, resumable } from "../../src/engine/cluster/process_gone.ts";
import { synchronization, synchronizing } from "../../src/engine/cluster/synchronization.ts";
import type { Build } from "../../src/engine/native/build.ts";
import type { ProgramCase } from "./program_cases.ts";

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
    name: "a process that is gone",
    run() {
      throw resumable(new ProcessGone("the process at 10.0.0.2:7077 is gone"), "runs/digits");
    },
  };
  yield {
    name: "synchronized batch norm with train.accumulate, in a cluster",
    run: () => synchronizing("parts", () => synchronization("batch norm")),
    mended: { "cluster/accumulate": () => synchronization("batch norm") },
  };
}
