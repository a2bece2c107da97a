import { join } from "node:path";
import { writeFileWhole } from "../src/base/files/write.ts";
import { UserError } from "../src/base/errors.ts";
import { counted } from "../src/base/text_table.ts";
import { openRegular } from "../src/base/files/regular.ts";
import { createRandom, deriveSeed } from "../src/base/random.ts";
import { arrowFile } from "./arrow_file.ts";
import type { DataSet } from "./data_set.ts";

const pixels = 64;

const about = {
  name: "Optical Recognition of Handwritten Digits (the test portion: 1,797 images of 8 x 8)",
  authors: "E. Alpaydin, C. Kaynak",
  license: "CC BY 4.0",
  source: "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49",
  changes: "split into 1,437 rows to train on and 360 to test on, a fifth of each digit",
};

/** The handwritten digits of the UCI repository. Their CSV file is stored next to this script. */
export const digits: DataSet = {
  name: "digits",
  summary: "1,797 handwritten digits of 8 × 8 pixels from the UCI repository (CC BY 4.0)",
  folder: ".",
  async make({ from, out, report }) {
    const path = join(from ?? import.meta.dirname!, "digits.csv.gz");
    const rows = parse(await readText(path), path);
    const { train, test } = splitRows(rows.map((row) => row[pixels]!));
    for (const [name, chosen] of [["train", train], ["test", test]] as const) {
      const file = join(out, `digits-${name}.arrow`);
      await writeFileWhole(
        file,
        arrowFile({
          images: Uint8Array.from(chosen.flatMap((row) => rows[row]!.slice(0, pixels))),
          labels: { digit: Uint8Array.from(chosen, (row) => rows[row]![pixels]!) },
          about,
          batchRows: 512,
        }),
      );
      report(`${file}: ${counted(chosen.length, "row")}`);
    }
  },
};

/**
 * Splits the rows of the digits data set into training and test rows. The split is always the same:
 * a fifth of each class, drawn with a fixed seed, is the test split.
 *
 * @param classes The class of each row.
 * @returns The row numbers of both splits, ascending.
 */
export function splitRows(classes: readonly number[]): { train: number[]; test: number[] } {
  const random = createRandom(deriveSeed(0, "digits"));
  const keys = classes.map(() => random.uniform());
  const mixed = [...classes.keys()].sort((a, b) =>
    classes[a]! - classes[b]! || keys[a]! - keys[b]!
  );
  const ascending = (a: number, b: number) => a - b;
  return {
    train: mixed.filter((_, position) => position % 5 !== 0).sort(ascending),
    test: mixed.filter((_, position) => position % 5 === 0).sort(ascending),
  };
}

async function readText(path: string): Promise<string> {
  try {
    const file = await openRegular(path);
    return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parse(text: string, path: string): number[][] {
  return text.trimEnd().split("\n").map((line, index) => {
    const values = line.split(",").map(Number);
    const fine = values.length === pixels + 1 &&
      values.every((value, column) =>
        Number.isInteger(value) && value >= 0 && value <= (column < pixels ? 16 : 9)
      );
    if (fine) return values;
    throw new UserError(
      `line ${index + 1} of ${path} does not consist of 64 pixel values from 0 to 16 and a digit: ${
        line.slice(0, 40)
      }`,
    );
  });
}
