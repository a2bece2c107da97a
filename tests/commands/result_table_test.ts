import { assert, assertEquals } from "@std/assert";
import { resultTable } from "../../src/commands/result_table.ts";
import type { Result } from "../../src/stages/events.ts";
import { resultOf } from "../support/results.ts";

/** A net's accuracy after the last epoch and after the best one, as parts of a result. */
function accuracies(last: number, atBest?: number) {
  const test = (value?: number) => ({ light: value === undefined ? {} : { accuracy: value } });
  const best = { epoch: 1, split: "validation", metric: "light/accuracy", value: 1 };
  return { test: test(last), best: { ...best, test: test(atBest) } };
}

function gainIn(result: Record<string, unknown>): string | undefined {
  const lines = resultTable(
    resultOf({
      parameters: { light: 1, booster: 2 },
      better: { accuracy: "higher" },
      ...result,
    }) as unknown as Result,
  );
  const text = lines.join(" ");
  return /gain of the light net .*? \(one seed\)/.exec(text)?.[0];
}

Deno.test("the gain of the light net is that after the last epoch and that after the best ones", () => {
  const alone = { ...resultOf({ parameters: { light: 1 } }), ...accuracies(0.8, 0.9) };
  const line = (gains: string) =>
    `gain of the light net from the booster: accuracy ${gains} (one seed)`;
  assertEquals(
    gainIn({ ...accuracies(0.85, 0.91), baseline: alone }),
    line("+0.0500 better, at best +0.0100 better"),
  );
  // A run without weights "at best" has only the first one.
  assertEquals(gainIn({ ...accuracies(0.75), baseline: alone }), line("−0.0500 worse"));
  assert(gainIn(accuracies(0.85, 0.91)) === undefined, "without the light net alone");
});
