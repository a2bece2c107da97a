import type { Values } from "../stages/batch.ts";
import { Occurrences } from "./occurrences.ts";
import type { Parts, Specs } from "../stages/parts.ts";

/** What was counted of the rows of a split, for warnings. */
export interface RowCounts {
  /** How many rows each class has; undefined for a label that is a number. */
  readonly classes: readonly number[] | undefined;
  /** Whether any row has a weight above 0; undefined where rows have no weights. */
  readonly weighted: boolean | undefined;
}

/** The values of some rows. */
export type CountedRows = Pick<Parts<{ readonly values: Values }>, "label" | "weight">;

/** Counts rows as they are read. Classes need not be final: they may be in any order. */
export class RowCounter {
  readonly #classes: Occurrences | undefined;
  #weighted = false;

  /**
   * Prepares counts.
   *
   * @param hasClasses Whether the label's values are classes.
   */
  constructor(hasClasses: boolean) {
    this.#classes = hasClasses ? new Occurrences() : undefined;
  }

  /**
   * Counts rows.
   *
   * @param rows How many.
   * @param columns Their values.
   * @param dropped 1 for rows that do not count.
   */
  add(rows: number, { label, weight }: CountedRows, dropped?: Uint8Array): void {
    if (rows === 0) return;
    this.#classes?.add(label.values, rows, dropped);
    for (let row = 0; weight && row < rows && !this.#weighted; row++) {
      this.#weighted = weight.values[row]! > 0 && !dropped?.[row];
    }
  }

  /**
   * Says what was counted.
   *
   * @param specs What the columns are.
   */
  finish({ label, weight }: Pick<Specs, "label" | "weight">): RowCounts {
    const classes = this.#classes;
    return {
      classes: classes && Array.from({ length: label.classes }, (_, id) => classes.of(id)),
      weighted: weight && this.#weighted,
    };
  }
}
