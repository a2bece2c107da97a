import { join } from "node:path";
import { arrowFile } from "../../data/arrow_file.ts";
import { movielens } from "../../data/movielens.ts";
import { createRandom } from "../../src/base/random.ts";

/**
 * Makes 40 random images in the layout of `deno task data`, with the classes of CIFAR-10, CIFAR-100,
 * Fashion-MNIST, and SVHN.
 *
 * @param size The number of values of an image.
 * @returns An Arrow file.
 */
export function randomImages(size: number): Uint8Array<ArrayBuffer> {
  const rows = 40, random = createRandom(1);
  const bytes = (length: number, most: number) =>
    Uint8Array.from({ length }, () => random.uniform() * most);
  return arrowFile({
    images: bytes(rows * size, 256),
    labels: { label: bytes(rows, 10), coarse: bytes(rows, 20), fine: bytes(rows, 100) },
    about: {},
    batchRows: 16,
  }) as Uint8Array<ArrayBuffer>;
}

/**
 * Makes the files of `deno task data movielens` from 200 random ratings in the layout of GroupLens.
 *
 * @param folder An empty folder for all files.
 */
export async function makeRandomMovieLens(folder: string): Promise<void> {
  const random = createRandom(1),
    draw = (count: number) => 1 + Math.floor(random.uniform() * count);
  const lines = (count: number, line: (number: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index + 1) + "\n").join("");
  const genres = Array.from({ length: 19 }, (_, genre) => Number(genre === 3)).join("|");
  const ratings = {
    "u.data": lines(200, (time) => `${draw(4)}\t${draw(6)}\t${draw(5)}\t${time}`),
    "u.item": lines(6, (item) => `${item}|Film (1995)|01-Jan-1995||http://a|${genres}`),
    "u.user": lines(4, (user) => `${user}|${20 + user}|F|artist|85711`),
  };
  for (const [name, text] of Object.entries(ratings)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  await movielens.make({ from: folder, out: folder, report: () => {} });
}
