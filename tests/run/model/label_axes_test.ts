import { assertEquals, assertThrows } from "@std/assert";
import { matchAxis, Mismatch } from "../../../src/run/model/axes.ts";
import type { LabelSpec } from "../../../src/stages/batch.ts";
import { severalLabels, unitsOf } from "../../../src/stages/labels.ts";

const binary: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };
const kind = (...vocabulary: string[]): LabelSpec => ({
  ...{ kind: "class", classes: vocabulary.length, shape: [], dtype: "int32", vocabulary },
});

const axisOf = (labels: Record<string, LabelSpec>) => {
  const label = severalLabels(labels);
  return {
    axis: "classes" as const,
    size: unitsOf(label),
    meaning: { features: [], inputs: [], label },
  };
};

Deno.test("matchAxis() matches the logits of several labels by label and class", () => {
  const before = axisOf({ click: binary, kind: kind("a", "b", "c"), gone: binary });
  const now = axisOf({ kind: kind("c", "new", "a"), buy: binary, click: binary });
  const { from } = matchAxis(now, before);
  assertEquals([...from!], [3, -1, 1, -1, 0]);
});

Deno.test("matchAxis() refuses the logit of a label whose classes have another order", () => {
  const named = (...vocabulary: string[]) => axisOf({ click: { ...binary, vocabulary } });
  const error = assertThrows(
    () => matchAxis(named("no", "yes"), named("yes", "no")),
    Mismatch,
    "its logit is for binary of click, yes before no there",
  );
  assertEquals(
    error.hint?.includes("click: { column, classes: [yes, no] }"),
    true,
    String(error.hint),
  );
});
