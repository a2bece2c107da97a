import type { CheckpointRequest } from "../stages/events.ts";
import { USUALLY_KEPT } from "./folder/checkpoints.ts";

/**
 * The checkpoints that outputs ask for between two steps: several requests become one that serves
 * all.
 */
export class CheckpointRequests {
  #pending: CheckpointRequest | undefined;

  /** Asks for a checkpoint. Events hand this function to outputs. */
  readonly ask = (request: CheckpointRequest = {}): void => {
    const { keep = USUALLY_KEPT, forever = false, best = false } = request;
    const before = this.#pending;
    this.#pending = {
      keep: Math.max(keep, before?.keep ?? 0),
      forever: forever || (before?.forever ?? false),
      best: best || (before?.best ?? false),
    };
  };

  /** Returns the pending request, if there is one, and forgets it. */
  take(): CheckpointRequest | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}
