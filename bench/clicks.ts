/**
 * Clicks as users have them, for the rows that train a whole epoch: 13 numbers, and 26 columns of
 * ids with up to 100,000 values, of which a few are frequent. The files are made on first use and
 * kept in bench/.nets/.
 *
 * @module
 */

import { DuckDBInstance } from "npm:@duckdb/node-api@1.5.6-r.1";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The number of columns of numbers and of ids, and the number of values of an id. */
export const NUMBERS = 13, IDS = 26, VALUES = 100_000;

/** The number of weights per column of ids, with which the labels are drawn. */
const WEIGHTS = 1000;

/**
 * Returns the folder with `train.parquet` and `test.parquet`, which has a tenth of the rows, and at
 * most 100,000.
 *
 * @param rows The number of training rows.
 */
export async function folderOfClicks(rows: number): Promise<string> {
  const folder = fileURLToPath(new URL(`.nets/clicks-${rows}`, import.meta.url));
  if (existsSync(join(folder, "done"))) return folder;
  await Deno.mkdir(folder, { recursive: true });
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  // One thread and a seed: the same rows everywhere.
  await connection.run("SELECT setseed(0.5)");
  for (const [name, count] of [["train", rows], ["test", Math.min(rows / 10, 100_000)]] as const) {
    const file = join(folder, `${name}.parquet`);
    await connection.run(
      `COPY (${query(count)}) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 51200)`,
    );
  }
  connection.closeSync();
  instance.closeSync();
  await Deno.writeTextFile(join(folder, "done"), "");
  return folder;
}

/**
 * Draws rows. The ids follow Zipf's law with the exponent 1.2, and the logit of the label is the sum
 * of a random weight for each id.
 */
function query(rows: number): string {
  const list = (count: number, column: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => column(index)).join(", ");
  const numbers = list(
    NUMBERS,
    (index) => `abs(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::FLOAT AS I${index}`,
  );
  const ids = list(
    IDS,
    (index) =>
      `(floor(least(pow(1 - random(), -5), 1e15))::BIGINT % ${VALUES})::INTEGER AS C${index}`,
  );
  // Uniform weights with the standard deviation 0.2.
  const weights = Array.from(
    { length: IDS },
    (_, index) => `(hash(C${index} % ${WEIGHTS}, ${index}) % 1000000 / 1e6 - 0.5)`,
  ).join(" + ");
  const logit = `-1.2 + ${Math.sqrt(12) * 0.2} * (${weights})`;
  return `SELECT (random() < 1 / (1 + exp(-(${logit}))))::TINYINT AS y, *
    FROM (SELECT ${numbers}, ${ids} FROM range(${rows}))`;
}
