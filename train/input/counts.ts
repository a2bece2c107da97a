import type { Parts, Specs } from "./parts.ts";

/** What was counted of the rows of a split, for warnings. */
export interface RowCounts {
  /** How many rows each class has; undefined for a label that is a number. */
  readonly classes: readonly number[] | undefined;
  /** Whether any row has a weight above 0; undefined where rows have no weights. */
  readonly weighted: boolean | undefined;
}

/** The values of some rows; `dropped` marks those that do not count. */
export type CountedRows = Parts<{
  readonly values: ArrayLike<number>;
  readonly dropped?: Uint8Array | undefined;
}>;

/** Counts rows as they are read. Classes need not be final: they may be in any order. */
export class RowCounter {
  readonly #hasClasses: boolean;
  #classes = new Float64Array(16);
  #weighted = false;

  /**
   * Prepares counts.
   *
   * @param hasClasses Whether the label's values are classes.
   */
  constructor(hasClasses: boolean) {
    this.#hasClasses = hasClasses;
  }

  /**
   * Counts rows.
   *
   * @param rows How many.
   * @param columns Their values.
   */
  add(rows: number, { features, label, weight, columns = {} }: CountedRows): void {
    const masks = [...Object.values(features), label, weight, ...Object.values(columns)]
      .flatMap((column) => column?.dropped ?? []);
    for (let row = 0; row < rows; row++) {
      if (masks.some((dropped) => dropped[row])) continue;
      if (this.#hasClasses) this.#count(label.values[row]!);
      if (weight && weight.values[row]! > 0) this.#weighted = true;
    }
  }

  /**
   * Says what was counted.
   *
   * @param specs What the columns are.
   */
  finish({ label, weight }: Pick<Specs, "label" | "weight">): RowCounts {
    return {
      classes: this.#hasClasses
        ? Array.from({ length: label.classes }, (_, id) => this.#classes[id] ?? 0)
        : undefined,
      weighted: weight && this.#weighted,
    };
  }

  #count(id: number): void {
    if (id >= this.#classes.length) {
      const longer = new Float64Array(2 * id);
      longer.set(this.#classes);
      this.#classes = longer;
    }
    this.#classes[id]!++;
  }
}
