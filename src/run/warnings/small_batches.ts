import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { smallest } from "../../base/long_lists.ts";
import { counted } from "../../base/text_table.ts";
import { normalizesBatches } from "../../stages/network.ts";
import { batchCount, batchRange } from "../../input/order.ts";
import { partSizes } from "../../train/parts.ts";
import type { Facts } from "./facts.ts";

/** Batch statistics of fewer rows than this are too noisy. */
const FEWEST = 8;

/**
 * Warns about batches that are too small for batch norm.
 *
 * @param facts Facts about the run.
 */
export function smallBatches({ plan, rows, grouped }: Facts): Problem[] {
  const { cut, part, document, network: { stage, options, reference } } = plan;
  const train = rows.train!;
  if (!normalizesBatches(stage, options)) return [];
  const [start, end] = batchRange(train, cut, batchCount(train, cut) - 1);
  const last = smallest(part < cut.size ? partSizes(end - start, part) : [end - start]);
  const least = grouped?.least ?? last;
  if (least >= FEWEST) return [];
  if (part < FEWEST || train < FEWEST) {
    return [{
      message: `the network ${reference.name} uses batch norm, but a batch has only ${
        Math.min(part, train)
      } rows`,
      place: document.place(["train", "batch"]),
      hint: train < FEWEST
        ? hint("warning/few-rows", `add training rows: batch norm needs at least ${FEWEST}`, {
          edit: "the data",
        })
        : hint("warning/small-batch", "write `batch: 32` or more", { set: { ".": 32 } }),
    }];
  }
  if (grouped) {
    return [{
      message: `the network ${reference.name} uses batch norm, but a batch has only ${
        counted(least, "row")
      }, because data.group keeps groups together`,
      place: document.place(["train", "batch"]),
      hint: hint("warning/small-groups", `write \`batch: ${2 * cut.size}\` or more`, {
        set: { ".": 2 * cut.size },
      }),
    }];
  }
  return [{
    message:
      `the network ${reference.name} uses batch norm, but the last batch of an epoch has only ${
        counted(least, "row")
      }`,
    place: document.place(["train", "lastBatch"]),
    hint: hint("warning/last-batch", "write `lastBatch: merge` in train, or remove `lastBatch`", [
      { set: { "/train/lastBatch": "merge" } },
      { remove: ["/train/lastBatch"] },
    ]),
  }];
}
