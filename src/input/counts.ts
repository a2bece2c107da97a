import type { Values } from "../stages/batch.ts";
import { Occurrences } from "./occurrences.ts";
import type { Parts, Specs } from "../stages/parts.ts";

/**
 * The number of rows of each class in a split, and whether any row has a weight above 0. Warnings
 * are based on these facts.
 */
export interface RowCounts {
  /** The number of rows of each class; undefined for a label that is a number. */
  readonly classes: readonly number[] | undefined;
  /** Whether any row has a weight above 0; undefined if rows have no weights. */
  readonly weighted: boolean | undefined;
}

/** The labels and weights of some rows. */
export type CountedRows = Pick<Parts<{ readonly values: Values }>, "label" | "weight">;

/**
 * Counts the rows of each class while they are read. The numbers of the classes may still change
 * until all rows have been read.
 */
export class RowCounter {
  readonly #classes: Occurrences | undefined;
  #weighted = false;

  /**
   * Starts counting.
   *
   * @param hasClasses Whether the label's values are classes.
   */
  constructor(hasClasses: boolean) {
    this.#classes = hasClasses ? new Occurrences() : undefined;
  }

  /**
   * Counts rows.
   *
   * @param rows The number of rows.
   * @param columns The labels and weights of the rows.
   * @param dropped 1 for rows that are not counted.
   */
  add(rows: number, { label, weight }: CountedRows, dropped?: Uint8Array): void {
    if (rows === 0) return;
    this.#classes?.add(label.values, rows, dropped);
    for (let row = 0; weight && row < rows && !this.#weighted; row++) {
      this.#weighted = weight.values[row]! > 0 && !dropped?.[row];
    }
  }

  /**
   * Returns the counts.
   *
   * @param specs The specs of label and weight.
   */
  finish({ label, weight }: Pick<Specs, "label" | "weight">): RowCounts {
    const classes = this.#classes;
    return {
      classes: classes && Array.from({ length: label.classes }, (_, id) => classes.of(id)),
      weighted: weight && this.#weighted,
    };
  }
}
