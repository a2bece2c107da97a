import { join } from "node:path";
import { statfs } from "node:fs/promises";
import { makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { ArrowFileWriter } from "../base/files/arrow_writer.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Dataset } from "../stages/source.ts";
import arrow from "../../plugins/sources/arrow.ts";
import { formatBytes } from "./memory.ts";
import type { SourceSetup } from "./streamed.ts";

/** What has to stay free on the disk, and after how many bytes that is looked at. */
const leftFree = 2 ** 28, lookedAfter = 2 ** 26;

/** A copy on the disk, as an Arrow file, of rows that can only be read in order. */
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
   * Makes a folder for it, among the temporary files.
   *
   * @param columns The columns that will be read.
   */
  static async create(columns: readonly string[]): Promise<Spill> {
    return new Spill(await Deno.makeTempDir({ prefix: "rocket-rows-" }), columns);
  }

  /** Where it is. */
  get folder(): string {
    return this.#folder;
  }

  /** What opens it in another thread. */
  get setup(): SourceSetup {
    return { specifier: "arrow", options: { path: this.#path }, folder: this.#folder };
  }

  /**
   * Adds a record batch.
   *
   * @param batch The record batch.
   * @throws {UserError} If the disk has no room for it.
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

  /** Opens it, when all was added. */
  async open(): Promise<Dataset> {
    this.#writer!.finish();
    this.#writer = undefined;
    const source = arrow.create({ path: this.#path }, { folder: this.#folder });
    return await source.open({ columns: this.#columns });
  }

  /** Removes it. */
  async remove(): Promise<void> {
    this.#writer?.abandon();
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }

  /** The columns that are read. */
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
 * Says that rows do not fit on the disk.
 *
 * @param folder Where they are copied to.
 * @param left How many bytes are left there.
 * @param cause What was thrown.
 */
export function fullDisk(folder: string, left: number, cause?: unknown): UserError {
  return new UserError(
    `the disk of ${folder}, which rows are copied to as they do not fit in memory, is full: ${
      formatBytes(left)
    } are left`,
    {
      hint: hint(
        "spill/room",
        "make room, choose another disk with TMPDIR, or raise data.memory",
        { outside: "the disk has to have room" },
      ),
      cause,
    },
  );
}
