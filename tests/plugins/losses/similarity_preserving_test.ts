import similarityPreserving from "../../../plugins/losses/similarity_preserving.ts";
import { checkStage } from "../../../testing.ts";
import { assertNear } from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertDistillation, computeHint, makeHint } from "./support.ts";

Deno.test("similarity-preserving fulfills the contract of a loss", async () => {
  await checkStage(similarityPreserving);
  await checkStage(similarityPreserving, { shapes: [[4, 4, 2], [3]] });
});

forEachEngine(
  "similarity-preserving agrees with PyTorch, for maps of different shapes and for one logit",
  () => assertDistillation(similarityPreserving, 2),
);

forEachEngine(
  "similarity-preserving compares rows of the similarity matrix, normalized to length 1",
  () => {
    // G is [[1, 0], [0, 1]] for the teacher and [[1, 1], [1, 1]] / √2 for the student.
    const { losses } = computeHint(
      makeHint(similarityPreserving, [2], [1]),
      [[2, 0], [0, 3]],
      [[1], [1]],
    );
    const near = (1 - Math.SQRT1_2) ** 2, far = 1 / 2;
    assertNear("loss", losses, [(2 * near + 2 * far) / 4], 1e-5);
  },
);
