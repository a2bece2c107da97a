import { assertEquals } from "@std/assert";
import hiddenSimilarity from "../../../plugins/losses/hidden_similarity.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertRefuses } from "../../support/refusals.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("hidden-similarity fulfills the contract of a loss", async () => {
  await checkStage(hiddenSimilarity);
  await checkStage(hiddenSimilarity, { options: { measure: "euclid" } });
});

forEachEngine(
  "hidden-similarity agrees with PyTorch for the cosine and the distance",
  () => assertDistillation(hiddenSimilarity, 2),
);

forEachEngine(
  "hidden-similarity is the negative cosine for each row, or the distance over the batch",
  () => {
    const from = [[3, 4], [1, 0]], to = [[4, 3], [0, 2]];
    const cosine = computeHint(makeHint(hiddenSimilarity, [2]), from, to);
    assertNear("cosine", cosine.losses.map((loss) => loss + 1), [1 - 24 / 25, 1], 1e-5);
    const euclid = makeHint(hiddenSimilarity, [2], [2], { measure: "euclid" });
    assertNear("euclid", computeHint(euclid, from, to).losses, [Math.sqrt(7)], 1e-5);
    const zero = computeHint(euclid, from, from);
    assertEquals(zero.gradients.flat(), Array(8).fill(0));
  },
);

Deno.test("hidden-similarity refuses layers of different widths and suggests fitnet", () => {
  assertRefuses(
    () => makeHint(hiddenSimilarity, [4], [3]),
    "got [batch, 4] and [batch, 3]",
    "use fitnet, which learns a regressor",
  );
});
