/**
 * The thread of `PeerWatch`.
 *
 * @module
 */

import { restrictThread } from "../../base/machine/restrict_thread.ts";
import { ClusterMember } from "./member.ts";
import type { WatchSetup } from "./peer_watch.ts";

/** The time between two questions, in milliseconds. */
const INTERVAL = 1000;

/** How long one answer may take, in milliseconds. */
const PATIENCE = 4000;

/**
 * How long a process may give no answer, in milliseconds. Together with the time of a question, this
 * is less than 15 seconds.
 */
const MOST_SILENCE = 8000;

restrictThread();

const { self } = globalThis as unknown as {
  self: { onmessage: (event: MessageEvent<WatchSetup>) => void };
};

self.onmessage = async ({ data: { handle, gone } }) => {
  const { library, context, cluster: { rank, addresses }, cluster } = handle;
  const member = new ClusterMember(library, cluster, { context });
  const peers = addresses.keys().filter((peer) => peer !== rank).toArray();
  await Promise.race(peers.map(async (peer) => {
    for (let heard = performance.now();;) {
      if (await member.answers(peer, PATIENCE)) heard = performance.now();
      if (performance.now() - heard > MOST_SILENCE) {
        Atomics.store(new Int32Array(gone), 0, peer);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }));
  const peer = Atomics.load(new Int32Array(gone), 0);
  member.abort(`the process at ${addresses[peer]} does not answer`);
};
