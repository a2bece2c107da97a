import type { CheckpointRequest } from "../stages/events.ts";
import { USUALLY_KEPT } from "./folder/checkpoints.ts";

/**
 * Collects the checkpoints that outputs request between two steps, and merges them into one request.
 */
export class CheckpointRequests {
  #pending: CheckpointRequest | undefined;

  /** Requests a checkpoint. Outputs receive this function with events. */
  readonly ask = (request: CheckpointRequest = {}): void => {
    const { keep = USUALLY_KEPT, forever = false, best = false } = request;
    const before = this.#pending;
    this.#pending = {
      keep: Math.max(keep, before?.keep ?? 0),
      forever: forever || (before?.forever ?? false),
      best: best || (before?.best ?? false),
    };
  };

  /** Returns the pending request, if there is one, and clears it. */
  take(): CheckpointRequest | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}
