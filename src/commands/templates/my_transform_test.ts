import { checkStage } from "@rocket-launching/rocket/testing";
import myTransform from "./my_transform.ts";

Deno.test("my-transform keeps the contract of a transform", async () => {
  await checkStage(myTransform, { options: { feature: "image" } });
});
