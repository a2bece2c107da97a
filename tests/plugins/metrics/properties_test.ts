import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { LabelSpec } from "../../../src/stages/batch.ts";
import type { MetricStage } from "../../../src/stages/metric.ts";
import accuracy from "../../../plugins/metrics/accuracy.ts";
import agreement from "../../../plugins/metrics/agreement.ts";
import confusion from "../../../plugins/metrics/confusion.ts";
import f1 from "../../../plugins/metrics/f1.ts";
import prAuc from "../../../plugins/metrics/pr_auc.ts";
import auc from "../../../plugins/metrics/auc.ts";
import topK from "../../../plugins/metrics/top_k.ts";
import { measure, type Rows } from "./support.ts";

const CLASSES = 4;
const classes: LabelSpec = { kind: "class", classes: CLASSES, shape: [], dtype: "int32" };
const binary: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };

/** Few values, so that there are ties; all exact in float32. */
const logit = fc.integer({ min: -3, max: 3 }).map((value) => value / 2);
const logitsOf = (units: number) => fc.array(logit, { minLength: units, maxLength: units });

const rowsWith = (units: number, labels: number): fc.Arbitrary<Rows> =>
  fc.array(fc.tuple(logitsOf(units), logitsOf(units), fc.integer({ min: 0, max: labels - 1 })), {
    minLength: 1,
    maxLength: 40,
  }).map((rows) => ({
    light: rows.map(([light]) => light),
    booster: rows.map(([, booster]) => booster),
    label: rows.map(([, , label]) => label),
  }));
const classRows = rowsWith(CLASSES, CLASSES), binaryRows = rowsWith(1, 2);

/** The rows in another order. */
function reordered({ light, booster, label }: Rows, order: readonly number[]): Rows {
  const by = <T>(list: readonly T[]) => order.map((row) => list[row]!);
  return { light: by(light), booster: by(booster!), label: by(label) };
}

Deno.test("auc is the fraction of pairs in the right order for random scores, where ties count half", () => {
  fc.assert(fc.property(binaryRows, (rows) => {
    let won = 0, pairs = 0;
    rows.label.forEach((positive, i) =>
      rows.label.forEach((negative, j) => {
        if (positive !== 1 || negative !== 0) return;
        const [a] = rows.light[i]!, [b] = rows.light[j]!;
        pairs++;
        won += a! > b! ? 1 : a === b ? 0.5 : 0;
      })
    );
    const value = measure(auc, binary, rows);
    if (typeof value !== "number") assertEquals([pairs, value], [0, { undefined: "one class" }]);
    else assert(Math.abs(value - won / pairs) < 1e-12, `${value} is not ${won / pairs}`);
  }));
});

Deno.test("top-k is the fraction of rows whose class is among the first k of a stable sort", () => {
  fc.assert(fc.property(classRows, fc.integer({ min: 1, max: CLASSES - 1 }), (rows, k) => {
    const right = rows.light.filter((logits, row) =>
      [...logits.keys()].sort((a, b) =>
        logits[b]! - logits[a]! || a - b
      )
        .slice(0, k).includes(rows.label[row]!)
    ).length;
    assertEquals(measure(topK, classes, rows, { options: { k } }), right / rows.label.length);
  }));
});

Deno.test("accuracy is the fraction of rows whose first greatest logit is that of the label", () => {
  fc.assert(fc.property(classRows, (rows) => {
    const right = rows.light.filter((logits, row) =>
      logits.indexOf(Math.max(...logits)) === rows.label[row]
    ).length;
    assertEquals(measure(accuracy, classes, rows), right / rows.label.length);
    assertEquals(measure(topK, classes, rows, { options: { k: 1 } }), right / rows.label.length);
  }));
});

Deno.test("agreement does not depend on the order of the nets, and is 1 for equal nets", () => {
  fc.assert(fc.property(classRows, (rows) => {
    const turned = { ...rows, light: rows.booster!, booster: rows.light };
    assertEquals(measure(agreement, classes, rows), measure(agreement, classes, turned));
    assertEquals(measure(agreement, classes, { ...rows, booster: rows.light }), 1);
  }));
});

const metrics: Readonly<Record<string, [MetricStage, LabelSpec, fc.Arbitrary<Rows>, unknown]>> = {
  accuracy: [accuracy, classes, classRows, {}],
  agreement: [agreement, classes, classRows, {}],
  auc: [auc, binary, binaryRows, {}],
  confusion: [confusion, classes, classRows, {}],
  f1: [f1, classes, classRows, {}],
  "pr-auc": [prAuc, binary, binaryRows, {}],
  "top-k": [topK, classes, classRows, { k: 2 }],
};
for (const [name, [stage, label, rows, options]] of Object.entries(metrics)) {
  Deno.test(`${name} depends neither on the order of rows nor on their division into batches`, () => {
    fc.assert(fc.property(rows, fc.infiniteStream(fc.nat()), (rows, numbers) => {
      const next = () => numbers.next().value as number;
      const count = rows.label.length, sizes: number[] = [];
      for (let left = count; left > 0; left -= sizes.at(-1)!) sizes.push(1 + next() % left);
      const order = [...rows.label.keys()].map((row) => [next(), row] as const)
        .sort(([a], [b]) => a - b).map(([, row]) => row);
      const whole = measure(stage, label, rows, { options });
      assertEquals(measure(stage, label, rows, { options, sizes }), whole);
      assertEquals(measure(stage, label, reordered(rows, order), { options }), whole);
    }));
  });
}
