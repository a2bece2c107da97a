/**
 * The configuration of a model for Triton, as text of the protocol buffer `ModelConfig`.
 *
 * @module
 */

import { ElementType } from "./messages.ts";

/** An input or output of an exported graph, as `config.pbtxt` lists it. */
export interface TritonTensor {
  /** The name. */
  readonly name: string;
  /** The type. */
  readonly type: ElementType;
  /** The shape of one row. */
  readonly shape: readonly number[];
}

/** Names of types. */
const types: Readonly<Record<number, string>> = {
  [ElementType.float]: "FP32",
  [ElementType.double]: "FP64",
  [ElementType.int8]: "INT8",
  [ElementType.uint8]: "UINT8",
  [ElementType.int16]: "INT16",
  [ElementType.uint16]: "UINT16",
  [ElementType.int32]: "INT32",
  [ElementType.uint32]: "UINT32",
  [ElementType.int64]: "INT64",
  [ElementType.uint64]: "UINT64",
  [ElementType.bool]: "BOOL",
  [ElementType.string]: "STRING",
};

/**
 * Returns the content of `config.pbtxt`. The shapes include the number of rows, so that clients
 * send the same shapes to Triton as to the ONNX file.
 *
 * @param name The name of the model.
 * @param inputs The inputs of the graph.
 * @param outputs The outputs of the graph.
 */
export function tritonConfig(
  name: string,
  inputs: readonly TritonTensor[],
  outputs: readonly TritonTensor[],
): string {
  const list = (what: string, tensors: readonly TritonTensor[]) =>
    tensors.map(({ name, type, shape }) =>
      `${what} {
  name: ${quoted(name)}
  data_type: TYPE_${types[type]}
  dims: [ ${[-1, ...shape].join(", ")} ]
}
`
    ).join("");
  return `name: ${quoted(name)}
backend: "onnxruntime"
# Requests have any number of rows. It is the first size of each input.
max_batch_size: 0
${list("input", inputs)}${list("output", outputs)}`;
}

/** Quotes a text; bytes other than printable ASCII characters are written as octal escapes. */
function quoted(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === "\\") return `\\${character}`;
    if (byte >= 0x20 && byte < 0x7f) return character;
    return `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${bytes.join("")}"`;
}
