/**
 * The vocabularies of a model: in its JSON file, or where they are large in Arrow files beside it.
 *
 * @module
 */

import {
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { z } from "zod";
import { readRegular } from "../../base/files/regular.ts";
import { ArrowFileWriter } from "../../base/files/arrow_writer.ts";
import { hashOf } from "../../base/files/hash_of.ts";
import { unwritable } from "../../base/files/unwritable.ts";

/** A longer vocabulary, as JSON, stands in a file of its own: bytes. */
const LARGEST_INLINE = 1e6;

/** The values of a record batch of such a file. */
const BATCH = 2 ** 16;

/** How a vocabulary is kept: its values, or the name of the Arrow file that has them. */
export const keptVocabulary = z.union([
  z.array(z.string()),
  z.strictObject({
    file: z.string().regex(/^[\w-]+\.arrow$/, { error: "expected the name of an Arrow file" }),
    values: z.int().nonnegative(),
    sha256: z.string(),
  }),
]);

/** How a vocabulary is kept. */
export type KeptVocabulary = z.output<typeof keptVocabulary>;

/** Vocabularies by name, each once. */
export class Vocabularies {
  readonly #names = new Map<readonly string[], string>();

  /**
   * The name of a vocabulary.
   *
   * @param values Its values.
   * @param wanted The name that it gets if it has none yet; a number is added to one that is taken.
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
   * Writes the large ones into files.
   *
   * @param folder The run folder.
   * @returns How each is kept.
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
      // Numbers: two features may differ in case alone, and not every file system tells them apart.
      const file = `model-vocabulary-${++files}.arrow`;
      writeValues(join(folder, file), values);
      const { sha256 } = await hashOf(join(folder, file));
      kept[name] = { file, values: values.length, sha256 };
    }
    return kept;
  }
}

const encoder = new TextEncoder();

/** About how many bytes a vocabulary has in JSON. */
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
  let writer: ArrowFileWriter | undefined;
  try {
    writer = new ArrowFileWriter(path, schema);
    for (let start = 0; start < values.length; start += BATCH) {
      const part = values.slice(start, start + BATCH);
      const [child] = vectorFromArray(part, new Utf8()).data;
      const type = new Struct(schema.fields);
      const length = part.length;
      writer.write(
        new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [child!] })),
      );
    }
    writer.finish();
  } catch (error) {
    writer?.abandon();
    throw unwritable(path, error);
  }
}

/**
 * The values of a vocabulary.
 *
 * @param kept How it is kept.
 * @param folder The folder of `model.json`.
 * @throws {Error} If its file is not there, or not as it was written.
 */
export async function readVocabulary(
  kept: KeptVocabulary,
  folder: string,
): Promise<readonly string[]> {
  if (Array.isArray(kept)) return kept;
  const path = join(folder, kept.file);
  const { sha256 } = await hashOf(path);
  if (sha256 !== kept.sha256) throw new TypeError(`${path} is not as it was written`);
  const column = tableFromIPC(await readRegular(path)).getChild("value");
  const values = [...column ?? []] as string[];
  if (values.length === kept.values) return values;
  throw new TypeError(`${path} has ${values.length} values; expected ${kept.values}`);
}
