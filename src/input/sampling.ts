import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { nearest } from "../base/nearest.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { counted } from "../base/text_table.ts";
import type { Plan } from "../pipeline/plan.ts";
import { labelPart, labelValue } from "../stages/labels.ts";
import type { RowWeights } from "../stages/row_weights.ts";
import { labelBatches } from "./label_statistics.ts";
import type { Rows } from "./rows.ts";

/** The training rows that `data.sampling` keeps. */
export interface SampledRows {
  /** The numbers of the rows, ascending. */
  readonly rows: Uint32Array;
  /**
   * How many rows a kept row of each class stands for: the rows of the class divided by those that
   * are kept. 1 for a class without kept rows.
   */
  readonly weights: RowWeights;
}

/**
 * Chooses the training rows that `data.sampling` keeps. Whether a row is kept depends on the seed,
 * its class, and its position only, so streamed rows and rows in memory give the same choice.
 *
 * @param plan The plan.
 * @param rows All training rows.
 * @returns The rows to keep; undefined if the plan has no sampling.
 * @throws {UserError} If the label has no classes, or not the one that the plan names.
 */
export async function sampledRows(
  { sampling, seed, document }: Plan,
  rows: Rows,
): Promise<SampledRows | undefined> {
  if (!sampling) return undefined;
  const part = labelPart(rows.label, sampling.label);
  const { kind, classes, vocabulary } = part?.spec ?? rows.label;
  if (kind === "number" || kind === "multi-label") {
    const what = kind === "number" ? "the label is a number" : "a row has several classes";
    throw new UserError(`data.sampling keeps rows by their class, but ${what}`, {
      place: document.place(["data", "sampling"]),
      hint: hint("sampling/number", "remove `sampling`; to train on fewer rows, use `data.rows`", {
        remove: ["."],
      }),
      exitCode: 2,
    });
  }
  const names = Array.from({ length: classes }, (_, index) => vocabulary?.[index] ?? `${index}`);
  for (const [name, fraction] of Object.entries(sampling.keep)) {
    if (names.includes(name)) continue;
    const known = nearest(name, names) ?? names[0]!;
    throw new UserError(`data.sampling names ${JSON.stringify(name)}, which is not a class`, {
      place: document.keyPlace(["data", "sampling", "keep", name]),
      hint: hint("sampling/class", `use a value of the label's column, such as ${known}`, {
        set: { "/data/sampling/keep": { [known]: fraction } },
      }),
      exitCode: 2,
    });
  }
  const fractions = names.map((name) =>
    Object.hasOwn(sampling.keep, name) ? sampling.keep[name]! : 1
  );
  const random = createRandom(deriveSeed(seed, "sampling"));
  const kept = new Uint32Array(rows.rows),
    all = new Float64Array(classes),
    own = new Float64Array(classes);
  let row = 0, count = 0;
  for await (const { size, label } of labelBatches(rows)) {
    for (let index = 0; index < size; index++, row++) {
      const value = labelValue(label, index, part);
      const isKept = random.uniform() < (fractions[value] ?? 1);
      if (isKept) kept[count++] = row;
      // A row without the label is kept.
      if (Number.isNaN(value)) continue;
      all[value]!++;
      if (isKept) own[value]!++;
    }
  }
  const none = names.findIndex((_, index) => all[index]! > 0 && own[index] === 0);
  if (none >= 0) {
    const name = names[none]!;
    throw new UserError(
      `data.sampling keeps none of the ${counted(all[none]!, "training row")} of the class ${name}`,
      {
        place: document.keyPlace(["data", "sampling", "keep", name]),
        hint: hint("sampling/none", "write a larger fraction; 1 keeps all of these rows", {
          set: { ".": 1 },
        }),
        exitCode: 2,
      },
    );
  }
  const factors = names.map((_, index) => own[index]! > 0 ? all[index]! / own[index]! : 1);
  return { rows: kept.slice(0, count), weights: { label: part, factors } };
}
