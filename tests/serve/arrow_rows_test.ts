import { assertEquals, assertRejects } from "@std/assert";
import { Int32, Table, vectorFromArray } from "apache-arrow";
import { openReceivedArrow } from "../../plugins/sources/arrow.ts";
import { ManyPartsError } from "../../plugins/sources/ipc_index.ts";
import { arrowStreamBytes } from "../../src/base/files/arrow_writer.ts";
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

Deno.test("openReceivedArrow() counts the values that columns share for each of them", async () => {
  const x = vectorFromArray(Array.from({ length: 1000 }, (_, row) => row), new Int32());
  const bytes = arrowStreamBytes(new Table({ x, y: x }));
  const open = (values: number) => openReceivedArrow("the body", bytes, ["x"], { values });
  // Here, each column has bytes of its own, 4000 each.
  assertEquals((await open(bytes.length)).rowCounts, [1000]);
  await assertRejects(() => open(7000), ManyPartsError, "columns that share bytes");
});
