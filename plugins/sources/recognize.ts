import { hint, UserError } from "../../plugin.ts";
import { arrowBeside } from "./hints.ts";
import type { RandomAccess } from "./random_access.ts";

/**
 * Formats that users mistake for Arrow: the first bytes, a description, and the Python expression
 * that reads the file, which is empty if there is none.
 */
const otherFormats: readonly (readonly [start: string, name: string, convert: string])[] = [
  ["PAR1", "a Parquet file", 'pyarrow.parquet.read_table("FILE")'],
  ["FEA1", "a Feather file of version 1", 'pyarrow.feather.read_table("FILE")'],
  ["ORC", "an ORC file", 'pyarrow.orc.read_table("FILE")'],
  ["\x1f\x8b", "compressed with gzip", ""],
  ["\x28\xb5\x2f\xfd", "compressed with zstd", ""],
  ["PK\x03\x04", "a ZIP archive", ""],
  ["\x89HDF", "an HDF5 file", 'pyarrow.Table.from_pandas(pandas.read_hdf("FILE"))'],
  ["\x93NUMPY", "a NumPy file", ""],
  ["version https://git-lfs", "a pointer of Git LFS", ""],
];

/**
 * Detects whether a file has the IPC file format or the IPC stream format of Arrow, from its first
 * and last bytes.
 *
 * @param file The file.
 * @returns `"file"` for the IPC file format, `"stream"` for the IPC stream format.
 * @throws {UserError} If the file is empty, truncated, or not an Arrow file.
 */
export async function recognize(file: RandomAccess): Promise<"file" | "stream"> {
  const { name, size } = file;
  if (size === 0) throw new UserError(`${name} is empty`);
  const bytes = new Uint8Array(Math.min(size, 32)), end = new Uint8Array(Math.min(size, 6));
  await file.read(0, bytes);
  await file.read(size - end.length, end);
  const start = textOf(bytes);
  if (start.startsWith("ARROW1")) {
    if (textOf(end) === "ARROW1" && size > 16) return "file";
    throw new UserError(`${name} is an Arrow file whose end is missing`, {
      hint: hint(
        "arrow/end",
        "the file was cut off or is still being written: create or download it again",
        { edit: "the data file" },
      ),
    });
  }
  if (size >= 8) {
    const first = new DataView(bytes.buffer).getInt32(0, true);
    // Before Arrow 0.15, a stream started with the length of its first message.
    if (first === -1 || (first > 0 && first < size - 4)) return "stream";
  }
  const known = otherFormats.find(([magic]) => start.startsWith(magic));
  if (known) {
    const [, what, convert] = known;
    throw notArrow(name, what, convert.replace("FILE", name));
  }
  if (/^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(start)) {
    throw /^\s*[[{]/.test(start)
      ? notArrow(name, "a JSON file", `pyarrow.json.read_json("${name}")`)
      : notArrow(name, "a text file, perhaps CSV", `pyarrow.csv.read_csv("${name}")`);
  }
  const hex = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  throw notArrow(name, `in an unknown format (it starts with the bytes ${hex.join(" ")})`);
}

const textOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

function notArrow(name: string, what: string, convert = ""): UserError {
  return new UserError(`${name} is ${what}; expected an Arrow IPC file or stream`, {
    hint: convert === "" ? undefined : hint(
      "arrow/other",
      `rewrite it in Python: pyarrow.feather.write_feather(${convert}, "${
        arrowBeside(name)
      }", compression="uncompressed")`,
      { edit: "the data file" },
    ),
  });
}
