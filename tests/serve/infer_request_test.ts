import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "../../src/serve/http_error.ts";
import { readInferRequest } from "../../src/serve/infer_request.ts";
import type { InputColumn } from "../../src/serve/input_columns.ts";

const tags: InputColumn = {
  ...{ name: "tags", family: "whole numbers", datatype: "INT64", accepted: ["INT64"] },
  ...{ shape: [-1], empty: -1n, pad: undefined },
};

Deno.test("readInferRequest reads lists up to an empty position, and limits their values", () => {
  const body = new TextEncoder().encode(JSON.stringify({
    inputs: [{ name: "tags", shape: [2, 3], datatype: "INT64", data: [5, 6, -1, 7, -1, -1] }],
  }));
  const read = (mostListValues: number) => {
    const limits = { mostRows: 2, mostJson: body.length, mostListValues };
    const { rows } = readInferRequest(body, null, { columns: [tags], outputs: [], ...limits });
    return Array.from(rows.getChild("tags")!, (list) => [...list].map(Number));
  };
  assertEquals(read(6), [[5, 6], [7]]);
  const { status } = assertThrows(
    () => read(5),
    HttpError,
    "the input tags has 6 values in lists; at most 5 are allowed",
  );
  assertEquals(status, 413);
});
