/**
 * Finds the files of an ONNX model: the model itself, and the files with weights that it names.
 *
 * @module
 */

import { dirname, isAbsolute, join } from "node:path";
import { hashOf } from "../base/files/hash_of.ts";
import { openRegular } from "../base/files/regular.ts";

/** What a field of a message contains: another message, by its name, or the key `location`. */
type Fields = Readonly<Record<number, string>>;

/**
 * The parts of the format, by message and number of the field, in which an ONNX model can have
 * tensors: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
const messages: Readonly<Record<string, Fields>> = {
  model: { 7: "graph", 20: "training", 25: "function" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  training: { 1: "graph", 2: "graph" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: { 13: "entry" },
};

/** An entry of `external_data` has a key and a value, which are texts. */
const ENTRY = { key: 1, value: 2 };

/**
 * Hashes the files that determine what an ONNX model computes.
 *
 * @param path The ONNX file.
 * @returns The SHA-256 hash of the ONNX file, followed by the name and the hash of each file with
 *   external data that it names, sorted by name.
 * @throws {Error} If a file cannot be read or leads out of the folder, or if the file is not an ONNX
 *   file.
 */
export async function hashesOfOnnxFiles(path: string): Promise<string[]> {
  const hashes = [(await hashOf(path)).sha256];
  for (const name of (await externalFiles(path)).toSorted()) {
    const { sha256 } = await hashOf(pathOf(path, name)).catch((error: Error) => {
      throw new Error(`its weights in ${name} cannot be read: ${error.message}`);
    });
    hashes.push(name, sha256);
  }
  return hashes;
}

/**
 * Reads the names of the files with external data from an ONNX file.
 *
 * @param path The ONNX file.
 * @returns The names, each once, relative to the folder of the file.
 * @throws {Error} If the file is not an ONNX file.
 */
export async function externalFiles(path: string): Promise<string[]> {
  using file = await openRegular(path);
  const names = new Set<string>(), reader = new Reader(file);
  // Attributes contain graphs, so a file can nest them as deeply as it wants.
  const open = [{ message: "model", end: reader.size }];
  while (open.length > 0) {
    const { message, end } = open.at(-1)!;
    if (reader.at >= end) {
      if (reader.at > end) throw notOnnx();
      open.pop();
      continue;
    }
    const { number, length } = reader.field(end);
    const inner = length === undefined ? undefined : messages[message]![number];
    if (inner === "entry") {
      const { key, value } = reader.entry(reader.at + length!);
      if (key === "location") names.add(value);
    } else if (inner === undefined) reader.skip(length ?? 0);
    else open.push({ message: inner, end: reader.at + length! });
  }
  return [...names];
}

/** A name may begin with U+FEFF, which is part of it. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Returns the path of a file with external data. In a path with `..`, ONNX Runtime follows links
 * before it goes up, and Deno does not, so that they would use different files.
 */
function pathOf(model: string, name: string): string {
  const parts = name.split(/[/\\]/);
  if (isAbsolute(name) || parts.includes("..") || name.startsWith("*")) {
    throw new Error(
      `its weights in ${JSON.stringify(name)} are not read: the name of a file with weights must ` +
        "be relative to the folder of the model, and must not contain ..",
    );
  }
  return join(dirname(model), name);
}

const notOnnx = () => new Error("it is not an ONNX file");

/** Reads fields of the protobuf format, without loading the weights between them. */
class Reader {
  readonly size: number;
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(2 ** 16);
  /** The position of the buffer's first byte in the file, and the number of its bytes. */
  #start = 0;
  #filled = 0;
  /** The position of the next byte. */
  at = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
    this.size = file.statSync().size;
  }

  /** Reads the tag of a field, and its length if it is a message, a text, or a list. */
  field(end: number): { number: number; length?: number } {
    const tag = this.#varint(), number = Math.floor(tag / 8);
    // ONNX Runtime would read the lower 32 bits only.
    if (tag >= 2 ** 32) throw notOnnx();
    switch (tag % 8) {
      case 0:
        this.#varint();
        return { number };
      case 1:
        this.skip(8);
        return { number };
      case 2: {
        const length = this.#varint();
        if (this.at + length > end) throw notOnnx();
        return { number, length };
      }
      case 5:
        this.skip(4);
        return { number };
      default:
        throw notOnnx();
    }
  }

  /** Reads an entry of `external_data`. The last value of a field counts, as in protobuf. */
  entry(end: number): { key: string; value: string } {
    const texts: Record<number, string> = {};
    while (this.at < end) {
      const { number, length } = this.field(end);
      if (length === undefined) continue;
      texts[number] = decoder.decode(this.#bytes(length));
    }
    if (this.at > end) throw notOnnx();
    return { key: texts[ENTRY.key] ?? "", value: texts[ENTRY.value] ?? "" };
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#byte());
  }

  /** Reads a number of up to 64 bits. Those above 2^53 are rounded; none of them is a length. */
  #varint(): number {
    let value = 0;
    for (let factor = 1, bytes = 0; bytes < 10; factor *= 128, bytes++) {
      const byte = this.#byte();
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    throw notOnnx();
  }

  #byte(): number {
    const { at } = this;
    if (at >= this.size) throw notOnnx();
    if (at < this.#start || at >= this.#start + this.#filled) {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      this.#start = at;
      this.#filled = this.#file.readSync(this.#buffer) ?? 0;
      if (this.#filled === 0) throw notOnnx();
    }
    this.at++;
    return this.#buffer[at - this.#start]!;
  }
}
