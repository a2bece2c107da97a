import { assertEquals } from "@std/assert";
import { LossMeans } from "../../src/run/loss_means.ts";
import type { Term } from "../../src/train/objective.ts";

const termsOf = (...names: string[]) => names.map((name) => ({ name }) as Term);

const facts = { gradientNorm: 3, learningRate: 0.1 };

Deno.test("an epoch that is resumed with another loss keeps the means over all of its steps", () => {
  const first = new LossMeans(termsOf("a", "b"));
  first.add(Float32Array.of(3, 1, 2), 4, { ...facts, gradientNorm: 1 });
  const resumed = new LossMeans(termsOf("b", "c"), first.sums());
  resumed.add(Float32Array.of(7, 4, 3), 4, facts);
  const expected = {
    // (3 · 4 + 7 · 4) / 8 and (2 · 4 + 4 · 4) / 8.
    ...{ loss: 5, "loss/b": 3, "gradient-norm": 2, "learning-rate": 0.1 },
    "loss/c": { undefined: "the loss was new in the middle of the epoch" },
  };
  assertEquals(resumed.metrics(), expected);
  // Also if the run is resumed once more in the same epoch.
  assertEquals(new LossMeans(termsOf("b", "c"), resumed.sums()).metrics(), expected);
  // The next epoch has all steps of the new loss.
  const next = new LossMeans(termsOf("b", "c"), new LossMeans(termsOf("b", "c")).sums());
  next.add(Float32Array.of(7, 4, 3), 4, facts);
  assertEquals(next.metrics()["loss/c"], 3);
});
