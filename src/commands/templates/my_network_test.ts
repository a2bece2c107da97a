import { checkStage } from "@rocket-launching/rocket/testing";
import myNetwork from "./my_network.ts";

Deno.test("my-network keeps the contract of a network", async () => {
  await checkStage(myNetwork);
});
