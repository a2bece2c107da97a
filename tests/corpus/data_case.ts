import { join } from "node:path";
import {
  type Field,
  Int32,
  Table,
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";
import { root } from "../support/command_line.ts";
import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";

/** How a bad data file is made of a good one, and what is to be said of it. */
export interface DataCase {
  /** What it proves. */
  readonly name: string;
  /**
   * The files by name, or folders, which end in a slash; the source reads the first one unless it
   * says another path.
   */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** The source, as the pipeline file writes it. */
  readonly source?: string;
  /** What a person changes who follows a hint, by its id. */
  readonly mended?: Readonly<Record<string, Mend>>;
  /** What is done before, and ended afterwards. */
  readonly before?: Case["before"];
  /** `data.features` and `data.label`. */
  readonly features?: string;
  readonly label?: string;
  /** `data.memory`; what does not fit is streamed. */
  readonly memory?: string;
  /** What is said; 1 is the exit code unless the pipeline file is to be mended. */
  readonly words: readonly string[];
  readonly code?: 1 | 2;
  /** The line of the pipeline file: of the source, of the features, of the label. */
  readonly at?: "source" | "features" | "label";
}

/** The lines of {@linkcode DataCase.at} in the pipeline file. */
export const lines = { source: 4, features: 6, label: 7 } as const;

/** Bytes of a file. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A committed file. */
export const fixture = (path: string): Bytes =>
  Deno.readFileSync(join(root, "tests/fixtures", path));
/** The bytes of a text. */
export const text = (bytes: string) => new TextEncoder().encode(bytes);

/** Rows of two columns, as most cases have them. */
export const rows = { x: Float32Array.of(0, 1, 2, 3), y: Int32Array.of(0, 1, 0, 1) };
/** An Arrow file of such columns. */
export const file = (columns: Record<string, unknown> = rows, format: "file" | "stream" = "file") =>
  new Uint8Array(tableToIPC(tableFromArrays(columns as typeof rows), format)) as Bytes;

/** A file of any column, with `y` beside it. */
export function fileOf(x: unknown[], type: ConstructorParameters<typeof Field>[1]): Bytes {
  const vector = vectorFromArray(x, type);
  const y = vectorFromArray(x.map((_, row) => row % 2), new Int32());
  return new Uint8Array(tableToIPC(new Table({ x: vector, y }), "file")) as Bytes;
}
