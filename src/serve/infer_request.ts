/**
 * Requests for predictions in JSON, with or without the binary tensor data extension.
 *
 * @module
 */

import { counted } from "../base/text_table.ts";
import { type RecordBatch, Schema } from "apache-arrow";
import { listed } from "../base/listed.ts";
import { nearest } from "../base/nearest.ts";
import { recordBatchOf } from "../base/wide_schema.ts";
import { datatypes } from "./datatypes.ts";
import { HttpError, refuse } from "./http_error.ts";
import type { InputColumn } from "./input_columns.ts";
import { columnOfTensor, type RequestTensor, sizeOf, type TensorColumn } from "./tensors.ts";

/** An output of the model that a client asks for. */
export interface WantedOutput {
  /** The name of the output. */
  readonly name: string;
  /** Whether its values are sent as binary data. */
  readonly binary: boolean;
}

/** A request for predictions. */
export interface InferRequest {
  /** The identifier that the response repeats, if the client sent one. */
  readonly id: string | undefined;
  /** The rows. */
  readonly rows: RecordBatch;
  /** The outputs that the client wants. */
  readonly outputs: readonly WantedOutput[];
}

/**
 * The inputs and outputs of the model and the limits of the server, against which a request for
 * predictions is checked.
 */
export interface InferContext {
  /** The inputs of the model. */
  readonly columns: readonly InputColumn[];
  /** The outputs of the model. */
  readonly outputs: readonly string[];
  /** The largest number of rows. */
  readonly mostRows: number;
  /** The largest number of values in a tensor of lists of any length. */
  readonly mostListValues: number;
  /** The largest size of the JSON, in bytes. */
  readonly mostJson: number;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a request for predictions in the Open Inference Protocol: JSON, which may be followed by
 * binary data.
 *
 * @param body The body.
 * @param header The value of `Inference-Header-Content-Length`: the number of bytes of JSON, which
 *   binary data follow. Without it, the whole body is JSON.
 * @param context What the request is checked against.
 * @throws {HttpError} If the request is wrong.
 */
export function readInferRequest(
  body: Uint8Array,
  header: string | null,
  context: InferContext,
): InferRequest {
  const jsonBytes = header === null ? body.length : headerLength(header, body.length);
  if (jsonBytes > context.mostJson) {
    throw new HttpError(
      413,
      `the request has ${jsonBytes} bytes of JSON; at most ${context.mostJson} are allowed: send ` +
        "binary data or an Arrow stream",
    );
  }
  const request = parseObject(body.subarray(0, jsonBytes));
  const id = own(request, "id");
  if (id !== undefined && typeof id !== "string") refuse("`id` must be a text");
  const parameters = parametersOf(request, "the request");
  const allBinary = booleanOf(parameters, "binary_data_output", "the request") ?? false;
  const inputs = own(request, "inputs");
  if (!Array.isArray(inputs) || inputs.length === 0) {
    refuse('`inputs` must be a list of tensors: { "name", "shape", "datatype", "data" }');
  }
  const binary = { bytes: body.subarray(jsonBytes), start: 0, header: header !== null };
  const rows = rowsOf(inputs, binary, context);
  if (binary.start !== binary.bytes.length) {
    refuse(
      `${binary.bytes.length} bytes follow the JSON, but the inputs have ${binary.start} bytes of ` +
        "binary data",
    );
  }
  return { id, rows, outputs: wantedOutputs(own(request, "outputs"), allBinary, context.outputs) };
}

function headerLength(header: string, bodyLength: number): number {
  const length = /^\d{1,15}$/.test(header) ? Number(header) : NaN;
  if (length <= bodyLength) return length;
  return refuse(
    `Inference-Header-Content-Length is ${
      JSON.stringify(header.slice(0, 40))
    }; expected the number ` +
      `of bytes of JSON at the start of the body, which has ${bodyLength}`,
  );
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parseObject(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    const why = error instanceof SyntaxError
      ? error.message.slice(0, 120)
      : "its bytes are not UTF-8";
    refuse(
      `the body is not JSON: ${why}. NaN and Infinity are no JSON; write null for a missing value`,
    );
  }
  return isObject(value) ? value : refuse("the body must be a JSON object");
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns a value of an object, but none that objects inherit. */
const own = (object: Json, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

function parametersOf(object: Json, of: string): Json {
  const parameters = own(object, "parameters");
  if (parameters === undefined) return {};
  return isObject(parameters) ? parameters : refuse(`\`parameters\` of ${of} must be an object`);
}

function booleanOf(parameters: Json, name: string, of: string): boolean | undefined {
  const value = own(parameters, name);
  if (value === undefined || typeof value === "boolean") return value;
  return refuse(`the parameter ${name} of ${of} must be true or false`);
}

/** The binary data after the JSON, and how much of them was read. */
interface BinaryData {
  readonly bytes: Uint8Array;
  start: number;
  /** Whether the request contains the position at which they begin. */
  readonly header: boolean;
}

function rowsOf(
  inputs: readonly unknown[],
  binary: BinaryData,
  { columns, mostRows, mostListValues }: InferContext,
): RecordBatch {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const made = new Map<string, TensorColumn>();
  let rows: number | undefined;
  for (const [index, input] of inputs.entries()) {
    if (!isObject(input)) refuse(`inputs[${index}] must be an object`);
    const name = own(input, "name");
    if (typeof name !== "string") refuse(`inputs[${index}] must have a name`);
    const column = byName.get(name) ?? refuseInput(name, [...byName.keys()]);
    if (made.has(name)) refuse(`the input ${name} is there twice`);
    const tensor = tensorOf(name, input, binary), own0 = tensor.shape[0]!;
    if (own0 > mostRows) {
      throw new HttpError(
        413,
        `the input ${name} has ${counted(own0!, "row")}; at most ${mostRows} are allowed`,
      );
    }
    const size = sizeOf(tensor.shape);
    if (column.empty !== undefined && size > mostListValues) {
      throw new HttpError(
        413,
        `the input ${name} has ${size} values in lists; at most ${mostListValues} are allowed`,
      );
    }
    if (rows !== undefined && rows !== own0) {
      refuse(
        `the input ${name} has ${counted(own0!, "row")}, but ${[...made.keys()][0]} has ${rows}`,
      );
    }
    rows = own0;
    made.set(name, columnOfTensor(column, tensor));
  }
  const missing = columns.filter(({ name }) => !made.has(name)).map(({ name }) => name);
  if (missing.length > 0) refuse(`missing inputs: ${missing.join(", ")}`);
  // Always in the same order, so that the model has one decoder for all requests of the same types.
  const parts = columns.map(({ name }) => made.get(name)!);
  const fields = parts.map(({ field }) => field), children = parts.map(({ data }) => data);
  return recordBatchOf(new Schema(fields), children, rows!);
}

function refuseInput(name: string, names: readonly string[]): never {
  // The comparison takes time in proportion to the length of the name.
  const near = name.length > 100 ? undefined : nearest(name, names);
  refuse(
    `the model has no input ${JSON.stringify(name.slice(0, 100))}` +
      (near === undefined ? ";" : `; did you mean ${near}?`) + ` its inputs are ${listed(names)}`,
  );
}

function tensorOf(name: string, input: Json, binary: BinaryData): RequestTensor {
  const shape = own(input, "shape"), datatype = own(input, "datatype"), data = own(input, "data");
  if (
    !Array.isArray(shape) || shape.length === 0 ||
    !shape.every((size) => Number.isInteger(size) && size >= 0 && size < 2 ** 32)
  ) {
    refuse(`the shape of the input ${name} must be a list of whole numbers, the rows first`);
  }
  if (typeof datatype !== "string" || !datatypes.includes(datatype)) {
    refuse(`the datatype of the input ${name} must be one of ${datatypes.join(", ")}`);
  }
  const parameters = parametersOf(input, `the input ${name}`);
  if (own(parameters, "shared_memory_region") !== undefined) {
    refuse(`the input ${name} is in shared memory, which this server does not read`);
  }
  const size = own(parameters, "binary_data_size");
  if (size === undefined) {
    if (!Array.isArray(data)) refuse(`the input ${name} must have \`data\`, a list`);
    // An attacker may write any sizes: what is allocated follows from the data.
    if (sizeOf(shape) > 0 && data.length === 0) {
      refuse(`the input ${name} has no values; its shape is [${shape.join(", ")}]`);
    }
    return { datatype, shape, data };
  }
  if (!binary.header) {
    refuse(
      `the input ${name} has binary data, but the request has no header ` +
        "Inference-Header-Content-Length",
    );
  }
  if (data !== undefined) refuse(`the input ${name} has both \`data\` and binary data`);
  const { bytes, start } = binary;
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    refuse(`binary_data_size of the input ${name} must be a number of bytes`);
  }
  const end = start + (size as number);
  if (end > bytes.length) {
    refuse(
      `the input ${name} has ${size} bytes of binary data; ${bytes.length - start} bytes are left`,
    );
  }
  binary.start = end;
  // Each value has at least one byte, so that no shape can ask for more than was sent.
  if (sizeOf(shape) > (size as number)) {
    refuse(
      `the input ${name} has ${size} bytes of binary data, too few for its shape [${
        shape.join(", ")
      }]`,
    );
  }
  return { datatype, shape, data: bytes.subarray(start, end) };
}

function wantedOutputs(
  wanted: unknown,
  allBinary: boolean,
  names: readonly string[],
): WantedOutput[] {
  if (wanted === undefined) return names.map((name) => ({ name, binary: allBinary }));
  if (!Array.isArray(wanted)) refuse("`outputs` must be a list");
  const outputs = wanted.map((output, index): WantedOutput => {
    const name = isObject(output) ? own(output, "name") : undefined;
    if (typeof name !== "string") refuse(`outputs[${index}] must have a name`);
    const known = names.find((known) => known === name);
    if (known === undefined) {
      refuse(
        `the model has no output ${JSON.stringify(name.slice(0, 100))}; its outputs are ${
          names.join(", ")
        }`,
      );
    }
    const parameters = parametersOf(output, `the output ${name}`);
    for (const other of ["classification", "shared_memory_region"]) {
      if (own(parameters, other) === undefined) continue;
      refuse(`the parameter ${other} of the output ${name} is not supported`);
    }
    const binary = booleanOf(parameters, "binary_data", `the output ${name}`) ?? allBinary;
    return { name: known, binary };
  });
  if (outputs.length === 0) return wantedOutputs(undefined, allBinary, names);
  const twice = outputs.find(({ name }, index) =>
    outputs.findIndex((other) => other.name === name) < index
  );
  if (twice) refuse(`the output ${twice.name} is there twice`);
  return outputs;
}
