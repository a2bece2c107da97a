import { checkStage } from "@rocket-launching/rocket/testing";
import myGradient from "./my_gradient.ts";

Deno.test("my-gradient keeps the contract of a gradient", async () => {
  await checkStage(myGradient);
});
