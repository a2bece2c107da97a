import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { digitsPipeline } from "../support/pipelines.ts";

Deno.test("a label of a loss or a metric that is not a text is refused with its place", async () => {
  const data = {
    ...digitsPipeline().data as object,
    label: undefined,
    labels: { click: { column: "y" }, sale: { column: "z" } },
  };
  const loss = { use: "binary-cross-entropy", on: "light" };
  for (const label of [5, null, true, ["click"], {}, { toLowerCase: 1 }]) {
    for (
      const [path, parts] of [
        ["losses[1].label", { losses: [{ ...loss, label: "click" }, { ...loss, label }] }],
        ["metrics[0].label", { losses: [loss], metrics: [{ use: "auc", label }] }],
      ] as const
    ) {
      const pipeline = digitsPipeline({ data, ...parts }) as unknown as Pipeline;
      const error = await assertRejects(() => readPlan(pipeline), UserError);
      const found = error.problems.filter(({ message }) => message.includes("label"));
      assertEquals(found.length > 0, true, `${path} ${JSON.stringify(label)}: ${error.message}`);
      assertEquals(error.problems.every(({ place }) => place !== undefined), true, path);
    }
  }
});
