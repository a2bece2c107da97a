import { checkStage } from "@rocket-launching/rocket/testing";
import myOutput from "./my_output.ts";

Deno.test("my-output keeps the contract of an output", async () => {
  await checkStage(myOutput);
});
