import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import attentionTransfer from "../../../plugins/losses/attention_transfer.ts";
import dist from "../../../plugins/losses/dist.ts";
import hiddenSimilarity from "../../../plugins/losses/hidden_similarity.ts";
import kl from "../../../plugins/losses/kl.ts";
import logitStandardization from "../../../plugins/losses/logit_standardization.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import relationalKd from "../../../plugins/losses/relational_kd.ts";
import similarityPreserving from "../../../plugins/losses/similarity_preserving.ts";
import { forEachEngine } from "../../support/engines.ts";
import { compute, computeHint, makeHint } from "./support.ts";

const from = [[1, 2, -1], [0.5, 0, 3], [2, 1, 1], [1, -2, 0.3], [0, 1, 4], [3, 3, 1]];

/** A net whose hidden units are all 0 for some rows has outputs like these. */
const equal = [[0, 0, 0], [0.7, 0.7, 0.7], [1, 0.2, 0.4], [0, 0, 0], [1, 0.2, 0.4], [1, 2, 3]];

/** Values that are equal except for rounding, as those of a softmax are. */
const nearlyEqual = equal.map((row) => row.map((value, unit) => value * (1 + 1e-7 * unit)));

const cases = [
  ["dist", makeHint(dist, [3])],
  ["hidden-similarity", makeHint(hiddenSimilarity, [3])],
  ["kl", makeHint(kl, [3])],
  ["logit-standardization", makeHint(logitStandardization, [3])],
  ["mse-hint", makeHint(mseHint, [3])],
  ["relational-kd", makeHint(relationalKd, [3])],
  ["similarity-preserving", makeHint(similarityPreserving, [3])],
] as const;

forEachEngine(
  "hints have small gradients for rows of zeros, equal rows, and rows of equal values",
  () => {
    for (const [name, hint] of cases) {
      for (const to of [equal, nearlyEqual, equal.map(() => [0, 0, 0])]) {
        const { losses, gradients } = computeHint(hint, from, to);
        assert(losses.every(Number.isFinite), name);
        const largest = Math.max(...gradients[1]!.map(Math.abs));
        assert(largest < 5, `${name}: ${largest}`);
      }
    }
    const maps = makeHint(attentionTransfer, [2, 2, 3]);
    const { gradients } = compute(maps, tf.ones([6, 2, 2, 3]), tf.zeros([6, 2, 2, 3]));
    assertEquals(Math.max(...gradients[1]!.map(Math.abs)), 0);
  },
);

forEachEngine("dist and logit-standardization leave rows of equal logits as they are", () => {
  for (
    const hint of [makeHint(dist, [3], [3], { gamma: 0 }), makeHint(logitStandardization, [3])]
  ) {
    const gradients = computeHint(hint, from, equal).gradients[1]!;
    assertEquals(gradients.slice(0, 6).map(Math.abs), Array(6).fill(0));
    assert(gradients.slice(6, 9).every((gradient) => gradient !== 0));
  }
});
