/**
 * The part of TensorFlow's C API by which this process is a member of a cluster.
 *
 * @module
 */

import type { Cluster } from "../../cluster/processes.ts";
import { sessionConfig } from "../session_config.ts";
import { cString } from "../tensorflow.ts";
import { serverOf, taskName } from "./messages.ts";

/** The functions of the C API that a member of a cluster needs. Pointers are integers here. */
const SYMBOLS = {
  TF_NewStatus: { parameters: [], result: "usize" },
  TF_DeleteStatus: { parameters: ["usize"], result: "void" },
  TF_SetStatus: { parameters: ["usize", "i32", "buffer"], result: "void" },
  TF_GetCode: { parameters: ["usize"], result: "i32" },
  TFE_ContextOptionsSetConfig: {
    parameters: ["usize", "buffer", "usize", "usize"],
    result: "void",
  },
  TFE_EnableCollectiveOps: { parameters: ["usize", "buffer", "usize", "usize"], result: "void" },
  TFE_AbortCollectiveOps: { parameters: ["usize", "usize"], result: "void" },
  TFE_CollectiveOpsCheckPeerHealth: {
    parameters: ["usize", "buffer", "i64", "usize"],
    result: "void",
    nonblocking: true,
  },
} as const;

/** TensorFlow's code for a service that cannot be reached. */
const UNAVAILABLE = 14;

/** What another thread needs to watch the members of a cluster. */
export interface MemberHandle {
  /** The path of TensorFlow's library. */
  readonly library: string;
  /** The address of TensorFlow's context. */
  readonly context: bigint;
  /** The cluster. */
  readonly cluster: Cluster;
}

/** This process as a member of a cluster. */
export class ClusterMember {
  /** The cluster. */
  readonly cluster: Cluster;
  readonly #library: string;
  readonly #gpu: number | undefined;
  #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;
  #context: bigint | undefined;

  /**
   * Prepares a member.
   *
   * @param library The path of TensorFlow's library.
   * @param cluster The cluster.
   * @param options The number of the GPU that this process uses, if any; or the address of a
   *   context that has joined already.
   */
  constructor(
    library: string,
    cluster: Cluster,
    { gpu, context }: { readonly gpu?: number | undefined; readonly context?: bigint } = {},
  ) {
    this.cluster = cluster;
    this.#library = library;
    this.#gpu = gpu;
    this.#context = context;
  }

  /** Loaded with the context, so that messages of TensorFlow while it is loaded stay hidden. */
  get #c(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
    return this.#symbols ??= Deno.dlopen(this.#library, SYMBOLS).symbols;
  }

  /**
   * Sets the options of a context that will join the cluster.
   *
   * @param options The address of the options.
   * @param status The address of a status that receives an error.
   */
  configure(options: bigint, status: bigint): void {
    const config = sessionConfig({ gpu: this.#gpu, leader: taskName(0) });
    this.#c.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), status);
  }

  /**
   * Makes a context a member of the cluster. TensorFlow then listens on the port of this process, on
   * all networks of the machine.
   *
   * @param context The address of the context.
   * @param status The address of a status that receives an error, such as a port that is in use.
   */
  join(context: bigint, status: bigint): void {
    const server = serverOf(this.cluster, this.#gpu);
    this.#c.TFE_EnableCollectiveOps(context, server, BigInt(server.length), status);
    this.#context = context;
  }

  /** Returns what another thread needs to make a member of the same process. */
  handle(): MemberHandle {
    return { library: this.#library, context: this.#joined(), cluster: this.cluster };
  }

  /**
   * Checks whether another process answers.
   *
   * @param rank The number of the process.
   * @param patience How long to wait for the answer, in milliseconds.
   */
  async answers(rank: number, patience: number): Promise<boolean> {
    const c = this.#c, status = c.TF_NewStatus();
    try {
      const name = cString(taskName(rank));
      const context = this.#joined();
      await c.TFE_CollectiveOpsCheckPeerHealth(context, name, BigInt(patience), status);
      return c.TF_GetCode(status) === 0;
    } finally {
      c.TF_DeleteStatus(status);
    }
  }

  /**
   * Ends all collective operations of this process with an error, those that wait now and all later
   * ones.
   *
   * @param reason The text of the error.
   */
  abort(reason: string): void {
    const c = this.#c, status = c.TF_NewStatus();
    c.TF_SetStatus(status, UNAVAILABLE, cString(reason));
    c.TFE_AbortCollectiveOps(this.#joined(), status);
    c.TF_DeleteStatus(status);
  }

  #joined(): bigint {
    if (this.#context === undefined) throw new Error("this process has not joined its cluster");
    return this.#context;
  }
}
