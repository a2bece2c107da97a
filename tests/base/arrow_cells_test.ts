import { assertEquals } from "@std/assert";
import {
  DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Int32,
  LargeUtf8,
  List,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { cellReader } from "../../src/base/arrow_cells.ts";

const texts = ["\ufeffcat", "cat", null, "\ufeff", "é\ufeff"];

Deno.test("cellReader keeps U+FEFF at the start of texts, also in dictionaries and lists", () => {
  const read = (values: readonly unknown[], type: DataType) => {
    const [data] = vectorFromArray(values as never[], type).data;
    const cell = cellReader(data!);
    return Array.from({ length: data!.length }, (_, row) => cell(row));
  };
  assertEquals(read(texts, new Utf8()), texts);
  assertEquals(read(texts, new LargeUtf8()), texts);
  assertEquals(read(texts, new Dictionary(new Utf8(), new Int32())), texts);
  const item = new Field("item", new Utf8(), true);
  const lists = [texts, null, [], ["\ufeffa"]];
  assertEquals(read(lists, new List(item)), lists);
  const pairs = [["\ufeffa", "a"], null, [null, "\ufeffb"]];
  assertEquals(read(pairs, new FixedSizeList(2, item)), pairs);
});

Deno.test("cellReader reads other values as apache-arrow does", async () => {
  const file = new URL("../fixtures/arrow/types.arrows", import.meta.url);
  const [batch] = tableFromIPC(await Deno.readFile(file)).batches;
  for (const { name, type } of batch!.schema.fields) {
    // apache-arrow has no JSON for its decimals, and does not read dictionaries with 64-bit indices.
    if (DataType.isDecimal(type) || name === "dictionary_int64") continue;
    const vector = batch!.getChild(name)!, read = cellReader(vector.data[0]!);
    for (let row = 0; row < batch!.numRows; row++) {
      const expected = JSON.stringify(vector.get(row), plain);
      assertEquals(JSON.stringify(read(row), plain), expected, `${name}, row ${row}`);
    }
  }
});

/** JSON has no integers of 64 bits, and lists of apache-arrow are vectors. */
const plain = (_: string, value: unknown) => typeof value === "bigint" ? `${value}n` : value;
