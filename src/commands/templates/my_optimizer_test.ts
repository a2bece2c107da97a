import { checkStage } from "@rocket-launching/rocket/testing";
import myOptimizer from "./my_optimizer.ts";

Deno.test("my-optimizer keeps the contract of an optimizer", async () => {
  await checkStage(myOptimizer);
});
