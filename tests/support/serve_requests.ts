/**
 * Requests to a server, and what it answers.
 *
 * @module
 */

import {
  DataType,
  Float64,
  type RecordBatch,
  Table as ArrowTable,
  tableFromIPC,
  vectorFromArray,
} from "apache-arrow";
import { assertEquals } from "@std/assert";
import { arrowStreamBytes } from "../../src/base/files/arrow_writer.ts";
import type { ServeHandler } from "../../src/serve/handler.ts";
import { requestOf } from "../../src/serve/example.ts";
import type { InputColumn } from "../../src/serve/input_columns.ts";

/** A tensor in JSON. */
export interface JsonTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data?: readonly unknown[];
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A request in JSON. */
export interface JsonRequest {
  readonly id?: string;
  readonly inputs: readonly JsonTensor[];
  readonly outputs?: readonly unknown[];
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** What a server answers in JSON: predictions, metadata, or an error. */
export interface Answer {
  readonly id?: string;
  readonly error?: string;
  readonly model_name?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly inputs: readonly JsonTensor[];
  readonly outputs:
    readonly (Omit<JsonTensor, "data"> & { readonly data: readonly (number | null)[] })[];
}

/** Sends a request to a handler. */
export async function ask(
  handler: ServeHandler,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; bytes: Uint8Array; json: () => Answer }> {
  const { body } = init;
  const headers = new Headers(init.headers);
  if (body instanceof Uint8Array) headers.set("content-length", String(body.length));
  const response = await handler.handle(
    new Request(`http://127.0.0.1:8000${path}`, { ...init, headers }),
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  const json = () => JSON.parse(new TextDecoder().decode(bytes));
  return { status: response.status, headers: response.headers, bytes, json };
}

const encoder = new TextEncoder();

/** The headers and body of a request in JSON. */
export function jsonBody(request: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: encoder.encode(JSON.stringify(request)),
  };
}

const arrays: Record<string, (values: readonly never[]) => ArrayBufferView<ArrayBuffer>> = {
  BOOL: (values) => Uint8Array.from(values, Number),
  INT8: (values) => Int8Array.from(values),
  UINT8: (values) => Uint8Array.from(values),
  INT16: (values) => Int16Array.from(values),
  UINT16: (values) => Uint16Array.from(values),
  INT32: (values) => Int32Array.from(values),
  UINT32: (values) => Uint32Array.from(values),
  INT64: (values) => BigInt64Array.from(values, BigInt),
  UINT64: (values) => BigUint64Array.from(values, BigInt),
  FP16: (values) => Float16Array.from(values, orNaN),
  FP32: (values) => Float32Array.from(values, orNaN),
  FP64: (values) => Float64Array.from(values, orNaN),
};

const orNaN = (value: number | null) => value ?? NaN;

/** The bytes of a tensor by the binary data extension. */
export function binaryOf({ datatype, data }: JsonTensor): Uint8Array {
  if (datatype !== "BYTES") {
    const { buffer, byteOffset, byteLength } = arrays[datatype]!(data as never);
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const parts = (data as string[]).flatMap((text) => {
    const bytes = encoder.encode(text), size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, bytes.length, true);
    return [size, bytes];
  });
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether binary data can express all values of a tensor. */
const isBinary = ({ datatype, data }: JsonTensor) =>
  datatype.startsWith("FP") || !data!.includes(null);

/** The headers and body of a request whose tensors are binary data, if they can be. */
export function binaryBody({ inputs, ...rest }: JsonRequest): RequestInit {
  const bytes = inputs.filter(isBinary).map(binaryOf);
  let next = 0;
  const json = encoder.encode(JSON.stringify({
    parameters: { binary_data_output: true },
    ...rest,
    inputs: inputs.map((tensor) => {
      if (!isBinary(tensor)) return tensor;
      const { data: _, ...about } = tensor;
      return { ...about, parameters: { binary_data_size: bytes[next++]!.length } };
    }),
  }));
  return {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(json.length),
    },
    body: joined([json, ...bytes]),
  };
}

/** The bytes of the binary outputs of a response, by name. */
export function binaryOutputs(
  { headers, bytes }: { readonly headers: Headers; readonly bytes: Uint8Array },
): Map<string, Uint8Array> {
  const length = Number(headers.get("inference-header-content-length"));
  const { outputs } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
  let at = length;
  return new Map(outputs.map(({ name, parameters }: JsonTensor) => {
    const size = parameters!.binary_data_size as number;
    at += size;
    return [name, bytes.slice(at - size, at)];
  }));
}

/** The headers and body of a request with an Arrow stream. */
export function arrowBody(table: ArrowTable): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/vnd.apache.arrow.stream" },
    body: arrowStreamBytes(table) as Uint8Array<ArrayBuffer>,
  };
}

/** Rows whose decimals are doubles, as JSON has them. */
function withoutDecimals(rows: RecordBatch): RecordBatch {
  const columns = rows.schema.fields.map(({ name, type }) => {
    const column = rows.getChild(name)!;
    if (!DataType.isDecimal(type)) return [name, column] as const;
    const { scale, bitWidth } = type;
    const numbers = Array.from(column as Iterable<Uint32Array | null>, (words) => {
      if (!words) return null;
      const whole = [...words].reduceRight((sum, word) => sum << 32n | BigInt(word), 0n);
      return Number(`${BigInt.asIntN(bitWidth, whole)}e${-scale}`);
    });
    return [name, vectorFromArray(numbers, new Float64())] as const;
  });
  return new ArrowTable(Object.fromEntries(columns)).batches[0]!;
}

/**
 * The logits that a server answers for rows in each of its forms; null for rows without a
 * prediction.
 */
export async function servedLogits(
  handler: ServeHandler,
  name: string,
  rows: RecordBatch,
  columns: readonly InputColumn[],
): Promise<Record<"json" | "binary" | "arrow", (number | null)[]>> {
  const path = `/v2/models/${name}/infer`;
  const outputs = [{ name: "logits" }];
  const request = { ...requestOf(withoutDecimals(rows), columns), outputs };
  const json = await ask(handler, path, jsonBody(request));
  assertEquals(json.status, 200, new TextDecoder().decode(json.bytes));
  const binary = await ask(handler, path, binaryBody(request));
  assertEquals(binary.status, 200, new TextDecoder().decode(binary.bytes));
  const floats = new Float32Array(binaryOutputs(binary).get("logits")!.slice().buffer);
  const arrow = await ask(handler, `${path}?logits`, arrowBody(new ArrowTable([rows])));
  assertEquals(arrow.status, 200, new TextDecoder().decode(arrow.bytes));
  const table = tableFromIPC(arrow.bytes);
  const own = table.schema.fields.filter(({ name }) => /^logit(_|$)/.test(name));
  return {
    json: [...json.json().outputs[0]!.data],
    binary: Array.from(floats, (value) => Number.isNaN(value) ? null : value),
    arrow: Array.from(
      { length: table.numRows },
      (_, row) => own.map(({ name }) => table.getChild(name)!.get(row) as number | null),
    ).flat(),
  };
}
