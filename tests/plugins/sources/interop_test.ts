import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../../plugin.ts";
import { exactColumns, interopFiles, interopSource } from "../../support/interop.ts";

for (const entry of interopFiles) {
  const { file, columns, refused, refusedColumns } = entry;
  const source = interopSource(entry);
  if (refused !== undefined) {
    Deno.test(`${file} is refused with a hint`, async () => {
      const error = await assertRejects(() => exactColumns(source), UserError, refused);
      assertStringIncludes(error.message, file);
      assert(error.problems[0]!.hint);
    });
    continue;
  }
  Deno.test(`${file} is read with the same values as by the library that wrote it`, async () => {
    const names = Object.keys(columns);
    assertEquals(await exactColumns(source, { columns: names }), columns as never);
    // And some of the columns, by themselves.
    const some = names.filter((_, index) => index % 3 === 1);
    assertEquals(
      await exactColumns(source, { columns: some }),
      Object.fromEntries(some.map((name) => [name, columns[name]])) as never,
    );
  });
  for (const [name, words] of Object.entries(refusedColumns)) {
    Deno.test(`${file}: the column ${name} is refused with a hint if it is read`, async () => {
      for (const request of [{ columns: [name] }, undefined]) {
        const error = await assertRejects(() => exactColumns(source, request), UserError);
        assertStringIncludes(error.message, file);
        assert(error.problems[0]!.hint);
        if (request) assertStringIncludes(error.message, words);
        if (request) assertStringIncludes(error.message, `the column ${name}`);
      }
    });
  }
}
