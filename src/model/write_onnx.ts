import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hashesIn } from "../base/files/hashes_in.ts";
import { makeFolder } from "../base/files/make_folder.ts";
import { writeChunks } from "../base/files/write_chunks.ts";
import { writeFileWhole } from "../base/files/write.ts";
import type { DataPart, OnnxFile } from "./onnx/builder.ts";

/**
 * Writes an ONNX model. If the weights have their own file, that file is written first.
 *
 * @param path The path of the ONNX file.
 * @param file The content of the files.
 * @throws {UserError} If a file cannot be written.
 */
export async function writeOnnxFile(
  path: string,
  { bytes, data, dataFile }: OnnxFile,
): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder);
  if (data.length > 0) await writeChunks(join(folder, dataFile), chunksOf(data));
  await writeFileWhole(path, bytes);
}

/**
 * Computes the hashes that the files of an ONNX model have after {@linkcode writeOnnxFile}.
 *
 * @param path The path of the ONNX file.
 * @param file The content of the files.
 * @returns The SHA-256 hash of each file, by its name, as {@linkcode onnxHashes} returns them.
 */
export function hashesOfOnnx(
  path: string,
  { bytes, data, dataFile }: OnnxFile,
): Record<string, string> {
  const own = { [basename(path)]: createHash("sha256").update(bytes).digest("hex") };
  if (data.length === 0) return own;
  const hash = createHash("sha256");
  for (const chunk of chunksOf(data)) hash.update(chunk);
  return { ...own, [dataFile]: hash.digest("hex") };
}

/**
 * Computes the hashes of an ONNX file and of its external data, if it has any.
 *
 * @param path The path of the ONNX file.
 * @returns The SHA-256 hash of each file, by its name.
 */
export async function onnxHashes(path: string): Promise<Record<string, string>> {
  const folder = dirname(path), name = basename(path), data = dataFileOf(name);
  return await hashesIn(folder, existsSync(join(folder, data)) ? [name, data] : [name]);
}

/**
 * Returns the name of the file for weights that are too large for an ONNX file.
 *
 * @param name The name of the ONNX file.
 */
export const dataFileOf = (name: string): string => `${name}.data`;

/** Yields the parts, with zeros in the gaps between them. */
function* chunksOf(parts: readonly DataPart[]): Generator<Uint8Array> {
  let at = 0;
  for (const { offset, bytes } of parts) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield bytes;
    at = offset + bytes.length;
  }
}
