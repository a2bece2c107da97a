import { assertEquals } from "@std/assert";
import arrow from "../../../plugins/sources/arrow.ts";
import { expectedOf, readColumns, sourceOf } from "../../support/formats.ts";

// Big-endian files are for endianness_test.ts.
const names = Object.keys(expectedOf).filter((name) =>
  /\.(arrow|arrows|feather)$/.test(name) && name !== "big_endian.arrows"
);

for (const path of names) {
  Deno.test(`arrow reads the same values from ${path} as the library that wrote it`, async () => {
    assertEquals(
      await readColumns(sourceOf(arrow, { path })),
      expectedOf[path] as Record<string, unknown[]>,
    );
  });
}
