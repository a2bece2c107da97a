import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { LabelSpec } from "../../stages/batch.ts";
import type { LabelPart } from "../../stages/labels.ts";
import type { NetName } from "../../stages/network.ts";
import { batchOfLabel } from "../../train/label_outputs.ts";
import { type ConfusionCell, NetConfusions } from "./confusion.ts";
import { Reliability, type ReliabilityBin } from "./reliability.ts";

/** How the predictions of a label differ from its values. */
export interface LabelErrors {
  /** The confusion matrix of each net; undefined unless each row has one class. */
  readonly confusion: Readonly<Partial<Record<NetName, readonly ConfusionCell[]>>> | undefined;
  /** The predicted and observed probabilities of each net; undefined if the label is not binary. */
  readonly reliability:
    | Readonly<Partial<Record<NetName, readonly ReliabilityBin[]>>>
    | undefined;
}

/** The maximum number of bins of probabilities. */
const BINS = 10;

/** Compares the predictions of a label with its values. */
export class LabelComparison {
  readonly #part: LabelPart | undefined;
  readonly #confusion: NetConfusions | undefined;
  readonly #reliability: Reliability | undefined;

  /**
   * Starts with no rows.
   *
   * @param nets The nets.
   * @param label The label.
   * @param part The label among several; undefined for a single label.
   */
  constructor(
    nets: readonly NetName[],
    { kind, classes }: LabelSpec,
    part: LabelPart | undefined,
  ) {
    this.#part = part;
    if (kind === "class" || kind === "binary") this.#confusion = new NetConfusions(nets, classes);
    if (kind === "binary") this.#reliability = new Reliability(nets);
  }

  /**
   * Adds rows. Rows whose label a null masks are left out.
   *
   * @param batch The rows and the nets' logits.
   */
  add(batch: EvaluatedBatch): void {
    if (!this.#confusion) return;
    const own = this.#part ? batchOfLabel(batch, this.#part) : batch;
    this.#confusion.add(own);
    this.#reliability?.add(own);
  }

  /** Returns the result for the rows so far. */
  errors(): LabelErrors {
    return {
      confusion: this.#confusion?.cells(),
      reliability: this.#reliability?.bins(BINS),
    };
  }
}
