import { binaryValues, jsonValues, type OutputTensor } from "./outputs.ts";
import type { ResponseParts } from "./unsent.ts";

/** The content of a response to a request for predictions. */
export interface InferAnswer {
  /** The name of the model. */
  readonly model: string;
  /** The identifier of the request. */
  readonly id: string | undefined;
  /** The outputs, and whether each is sent as binary data. */
  readonly outputs: readonly (OutputTensor & { readonly binary: boolean })[];
  /** The number of values that are not in the vocabularies of the training rows. */
  readonly unknown: number;
}

const encoder = new TextEncoder();

/**
 * Creates the response to a request for predictions. If an output is binary, its bytes follow the
 * JSON, and a header contains the length of the JSON in bytes.
 *
 * @param answer The content of the response.
 * @throws {HttpError} If a row has no prediction and the output cannot express this.
 */
export function inferResponse({ model, id, outputs, unknown }: InferAnswer): ResponseParts {
  const binary: Uint8Array[] = [];
  const json = JSON.stringify({
    model_name: model,
    ...(id !== undefined && { id }),
    ...(unknown > 0 && { parameters: { unknown_values: unknown } }),
    outputs: outputs.map((output) => {
      const { name, datatype, shape, values } = output;
      if (!output.binary) return { name, datatype, shape, data: jsonValues(values) };
      const bytes = binaryValues(output);
      binary.push(bytes);
      return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
    }),
  });
  if (binary.length === 0) {
    return { body: json, headers: { "content-type": "application/json" } };
  }
  const head = encoder.encode(json);
  const body = new Uint8Array(binary.reduce((sum, { length }) => sum + length, head.length));
  body.set(head);
  let at = head.length;
  for (const bytes of binary) {
    body.set(bytes, at);
    at += bytes.length;
  }
  return {
    body,
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(head.length),
    },
  };
}
