import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { normalizesBatches } from "../../stages/network.ts";
import { batchCount, batchRange } from "../../input/order.ts";
import type { Facts } from "./facts.ts";

/** Statistics of fewer rows than this say little. */
const FEWEST = 8;

/**
 * Warns of batches that are too small for batch norm.
 *
 * @param facts What is known of the run.
 */
export function smallBatches({ plan, rows }: Facts): Problem[] {
  const { cut, document, network: { stage, options, reference } } = plan;
  const train = rows.train!;
  if (!normalizesBatches(stage, options)) return [];
  const [start, end] = batchRange(train, cut, batchCount(train, cut) - 1);
  if (end - start >= FEWEST) return [];
  const normalizes = `${reference.name} normalizes by the statistics of each batch`;
  if (cut.size < FEWEST || train < FEWEST) {
    return [{
      message: `${normalizes}, and a batch has ${Math.min(cut.size, train)} rows`,
      place: document.place(["train", "batch"]),
      hint: train < FEWEST
        ? hint("warning/few-rows", `add rows: ${FEWEST} or more make a batch`, { edit: "the data" })
        : hint("warning/small-batch", "write `batch: 32` or more", { set: { ".": 32 } }),
    }];
  }
  return [{
    message: `${normalizes}, and the last batch of an epoch has ${end - start} ${
      end - start === 1 ? "row" : "rows"
    }`,
    place: document.place(["train", "lastBatch"]),
    hint: hint("warning/last-batch", "write `lastBatch: merge` at train, or leave it out", [
      { set: { "/train/lastBatch": "merge" } },
      { remove: ["/train/lastBatch"] },
    ]),
  }];
}
