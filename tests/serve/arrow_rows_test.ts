import { assertEquals, assertRejects } from "@std/assert";
import { openArrowRows } from "../../src/serve/arrow_rows.ts";
import { HttpError } from "../../src/serve/http_error.ts";
import { defaultLimits } from "../../src/serve/limits.ts";

Deno.test("openArrowRows counts string views with the size of their values", async () => {
  const fixture = new URL("../fixtures/arrow/types.arrows", import.meta.url);
  const bytes = await Deno.readFile(fixture);
  const rowsOf = async (bodyBytes: number) => {
    const limits = { ...defaultLimits, bodyBytes };
    const { recordBatches } = await openArrowRows(bytes, [], limits, () => Promise.resolve());
    return (await Array.fromAsync(recordBatches())).map(({ numRows }) => numRows);
  };
  // pear, a string of more than twelve bytes, an empty text, pear, and Ünï in UTF-8.
  assertEquals(await rowsOf(4 + 34 + 0 + 4 + 5), [3, 2]);
  await assertRejects(() => rowsOf(46), HttpError, "string views");
});
