import { assertEquals, assertThrows } from "@std/assert";
import type { RecordBatch } from "apache-arrow";
import { HttpError } from "../../src/serve/http_error.ts";
import { readInferRequest } from "../../src/serve/infer_request.ts";
import type { InputColumn } from "../../src/serve/input_columns.ts";

const tags: InputColumn = {
  ...{ name: "tags", family: "whole numbers", datatype: "INT64", accepted: ["INT64"] },
  ...{ shape: [-1], empty: -1n, pad: undefined },
};

const words: InputColumn = {
  ...{ name: "words", family: "strings", datatype: "BYTES", accepted: ["BYTES"] },
  ...{ shape: [-1], empty: "", pad: undefined },
};

/** Reads the lists of a request with one input of two rows. */
function listsOf(column: InputColumn, data: unknown[], mostListValues = 6): unknown[][] {
  const { name, datatype } = column, shape = [2, data.length / 2];
  const body = new TextEncoder().encode(
    JSON.stringify({ inputs: [{ name, shape, datatype, data }] }),
  );
  const limits = { mostRows: 2, mostJson: body.length, mostListValues };
  const { rows } = readInferRequest(body, null, { columns: [column], outputs: [], ...limits });
  return plain(rows, name);
}

/** Reads the lists of a request with one binary input of two rows. */
function binaryListsOf(column: InputColumn, length: number, bytes: Uint8Array): unknown[][] {
  const { name, datatype } = column;
  const parameters = { binary_data_size: bytes.length };
  const header = new TextEncoder().encode(
    JSON.stringify({ inputs: [{ name, shape: [2, length], datatype, parameters }] }),
  );
  const body = Uint8Array.from([...header, ...bytes]);
  const limits = { mostRows: 2, mostJson: body.length, mostListValues: 100 };
  const { rows } = readInferRequest(body, String(header.length), {
    ...{ columns: [column], outputs: [] },
    ...limits,
  });
  return plain(rows, name);
}

const plain = (rows: RecordBatch, name: string): unknown[][] =>
  Array.from(
    rows.getChild(name)!,
    (list) => Array.from(list, (one) => typeof one === "bigint" ? Number(one) : one),
  );

Deno.test("readInferRequest reads lists of JSON up to a null, and keeps every value", () => {
  assertEquals(listsOf(tags, [5, -1, null, 7, null, null]), [[5, -1], [7]]);
  assertEquals(listsOf(words, ["a", "", "", null]), [["a", ""], [""]]);
  assertThrows(
    () => listsOf(tags, [5, null, 6, 7, null, null]),
    HttpError,
    "the input tags has an empty position before the end of the list in row 0",
  );
});

Deno.test("readInferRequest reads lists of binary data up to the value of empty positions", () => {
  const numbers = new Uint8Array(BigInt64Array.of(5n, 6n, -1n, 7n, -1n, -1n).buffer);
  assertEquals(binaryListsOf(tags, 3, numbers), [[5, 6], [7]]);
  // Each text follows its length, in 4 bytes.
  const texts = Uint8Array.of(1, 0, 0, 0, 97, 0, 0, 0, 0, 1, 0, 0, 0, 98, 1, 0, 0, 0, 99);
  assertEquals(binaryListsOf(words, 2, texts), [["a"], ["b", "c"]]);
});

Deno.test("readInferRequest limits the values of lists", () => {
  const { status } = assertThrows(
    () => listsOf(tags, [5, 6, null, 7, null, null], 5),
    HttpError,
    "the input tags has 6 values in lists; at most 5 are allowed",
  );
  assertEquals(status, 413);
});
