import { checkStage } from "@rocket-launching/rocket/testing";
import myMetric from "./my_metric.ts";

Deno.test("my-metric keeps the contract of a metric", async () => {
  await checkStage(myMetric);
});
