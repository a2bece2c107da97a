import { DataType, type RecordBatch } from "apache-arrow";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Metrics } from "../../stages/events.ts";
import type { EvaluatedBatch } from "../../stages/metric.ts";
import type { NetName } from "../../stages/network.ts";
import { Measures, type PlannedMetric, UnknownLosses } from "../../train/evaluate.ts";
import { cellTexts } from "../../base/cell_text.ts";
import { pickRows } from "../../train/pick_rows.ts";

/** The metrics of one group of rows. All rows of a group have the same value in a column. */
export interface GroupMetrics {
  /** The value as text; null for rows in which the column is null. */
  readonly value: string | null;
  /** The number of rows with this value. */
  readonly rows: number;
  /** The metrics of these rows by key, such as `light/accuracy`. */
  readonly metrics: Metrics;
}

/** The maximum number of groups. A column with more values identifies rows rather than groups. */
const MAX_GROUPS = 10_000;

/** Assigns the rows of a source to groups by the values of a column. It takes 4 bytes per row. */
export class RowGroups {
  readonly #numbers = new Map<string | null, number>();
  readonly #column: string;
  #groups = new Int32Array(1024);
  #rows = 0;

  /**
   * Starts with no rows.
   *
   * @param column The column whose values are the groups.
   */
  constructor(column: string) {
    this.#column = column;
  }

  /** The value of each group, by the index of the group. */
  get values(): (string | null)[] {
    return [...this.#numbers.keys()];
  }

  /**
   * Adds rows of the source, in order.
   *
   * @param batch The rows.
   * @throws {UserError} If the column holds lists, or has too many values.
   */
  add(batch: RecordBatch): void {
    const vector = batch.getChild(this.#column)!;
    if (vector.type.children?.length > 0 && !DataType.isDictionary(vector.type)) {
      throw new UserError(
        `the column ${this.#column} has the type ${vector.type}, whose values cannot define groups`,
        {
          hint: hint(
            "evaluate/by-type",
            "choose a column of single values, such as texts or numbers, for --by",
            {
              edit: "the command",
            },
          ),
          exitCode: 2,
        },
      );
    }
    const enough = this.#rows + batch.numRows;
    if (enough > this.#groups.length) {
      const larger = new Int32Array(Math.max(enough, 2 * this.#groups.length));
      larger.set(this.#groups);
      this.#groups = larger;
    }
    const text = cellTexts(vector.data[0]!);
    for (let row = 0; row < batch.numRows; row++) {
      this.#groups[this.#rows++] = this.#numberOf(text(row));
    }
  }

  /** Returns the index of a row's group. */
  of(row: number): number {
    return this.#groups[row]!;
  }

  #numberOf(value: string | null): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    if (number >= MAX_GROUPS) {
      throw new UserError(
        `the column ${this.#column} has more than ${
          MAX_GROUPS.toLocaleString("en")
        } different values, so it would define too many groups`,
        {
          hint: hint("evaluate/by-many", "choose a column with fewer different values for --by", {
            edit: "the command",
          }),
          exitCode: 2,
        },
      );
    }
    this.#numbers.set(value, number);
    return number;
  }
}

/** Accumulates the metrics of each group. */
export class GroupedMeasures {
  readonly #nets: readonly NetName[];
  readonly #metrics: readonly PlannedMetric[];
  readonly #groups: RowGroups;
  readonly #found = new Map<number, { readonly measures: Measures; rows: number }>();

  /**
   * Starts with no rows.
   *
   * @param nets The nets.
   * @param metrics The metrics.
   * @param groups The groups of rows.
   */
  constructor(
    nets: readonly NetName[],
    metrics: readonly PlannedMetric[],
    groups: RowGroups,
  ) {
    this.#nets = nets;
    this.#metrics = metrics;
    this.#groups = groups;
  }

  /**
   * Adds rows.
   *
   * @param evaluated The rows, and the outputs of the nets for them.
   * @param numbers The indices of the rows in the source.
   */
  add(evaluated: EvaluatedBatch, numbers: readonly number[]): void {
    const byGroup = Map.groupBy(
      numbers.keys(),
      (row) => this.#groups.of(numbers[row]!),
    );
    for (const [group, rows] of byGroup) {
      let found = this.#found.get(group);
      if (!found) {
        found = { measures: new Measures(this.#nets, this.#metrics), rows: 0 };
        this.#found.set(group, found);
      }
      found.rows += rows.length;
      const places = rows.map((row) => [0, row] as const);
      // Losses are only known for all rows together.
      found.measures.add(pickRows([evaluated], places, () => {
        throw new UnknownLosses("not known by group");
      }));
    }
  }

  /** Returns the metrics of each group, the largest groups first. */
  values(): GroupMetrics[] {
    const { values } = this.#groups;
    return [...this.#found]
      .sort(([a, { rows: more }], [b, { rows }]) => rows - more || a - b)
      .map(([group, { measures, rows }]) => ({
        value: values[group]!,
        rows,
        metrics: measures.values(),
      }));
  }
}
