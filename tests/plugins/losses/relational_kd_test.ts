import { assert } from "@std/assert";
import relationalKd from "../../../plugins/losses/relational_kd.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("relational-kd fulfills the contract of a loss", async () => {
  await checkStage(relationalKd);
  await checkStage(relationalKd, { options: { angle: 0 } });
  await checkStage(relationalKd, { shapes: [[4], [6]] });
});

forEachEngine(
  "relational-kd agrees with PyTorch, also for outputs of different widths and one logit",
  () => assertDistillation(relationalKd, 3, 5e-4),
);

forEachEngine("relational-kd is 0 if all rows are shifted, rotated and scaled together", () => {
  const from = [[0, 0], [3, 4], [-1, 2], [5, -6]];
  const to = from.map(([x, y]) => [7 - 2 * y!, 2 * x! + 1]);
  const { losses, gradients } = computeHint(makeHint(relationalKd, [2]), from, to);
  assertNear("loss", losses.map((loss) => loss + 1), [1], 1e-5);
  assertNear("gradient", gradients[1]!.map((g) => g + 1), Array(8).fill(1), 1e-4);
});

/** The part of the loss with the angles, in float64: the mean over all triples of rows. */
function angleLoss(from: readonly number[][], to: readonly number[][]): number {
  const direction = (a: readonly number[], b: readonly number[]) => {
    const vector = a.map((value, unit) => value - b[unit]!), length = Math.hypot(...vector);
    return vector.map((value) => length > 0 ? value / length : 0);
  };
  const cosine = (x: readonly number[][], i: number, j: number, k: number) => {
    const one = direction(x[j]!, x[i]!), other = direction(x[k]!, x[i]!);
    return one.reduce((sum, value, unit) => sum + value * other[unit]!, 0);
  };
  const rows = [...from.keys()];
  const losses = rows.flatMap((i) =>
    rows.flatMap((j) =>
      rows.map((k) => {
        const distance = Math.abs(cosine(from, i, j, k) - cosine(to, i, j, k));
        return distance < 1 ? distance ** 2 / 2 : distance - 0.5;
      })
    )
  );
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

forEachEngine("relational-kd has a small gradient where rows have equal outputs", () => {
  const values = [[0.3, -1.2], [2.1, 0.4], [-0.7, 0.9], [1.1, 1.3]];
  const rowsOf = (values: number[][]) => [...values, ...values];
  const from = Array.from(
    { length: 8 },
    (_, row) => [Math.sin(3 * row), Math.cos(5 * row), row % 3],
  );
  const hint = makeHint(relationalKd, [3], [2], { distance: 0, angle: 1 });
  const { losses, gradients } = computeHint(hint, from, rowsOf(values));
  const expected = angleLoss(from, rowsOf(values));
  assertNear("loss", losses, losses.map(() => expected), 1e-5);
  // Equal rows that move together stay equal, so the sum of their gradients is a usual derivative.
  const together = values.flatMap((vector, index) =>
    vector.map((_, unit) => {
      const moved = (by: number) =>
        angleLoss(
          from,
          rowsOf(
            values.map((other, at) =>
              other.map((value, on) => at === index && on === unit ? value + by : value)
            ),
          ),
        );
      return (moved(1e-6) - moved(-1e-6)) / 2e-6;
    })
  );
  const own = gradients[1]!;
  assertNear("gradient", together.map((_, at) => own[at]! + own[at + 8]!), together, 1e-4);
  assert(own.every((gradient) => Math.abs(gradient) < 1), own.join());
});

Deno.test("relational-kd refuses maps, and angles between outputs of one unit", () => {
  assertRefuses(() => makeHint(relationalKd, [4, 4, 3]), "[batch, 4, 4, 3]", "compare logits");
  assertRefuses(
    () => makeHint(relationalKd, [1]),
    "cannot compare angles between outputs",
    "set `angle: 0`",
  );
});
