/**
 * The outputs of a teacher for the training rows, found by a key column among those for other rows.
 *
 * @module
 */

import type { Data, Field, RecordBatch, Schema } from "apache-arrow";
import { createHash } from "node:crypto";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { LargeMap } from "../base/large_map.ts";
import type { PlannedTeacher, TeacherKey } from "../pipeline/plan.ts";
import type { Dataset } from "../stages/source.ts";
import type { StageReference } from "../stages/stage_error.ts";
import { DistinctValues } from "./distinct_values.ts";
import { type Key, keyOf } from "./ids.ts";
import { decode, flatten, isNull, layoutOf } from "./layout.ts";
import type { ComputeTeacher, TeacherOutputs, TeacherRows } from "./outside_outputs.ts";
import { recordBatches, rowsOf } from "./split.ts";

/** Rows with a key column. */
export interface KeyedRows extends TeacherRows {
  /** The source's stage, for messages. */
  readonly stage: StageReference;
}

/** A key in a row. */
interface RowKey {
  /** The key; null for a null. */
  readonly key: Key | null;
  /** Describes the row and the column in messages. */
  readonly where: () => string;
}

/** What the keys are: they are equal only if both columns have the same. */
type KeyKind = "texts" | "whole numbers";

/**
 * Computes the outputs of a teacher for rows with keys, and returns those for the training rows.
 *
 * @param teacher The teacher.
 * @param compute Computes the outputs.
 * @param rows The rows with keys, and the training rows.
 * @returns The outputs for the training rows, in their order.
 * @throws {UserError} If two rows with outputs have the same key, if a row has no key, or if there
 *   is no output for the key of a training row.
 */
export async function outputsByKey(
  teacher: PlannedTeacher & { readonly by: TeacherKey },
  compute: ComputeTeacher,
  { all, train }: { readonly all: KeyedRows; readonly train: KeyedRows },
): Promise<TeacherOutputs> {
  // Only the training rows need outputs.
  const { values, units, label, identity } = await compute({ ...teacher, missing: "skip" }, all);
  const places = await placesOfKeys(teacher, all);
  const found: number[] = [];
  const { key: column } = teacher.by;
  for await (const { key, where, kind } of keysOf(teacher, train)) {
    if (places.of.size > 0 && kind !== places.kind) throw otherKind(teacher, kind, places.kind);
    const place = key === null ? undefined : places.of.get(key);
    if (place === undefined && teacher.missing === "error") {
      throw new UserError(
        `${where()}: ${
          key === null
            ? "is null, so the row has no output of the teacher"
            : `the teacher has no output for the key ${shown(key)}`
        } (rows count from 0)`,
        {
          place: teacher.place("key"),
          hint: hint(
            "teacher/no-key",
            `add rows with all keys to the rows of the teacher, name another \`key\` than ${column}, ` +
              "or write `missing: skip`, so that the loss of such rows is 0",
            { set: { "../missing": "skip" } },
          ),
        },
      );
    }
    found.push(place ?? -1);
  }
  const own = new Float32Array(new SharedArrayBuffer(4 * found.length * units)).fill(NaN);
  for (const [row, place] of found.entries()) {
    if (place >= 0) own.set(values.subarray(place * units, (place + 1) * units), row * units);
  }
  // Hashed, because the fingerprint contains the options of the source, with the values of
  // environment variables, and files of the run contain the identity.
  const about = createHash("sha256").update(JSON.stringify([identity, all.fingerprint]));
  return { values: own, units, label, identity: about.digest("hex") };
}

/** Finds the row of each key. */
async function placesOfKeys(
  teacher: PlannedTeacher & { readonly by: TeacherKey },
  rows: KeyedRows,
): Promise<{ readonly of: LargeMap<Key, number>; readonly kind: KeyKind }> {
  const places = new LargeMap<Key, number>();
  let row = 0, common: KeyKind = "texts";
  for await (const { key, where, kind } of keysOf(teacher, rows)) {
    common = kind;
    const before = key === null ? undefined : places.get(key);
    if (key === null || before !== undefined) {
      throw new UserError(
        `${where()}: ${
          key === null ? "is null" : `has the key ${shown(key)}, as row ${before} has`
        }; expected a key that no other row of the teacher has (rows count from 0)`,
        {
          place: teacher.place("key"),
          hint: hint(
            "teacher/key-twice",
            "name a column with a different value in each row of the teacher, or correct the data",
            { edit: "the key, or the rows of the teacher" },
          ),
        },
      );
    }
    places.set(key, row++);
  }
  return { of: places, kind: common };
}

/** Reads the keys of rows. */
async function* keysOf(
  { by: { key: column }, place }: PlannedTeacher & { readonly by: TeacherKey },
  { open, name, stage }: KeyedRows,
): AsyncGenerator<RowKey & { readonly kind: KeyKind }> {
  const dataset: Dataset = await open([column], (opened) => Promise.resolve(opened));
  try {
    const { fields } = dataset.schema as Schema;
    const field = fields.find((field) => field.name === column);
    if (!field) {
      const names = fields.map(({ name }) => name);
      throw new UserError(
        `the ${name === undefined ? "rows of the teacher have" : "data have"} no column ${
          JSON.stringify(column)
        }, which is the key`,
        {
          place: place("key"),
          hint: nameHint("teacher/key", {
            written: column,
            names,
            intro: "the columns are",
            change: (near) => ({ set: { ".": near } }),
          })!,
          exitCode: 2,
        },
      );
    }
    const kind = kindOf(field, column, place), whereOf = rowsOf(dataset, { name });
    let row = 0;
    for await (const { batch } of recordBatches(dataset, stage)) {
      const index = (batch as RecordBatch).schema.fields.findIndex(({ name }) => name === column);
      const { leaf } = flatten(batch.data.children[index] as Data), keys = decodedKeys(leaf);
      for (let at = 0; at < batch.numRows; at++) {
        const number = row++;
        yield {
          key: isNull(leaf, at) ? null : keys(at),
          where: () => `${whereOf(number)}, column ${column}`,
          kind,
        };
      }
    }
  } finally {
    await dataset.close?.();
  }
}

/** Returns a function that returns the key at a position. */
function decodedKeys(leaf: Data): (at: number) => Key {
  const distinct = new DistinctValues<Key>();
  const { values } = decode(leaf, 0, leaf.length, {
    id: (text) => distinct.idOf(text),
    key: (value) => distinct.idOf(keyOf(value)),
    big: Number,
    fail: (_, message) => {
      throw new Error(message);
    },
  });
  return (at) => distinct.valueOf(values[at]!);
}

function kindOf({ type }: Field, column: string, place: PlannedTeacher["place"]): KeyKind {
  const layout = layoutOf(type), family = layout?.lists.length === 0 ? layout.family : undefined;
  if (family === "strings") return "texts";
  if (family === "whole numbers") return "whole numbers";
  throw new UserError(`the column ${column} has the type ${type}, which cannot be a key`, {
    place: place("key"),
    hint: hint("teacher/key-type", "name a column of texts or whole numbers", { edit: "the key" }),
    exitCode: 2,
  });
}

function otherKind(
  { by: { key }, place }: PlannedTeacher & { readonly by: TeacherKey },
  own: KeyKind,
  others: KeyKind,
): UserError {
  return new UserError(
    `the key ${key} consists of ${own} in the training rows, and of ${others} in the rows of the ` +
      "teacher, so no key is the same",
    {
      place: place("key"),
      hint: hint("teacher/key-types", "write both files with the same type of this column", {
        edit: "a data file, or its `columns`",
      }),
      exitCode: 2,
    },
  );
}

const shown = (key: Key) => typeof key === "string" ? JSON.stringify(key) : String(key);
