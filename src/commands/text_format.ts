import { isUtf8 } from "node:buffer";
import { openRegular } from "../base/files/regular.ts";

/** How a text file is written, as options of the source `csv`. Options with their default are absent. */
export interface TextFormat {
  readonly delimiter?: ";" | "|" | "\t";
  readonly encoding?: "utf-16" | "windows-1252";
  readonly decimal?: ",";
}

/** The number of bytes that are looked at. */
const SAMPLE = 2 ** 18;

/** The number of lines in which decimal commas are looked for. */
const MAX_LINES = 1_000;

/**
 * Guesses how a CSV or TSV file is written, from its start. Whoever exports a table from a
 * spreadsheet may not know.
 *
 * @param file The path of the file. Nothing is guessed of compressed files.
 * @returns The options of the source; none for a file in UTF-8 with commas, or tabs in `.tsv` files.
 */
export async function guessFormat(file: string): Promise<TextFormat> {
  if (!/\.[ct]sv$/i.test(file)) return {};
  // The source reports why a file cannot be read.
  using handle = await openRegular(file).catch(() => undefined);
  if (!handle) return {};
  const buffer = new Uint8Array(SAMPLE);
  const bytes = buffer.subarray(0, await handle.read(buffer) ?? 0);
  const isWhole = bytes.length < SAMPLE;
  const encoding = encodingOf(bytes, isWhole);
  const text = new TextDecoder(encoding === "utf-16" ? markOf(bytes) : encoding ?? "utf-8")
    .decode(bytes);
  const lines = text.split(/\r\n|\n|\r/).slice(0, MAX_LINES);
  // The last line of a part of a file may not be complete.
  if (!isWhole && lines.length < MAX_LINES) lines.pop();
  const usual = /\.tsv$/i.test(file) ? "\t" : ",";
  const delimiter = delimiterOf(lines[0] ?? "", usual);
  const isDecimal = delimiter !== "," && hasDecimalCommas(lines.slice(1), delimiter);
  return {
    ...(delimiter !== usual && { delimiter: delimiter as ";" }),
    ...(encoding && { encoding }),
    ...(isDecimal && { decimal: "," }),
  };
}

function encodingOf(bytes: Uint8Array, isWhole: boolean): TextFormat["encoding"] {
  if (markOf(bytes) !== undefined) return "utf-16";
  if (isUtf8(bytes)) return undefined;
  // A character may be cut in two at the end of the part.
  if (!isWhole && [1, 2, 3].some((count) => isUtf8(bytes.subarray(0, -count)))) return undefined;
  return "windows-1252";
}

/** Returns the encoding that a byte order mark of UTF-16 states. */
function markOf([first, second]: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

/** Returns the delimiter that occurs most often in the line with the names of columns. */
function delimiterOf(line: string, usual: string): string {
  const names = line.replaceAll(/"(?:[^"]|"")*"/g, "");
  const count = (delimiter: string) => names.split(delimiter).length;
  return [usual, ",", ";", "\t", "|"].reduce((best, one) => count(one) > count(best) ? one : best);
}

function hasDecimalCommas(lines: readonly string[], delimiter: string): boolean {
  const cells = lines.flatMap((line) => line.split(delimiter)).map((cell) =>
    cell.trim().replace(/^"(.*)"$/, "$1")
  );
  return cells.some((cell) => /^[+-]?\d+,\d+$/.test(cell)) &&
    !cells.some((cell) => /^[+-]?\d+\.\d+$/.test(cell));
}
