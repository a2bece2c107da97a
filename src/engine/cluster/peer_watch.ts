import { startThread } from "../../base/machine/restrict_thread.ts";
import type { MemberHandle } from "./member.ts";

/** What the thread that watches the other processes receives. */
export interface WatchSetup {
  /** This process as a member of its cluster. */
  readonly handle: MemberHandle;
  /** Memory in which the thread writes the number of a process that is gone; −1 if none is. */
  readonly gone: SharedArrayBuffer;
}

/**
 * A thread that asks all other processes again and again whether they are there. If one no longer
 * answers, it ends the collective operation for which the main thread waits, which would otherwise
 * wait forever.
 */
export class PeerWatch {
  readonly #worker: Worker;
  readonly #gone = new Int32Array(new SharedArrayBuffer(4)).fill(-1);

  /**
   * Starts the thread.
   *
   * @param handle This process as a member of its cluster.
   */
  constructor(handle: MemberHandle) {
    this.#worker = startThread(new URL("./watch_worker.ts", import.meta.url));
    this.#worker.postMessage({ handle, gone: this.#gone.buffer } satisfies WatchSetup);
  }

  /** The number of a process that no longer answers; undefined if all do. */
  get gone(): number | undefined {
    const rank = Atomics.load(this.#gone, 0);
    return rank < 0 ? undefined : rank;
  }

  /** Ends the thread. */
  stop(): void {
    this.#worker.terminate();
  }
}
