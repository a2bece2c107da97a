import { assertEquals } from "@std/assert";
import { fuzz } from "./fuzz.ts";

for (const  of of["pipelines", "data"] as const) {
  Deno.test(`${of} that were changed at random are accepted or refused with a user error`, async () => {
    assertEquals(await fuzz({ of, seed: 1, cases: 60, seconds: 600 }), { cases: 60, failures: [] });
  });
}
