/**
 * The vocabularies of a model: in its JSON file, or in separate Arrow files if they are large.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { cellReader } from "../../base/arrow_cells.ts";
import { counted } from "../../base/text_table.ts";
import {
  DataType,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  tableFromIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { z } from "zod";
import { readRegular } from "../../base/files/regular.ts";
import { writeArrowFile } from "../../base/files/arrow_writer.ts";
import { hashOf } from "../../base/files/hash_of.ts";
import { unwritable } from "../../base/files/unwritable.ts";

/** The largest size of a vocabulary in `model.json`, in bytes of JSON. */
const LARGEST_INLINE = 1e6;

/** The number of values in each record batch of an Arrow file. */
const BATCH = 2 ** 16;

/** The schema of a stored vocabulary: its values, or the name of the Arrow file with the values. */
export const keptVocabulary = z.union([
  z.array(z.string()),
  z.strictObject({
    file: z.string().regex(/^[\w-]+\.arrow$/, { error: "expected the name of an Arrow file" }),
    values: z.int().nonnegative(),
    sha256: z.string(),
  }),
]);

/** A stored vocabulary: its values, or the name of the Arrow file with the values. */
export type KeptVocabulary = z.output<typeof keptVocabulary>;

/**
 * Collects the vocabularies of a run's features under names. Features with the same vocabulary
 * share it.
 */
export class Vocabularies {
  readonly #names = new Map<readonly string[], string>();

  /**
   * Returns the name of a vocabulary, which is added if it is new.
   *
   * @param values The vocabulary's values.
   * @param wanted The preferred name for a new vocabulary; a number is appended if it is taken.
   */
  nameOf(values: readonly string[], wanted: string): string {
    let name = this.#names.get(values) ?? this.#same(values);
    if (name !== undefined) return name;
    const taken = new Set(this.#names.values());
    name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
    this.#names.set(values, name);
    return name;
  }

  #same(values: readonly string[]): string | undefined {
    for (const [other, name] of this.#names) {
      if (other.length === values.length && other.every((value, id) => value === values[id])) {
        return name;
      }
    }
    return undefined;
  }

  /**
   * Writes large vocabularies to files.
   *
   * @param folder The run folder.
   * @returns The stored form of each vocabulary, by name.
   * @throws {UserError} If a file cannot be written.
   */
  async write(folder: string): Promise<Record<string, KeptVocabulary>> {
    const kept: Record<string, KeptVocabulary> = {};
    let files = 0;
    for (const [values, name] of this.#names) {
      if (bytesOf(values) <= LARGEST_INLINE) {
        kept[name] = [...values];
        continue;
      }
      // Files are numbered, because names of features may differ only in case, which not every file
      // system distinguishes.
      const file = `model-vocabulary-${++files}.arrow`;
      writeValues(join(folder, file), values);
      const { sha256 } = await hashOf(join(folder, file));
      kept[name] = { file, values: values.length, sha256 };
    }
    return kept;
  }
}

const encoder = new TextEncoder();

/** Returns the size of a vocabulary as JSON, or a lower bound if it is too large. */
function bytesOf(values: readonly string[]): number {
  let bytes = 0;
  for (const value of values) {
    bytes += value.length + 4;
    if (bytes > LARGEST_INLINE) return bytes;
  }
  return encoder.encode(JSON.stringify(values)).length;
}

function writeValues(path: string, values: readonly string[]): void {
  const schema = new Schema([new Field("value", new Utf8(), false)]);
  try {
    writeArrowFile(path, schema, batchesOf(values, schema));
  } catch (error) {
    throw unwritable(path, error);
  }
}

function* batchesOf(values: readonly string[], schema: Schema): Generator<RecordBatch> {
  const type = new Struct(schema.fields);
  for (let start = 0; start < values.length; start += BATCH) {
    const part = values.slice(start, start + BATCH);
    const [child] = vectorFromArray(part, new Utf8()).data;
    const { length } = part;
    yield new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [child!] }));
  }
}

/**
 * Returns the values of a stored vocabulary, and reads its Arrow file if it has one.
 *
 * @param kept The stored form of the vocabulary.
 * @param folder The folder of `model.json`.
 * @throws {Error} If its file does not exist, has changed since it was written, or has no texts.
 */
export async function readVocabulary(
  kept: KeptVocabulary,
  folder: string,
): Promise<readonly string[]> {
  if (Array.isArray(kept)) return kept;
  const path = join(folder, kept.file);
  const bytes = await readRegular(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== kept.sha256) throw new TypeError(`the checksum of ${path} differs`);
  let column: Vector | null;
  try {
    column = tableFromIPC(bytes).getChild("value");
  } catch (error) {
    throw new TypeError(`${path} is no Arrow file of texts`, { cause: error });
  }
  if (!column || !DataType.isUtf8(column.type) || column.nullCount > 0) {
    throw new TypeError(`${path} needs a column value of texts without nulls`);
  }
  const values = column.data.flatMap((data) => {
    const read = cellReader(data);
    return Array.from({ length: data.length }, (_, row) => read(row) as string);
  });
  if (values.length === kept.values) return values;
  throw new TypeError(`${path} has ${counted(values.length, "value")}; expected ${kept.values}`);
}
