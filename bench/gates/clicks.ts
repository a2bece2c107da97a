/**
 * Clicks that a program generates: users and items have a quality and tastes, and a price repels.
 *
 * @module
 */

import { join } from "node:path";
import { createRandom, deriveSeed } from "../../src/base/random.ts";

const users = 300, items = 120, tastes = 3;

/**
 * Writes `train.csv` (16,000 rows) and `test.csv` (6,000 rows) to a folder, always with the same
 * rows.
 *
 * @param folder The folder.
 */
export async function writeClicks(folder: string): Promise<void> {
  const random = createRandom(deriveSeed(1, "gates", "clicks"));
  // The sum of twelve uniform numbers is nearly normal.
  const normal = () =>
    Array.from({ length: 12 }, () => random.uniform()).reduce((a, b) => a + b) - 6;
  const vectors = (count: number) =>
    Array.from({ length: count }, () => Array.from({ length: tastes + 1 }, normal));
  const userVectors = vectors(users), itemVectors = vectors(items);
  const line = () => {
    const user = random.integer(0, users - 1), item = random.integer(0, items - 1);
    const price = 1 + 9 * random.uniform(), [u, i] = [userVectors[user]!, itemVectors[item]!];
    const match = u.slice(1).reduce((sum, taste, index) => sum + taste * i[index + 1]!, 0);
    const logit = -0.5 + 0.6 * u[0]! + 0.8 * i[0]! + 0.7 * match - 0.15 * (price - 5);
    const clicked = random.uniform() < 1 / (1 + Math.exp(-logit));
    return `u${user},i${item},${price.toFixed(2)},${Number(clicked)}\n`;
  };
  for (const [split, rows] of [["train", 16_000], ["test", 6_000]] as const) {
    const lines = Array.from({ length: rows }, line).join("");
    await Deno.writeTextFile(join(folder, `${split}.csv`), `user,item,price,clicked\n${lines}`);
  }
}
