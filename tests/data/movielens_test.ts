import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { readMovieLens } from "../../data/movielens_files.ts";
import { impressionsOf, movielens, splitByTime } from "../../data/movielens.ts";
import { UserError } from "../../src/base/errors.ts";
import { inFolder } from "../support/command_line.ts";

const genres = (...set: number[]) =>
  Array.from({ length: 19 }, (_, index) => Number(set.includes(index))).join("|");

/** GroupLens' own layout. */
const original = {
  "u.data": "1\t10\t5\t100\n2\t10\t3\t300\n1\t11\t4\t200\n1\t12\t2\t200\n",
  "u.item": `10|A (1995)|01-Jan-1995||http://a|${genres(1, 3)}\n` +
    `11|B|||http://b|${genres(8)}\n12|C (1996)|02-Feb-1996||http://c|${genres()}\n`,
  "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
};

/** RecBole's layout, with columns in another order and one more. */
const atomic = {
  "ml-100k.inter":
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t5\t100\n2\t10\t3\t300\n1\t11\t4\t200\n1\t12\t2\t200\n",
  "ml-100k.item":
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n10\tA\t1995\tAction Animation\n11\tB\t\tDrama\n12\tC\t1996\t\n",
  "ml-100k.user":
    "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t24\tM\ttechnician\t85711\n2\t53\tF\tother\t94043\n",
};

async function made(files: Readonly<Record<string, string>>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    await movielens.make({ from: folder, out: folder, report: () => {} });
    const rows = [];
    for (const split of ["train", "validation", "test"]) {
      const table = tableFromIPC(await Deno.readFile(join(folder, `${split}.arrow`)));
      rows.push(
        ...table.toArray().map((row) => JSON.parse(JSON.stringify({ split, ...row.toJSON() }))),
      );
    }
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("movielens creates the same clicks from both file layouts", async () => {
  const rows = await made(original);
  assertEquals(rows, await made(atomic));
  assertEquals(
    rows.map(({ user, item, clicked, history, genres, year }) => ({
      user,
      item,
      clicked,
      history,
      genres,
      year,
    })),
    [
      { user: 1, item: 10, clicked: 1, history: [], genres: ["Action", "Animation"], year: 1995 },
      { user: 1, item: 11, clicked: 1, history: [10], genres: ["Drama"], year: null },
      { user: 1, item: 12, clicked: 0, history: [10], genres: [], year: 1996 },
      { user: 2, item: 10, clicked: 0, history: [], genres: ["Action", "Animation"], year: 1995 },
    ],
  );
  assertEquals([rows[3].age, rows[3].gender, rows[3].occupation, rows[3].zip], [
    53,
    "F",
    "other",
    "94043",
  ]);
});

Deno.test("a history contains the clicks of earlier seconds, in the order of time, and at most 100", () => {
  const ratings = Array.from({ length: 150 }, (_, index) => ({
    user: 7,
    item: index,
    rating: index % 10 === 9 ? 3 : 4,
    time: 1000 - Math.floor(index / 2),
  }));
  const rows = impressionsOf(ratings);
  const times = new Map(ratings.map(({ item, time }) => [item, time]));
  for (const { time, history } of rows) {
    const clicks = ratings.filter((other) => other.rating >= 4 && other.time < time);
    assertEquals(history.length, Math.min(100, clicks.length));
    assertEquals(history.every((item) => times.get(item)! < time && item % 10 !== 9), true);
    const own = history.map((item) => times.get(item)!);
    assertEquals(own, own.toSorted((a, b) => a - b));
  }
});

Deno.test("splits by time keep the ratings of one second together", () => {
  const rows = impressionsOf(Array.from({ length: 40 }, (_, index) => ({
    user: index,
    item: 1,
    rating: 5,
    time: Math.floor(index / 3),
  })));
  const { train, validation, test } = splitByTime(rows);
  assertEquals(train.length + validation.length + test.length, 40);
  assertEquals(Math.max(...train.map(({ time }) => time)) < validation[0]!.time, true);
  assertEquals(Math.max(...validation.map(({ time }) => time)) < test[0]!.time, true);
});

Deno.test("movielens names missing files and invalid values", async () => {
  const { "u.user": _, ...without } = original;
  const missing = await assertRejects(
    () => made(without),
    UserError,
    "has neither the files u.data",
  );
  assertStringIncludes(missing.problems[0]!.hint!, "--from FOLDER");
  await assertRejects(
    () => made({ ...original, "u.data": "1\t10\t5\n" }),
    UserError,
    "line 1 of u.data has 3 fields; expected 4",
  );
  await assertRejects(
    () => made({ ...original, "u.data": "1\t99\t5\t7\n" }),
    UserError,
    "the ratings refer to the film 99, which is missing from the file of films",
  );
  const user = original["u.user"].split("\n")[0]!, [id, age] = user.split("|");
  const wrong: [name: "u.data" | "u.user", text: string, message: string][] = [
    [
      "u.data",
      "4294967297\t1\t5\t7\n",
      '"4294967297"; expected a whole number from 0 to 2147483647',
    ],
    ["u.data", "0x1\t1\t5\t7\n", '"0x1"; expected a whole number'],
    [
      "u.user",
      user.replace(`${id}|${age}`, `${id}|300`),
      '"300"; expected a whole number from 0 to 255',
    ],
    ["u.user", `${user}\n${user}`, `line 2 of u.user has the user ${id} for the second time`],
  ];
  for (const [name, text, message] of wrong) {
    await assertRejects(() => made({ ...original, [name]: text }), UserError, message);
  }
});

Deno.test({
  name: "readMovieLens() rejects a pipe instead of a file without waiting for data",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      new Deno.Command("mkfifo", { args: [join(folder, "u.data")] }).outputSync();
      await assertRejects(
        () => readMovieLens(folder, () => {}),
        UserError,
        "u.data cannot be read: it is not a regular file",
      );
    }),
});

Deno.test("movielens rejects a file that is much larger than the published one before reading it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "u.data"), "");
    // It takes no room: what nobody wrote reads as zeros.
    await Deno.truncate(join(folder, "u.data"), 2 ** 40);
    await assertRejects(
      () => readMovieLens(folder, () => {}),
      UserError,
      "u.data is larger than 10000000 bytes",
    );
  }));
