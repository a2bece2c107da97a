import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Table, tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { convert } from "../../data/convert.ts";
import { createRandom } from "../../src/base/random.ts";
import { logitsOf, type Rows, type Said, train, writeDay, writeRows } from "./hand_over.ts";

/** Every sort of column. */
export function someRows(seed: number, count: number): Rows {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]) => values[random.integer(0, values.length - 1)]!;
  const column = <T>(make: () => T) => Array.from({ length: count }, make);
  return {
    city: column(() => pick(["Rome", "Oslo", "Bonn"])),
    item: column(() => pick(["apple", "berry", "cherry", "date"])),
    shelf: column(() => pick([7, -1, 9007199254740993n, 12])),
    page: column(() => pick(["/", "/a", "/ä"])),
    day: column(() => random.integer(0, 7)),
    price: column(() => random.uniform() < 0.2 ? null : Math.round(random.uniform() * 1e4) / 100),
    time: column(() => 1_700_000_000 + random.integer(0, 86_400)),
    y: column(() => pick([0, 1])),
  };
}

const columns = { price: "float64", time: "int64", shelf: "int64", day: "int64", y: "int64" };

/** What reads them, with transforms that measure. */
export const clicks: Record<string, unknown> = {
  data: {
    train: { use: "csv", path: "day.csv", columns },
    test: { use: "csv", path: "other.csv", columns },
    features: {
      city: { ids: "train" },
      item: { ids: { train: true, minCount: 2 } },
      last: { column: "item", ids: { of: "item" } },
      shelf: { ids: "train" },
      page: { ids: { hash: 5 } },
      day: { ids: { count: 8 } },
      price: { nulls: "mean" },
      time: {},
    },
    transforms: [{ use: "normalize", feature: ["price", "time"] }],
  },
  train: { epochs: 1, batch: 16 },
};

/** Trains on some rows and gives what the run itself makes of others. */
export async function trained(
  folder: string,
  rows: Rows,
  others: Rows,
  parts: Record<string, unknown>,
): Promise<{ out: string; table: Table; logits: Said["logits"] }> {
  await writeRows(join(folder, "other.csv"), others);
  const file = await writeDay(folder, "day", rows, parts);
  const { out } = await train(file);
  const { logits } = await logitsOf(file, join(out, "checkpoints", "best.safetensors"));
  await convert({ from: join(folder, "other.csv"), to: join(folder, "other.arrow") });
  const table = tableFromIPC(await Deno.readFile(join(folder, "other.arrow")));
  await Deno.remove(join(folder, "day.csv"));
  return { out, table, logits };
}

/** Asserts that logits are those of a run, up to 1e-5 of the largest one. */
export function assertClose(actual: Float32Array, expected: readonly number[][]): void {
  const flat = expected.flat(), top = Math.max(...flat.map(Math.abs));
  assertEquals(actual.length, flat.length);
  flat.forEach((logit, index) => assertAlmostEquals(actual[index]!, logit, 1e-5 * top));
}
