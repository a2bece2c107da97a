import { assert, assertEquals } from "@std/assert";
import { SavedModelBuilder } from "../../../src/model/saved_model/builder.ts";

Deno.test("SavedModelBuilder encodes 150,000 operations, twice to the same bytes", () => {
  const builder = new SavedModelBuilder();
  for (let index = 0; index < 150_000; index++) builder.op("NoOp", []);
  const first = builder.finish().graph, second = builder.finish().graph;
  assert(first.length > 150_000 * 4);
  // Comparing byte by byte with assertEquals() takes seconds.
  assertEquals(first.length, second.length);
  assert(first.every((byte, at) => byte === second[at]));
});
