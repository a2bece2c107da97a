import { join } from "node:path";
import { statfs } from "node:fs/promises";
import { makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { ArrowFileWriter } from "../base/files/arrow_writer.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Dataset } from "../stages/source.ts";
import arrow from "../../plugins/sources/arrow.ts";
import { formatBytes } from "../base/bytes.ts";
import type { SourceSetup } from "./streamed.ts";

/** The bytes that must stay free on the disk, and the bytes written between two checks. */
const leftFree = 2 ** 28, lookedAfter = 2 ** 26;

/** A temporary Arrow file with a copy of rows that can only be read in order. */
export class Spill {
  readonly #folder: string;
  readonly #path: string;
  readonly #columns: readonly string[];
  #writer: ArrowFileWriter | undefined;
  #unlooked = Infinity;

  private constructor(folder: string, columns: readonly string[]) {
    this.#folder = folder;
    this.#columns = columns;
    this.#path = join(folder, "rows.arrow");
  }

  /**
   * Creates a temporary folder for the file.
   *
   * @param columns The columns to copy.
   */
  static async create(columns: readonly string[]): Promise<Spill> {
    return new Spill(await Deno.makeTempDir({ prefix: "rocket-rows-" }), columns);
  }

  /** The folder of the file. */
  get folder(): string {
    return this.#folder;
  }

  /** The setup for another thread that opens the file. */
  get setup(): SourceSetup {
    return { specifier: "arrow", options: { path: this.#path }, folder: this.#folder };
  }

  /**
   * Appends a record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If the disk is full.
   */
  async write(given: RecordBatch): Promise<void> {
    const batch = this.#kept(given);
    this.#unlooked += batch.data.byteLength;
    if (this.#unlooked >= lookedAfter) {
      this.#unlooked = 0;
      const { bavail, bsize } = await statfs(this.#folder);
      if (bavail * bsize < leftFree + batch.data.byteLength) {
        throw fullDisk(this.#folder, bavail * bsize);
      }
    }
    try {
      this.#writer ??= new ArrowFileWriter(this.#path, batch.schema);
      this.#writer.write(batch);
    } catch (error) {
      if (/no space|quota/i.test((error as Error).message)) throw fullDisk(this.#folder, 0, error);
      throw error;
    }
  }

  /** Completes the file and opens it. */
  async open(): Promise<Dataset> {
    this.#writer!.finish();
    this.#writer = undefined;
    const source = arrow.create({ path: this.#path }, { folder: this.#folder });
    return await source.open({ columns: this.#columns });
  }

  /** Removes the file and its folder. */
  async remove(): Promise<void> {
    this.#writer?.abandon();
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }

  /** Returns a record batch with only the columns to copy. */
  #kept({ schema, data, numRows: length }: RecordBatch): RecordBatch {
    const kept = this.#columns.map((name) =>
      schema.fields.findIndex((field) => field.name === name)
    );
    const fields = kept.map((index) => schema.fields[index]!);
    const children = kept.map((index) => data.children[index]!);
    return new RecordBatch(
      new Schema(fields, schema.metadata),
      makeData({ type: new Struct(fields), length, nullCount: 0, children }),
    );
  }
}

/**
 * Creates the error for rows that do not fit on the disk.
 *
 * @param folder The folder that rows are copied to.
 * @param left The number of bytes that are left on its disk.
 * @param cause The error that was thrown, if any.
 */
export function fullDisk(folder: string, left: number, cause?: unknown): UserError {
  return new UserError(
    `the rows do not fit in memory, and only ${
      formatBytes(left)
    } are left on the disk that contains ${folder}, where they are stored instead`,
    {
      hint: hint(
        "spill/room",
        "free space on the disk, choose another disk with TMPDIR, or increase data.memory",
        { outside: "the disk has to have room" },
      ),
      cause,
    },
  );
}
