/**
 * Rows of clicks that the tests of metrics measure, and definitions that are slow and plain.
 *
 * @module
 */

import { readMetricsReference } from "../../reference/fixtures.ts";
import { referenceIntegers, referenceUniform } from "../../reference/values.ts";
import type { Rows } from "./support.ts";

/** The rows that `metrics.py` measures, and what it says of them. */
export async function referenceClicks() {
  const { clicks } = await readMetricsReference();
  const { rows, groups } = clicks;
  const logits = [...referenceUniform("metrics/clicks/logit", [rows], -3, 3)];
  const measured = {
    light: logits.map((logit) => [logit]),
    label: [...referenceIntegers("metrics/clicks/label", rows, 2)],
    columns: { user: [...referenceIntegers("metrics/clicks/user", rows, groups)] },
  } satisfies Rows;
  const weight = [...referenceUniform("metrics/clicks/weight", [rows], 0, 2)];
  return { measured, weight, expected: clicks, sizes: [7, 64, 1, rows - 72] };
}

/** The rows of each user, as pairs of score and label. */
export function byUser({ light, label, columns }: Rows): [score: number, label: number][][] {
  const users = columns!.user!;
  return [...new Set(users)].map((user) =>
    users.flatMap((other, row) =>
      other === user ? [[light[row]![0]!, label[row]!] as [number, number]] : []
    )
  );
}

/** The area under the curve by all pairs. */
export function areaByPairs(rows: readonly (readonly [number, number])[]): number {
  let wins = 0, pairs = 0;
  for (const [positive, one] of rows) {
    for (const [negative, other] of rows) {
      if (one !== 1 || other !== 0) continue;
      wins += positive > negative ? 1 : positive === negative ? 0.5 : 0;
      pairs++;
    }
  }
  return wins / pairs;
}
