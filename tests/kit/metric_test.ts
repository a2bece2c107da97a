import {
  type Accumulator,
  defineMetric,
  type Metric,
  type MetricStage,
  UserError,
  z,
} from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function metric(start: () => Accumulator): MetricStage {
  return defineMetric({ ...named, options: z.object({}), create: (): Metric => ({ start }) });
}

function meanLogit(): Accumulator {
  let sum = 0, count = 0;
  return {
    add({ outputs }) {
      for (const value of outputs.logits.values) sum += value;
      count += outputs.logits.values.length;
    },
    value: () => sum / count,
  };
}

Deno.test("checkStage() passes metrics that keep their contract", async () => {
  await checkStage(metric(meanLogit));
  const agreement = defineMetric({
    ...named,
    per: "run",
    needs: "both",
    options: z.object({}),
    create(_options, { label }) {
      if (label.kind !== "number") throw new UserError("only for numbers");
      return {
        start() {
          let same = 0, rows = 0;
          return {
            add({ nets, size }) {
              const [light, booster] = [nets.light!.logits.values, nets.booster!.logits.values];
              light.forEach((value, row) => same += Number(value > 0 === booster[row]! > 0));
              rows += size;
            },
            value: () => ({ "": same / rows, sign: same / rows }),
          };
        },
      };
    },
  });
  await checkStage(agreement);
});

Deno.test("checkStage() finds a metric that averages the means of batches", async () => {
  await assertBroken(
    metric(() => {
      let sum = 0, batches = 0;
      return {
        add({ outputs: { logits } }) {
          const values = Array.from(logits.values);
          sum += values.reduce((a, b) => a + b, 0) / values.length;
          batches++;
        },
        value: () => sum / batches,
      };
    }),
    ["does not depend on how the rows are split into batches", "in four batches"],
  );
});

Deno.test("checkStage() finds a metric of the last batch", async () => {
  await assertBroken(
    metric(() => {
      let last = 0;
      return { add: ({ outputs }) => last = outputs.logits.values.at(-1)!, value: () => last };
    }),
    ["or on their order", "the last one first"],
  );
});

Deno.test("checkStage() finds accumulators that share their state", async () => {
  const one = meanLogit();
  let largest = -Infinity;
  await assertBroken(
    metric(() => one).kind === "metric"
      ? metric(() => ({
        add: ({ losses }) => largest = Math.max(largest, ...Object.values(losses)),
        value: () => largest,
      }))
      : metric(() => one),
    ["depend"],
  );
  let rows = 0;
  await assertBroken(metric(() => ({ add: ({ size }) => rows += size, value: () => rows })), [
    "has accumulators that are independent of each other",
  ]);
});

Deno.test("checkStage() finds a metric whose value can be read only once", async () => {
  await assertBroken(
    metric(() => {
      let rows = 0;
      return {
        add: ({ size }) => rows += size,
        value() {
          const value = rows;
          rows = 0;
          return value;
        },
      };
    }),
    ["gives the same value when asked twice"],
  );
});

Deno.test("checkStage() finds a metric that is not a finite number", async () => {
  await assertBroken(metric(() => ({ add() {}, value: () => NaN })), ["is finite", "NaN"]);
  await assertBroken(metric(() => ({ add() {}, value: () => ({}) })), ["it returned no number"]);
  await assertBroken(metric(() => ({ add() {}, value: () => "1" as unknown as number })), [
    "returns a number, or several numbers by name",
  ]);
});

Deno.test("checkStage() finds a metric that sorts its input arrays", async () => {
  await assertBroken(
    metric(() => {
      let least = Infinity;
      return {
        add: ({ outputs }) => least = Math.min(least, outputs.logits.values.sort()[0]!),
        value: () => least,
      };
    }),
    ["does not change its inputs"],
  );
});

Deno.test("checkStage() finds a metric that needs a booster without declaring it", async () => {
  await assertBroken(
    metric(() => {
      let rows = 0;
      return {
        add: ({ nets }) => rows += nets.booster!.logits.values.length,
        value: () => rows,
      };
    }),
    ["does not throw", "with light, measuring light"],
  );
});
