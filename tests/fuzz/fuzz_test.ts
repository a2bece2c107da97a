import { assertEquals } from "@std/assert";
import { fuzz } from "./fuzz.ts";

for (const files of ["pipelines", "data"] as const) {
  Deno.test(`${files} that were changed at random are accepted or refused with a user error`, async () => {
    assertEquals(await fuzz({ of: files, seed: 1, cases: 60, seconds: 600 }), {
      cases: 60,
      failures: [],
    });
  });
}
