import { checkStage } from "@rocket-launching/rocket/testing";
import mySource from "./my_source.ts";

Deno.test("my-source keeps the contract of a source", async () => {
  await checkStage(mySource, { options: { rows: 100 } });
});
