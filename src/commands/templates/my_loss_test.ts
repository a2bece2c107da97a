import { checkStage } from "@rocket-launching/rocket/testing";
import myLoss from "./my_loss.ts";

Deno.test("my-loss keeps the contract of a loss", async () => {
  await checkStage(myLoss);
});
