import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import {
  ClickWorld,
  CONSTANTS,
  examination,
  HISTORY,
  type Impression,
  meanExamination,
  type Request,
  SIGNS,
  zipf,
} from "../../data/click_world.ts";
import { syntheticClicks, writeSplits } from "../../data/synthetic_clicks.ts";
import { UserError } from "../../src/base/errors.ts";
import { inFolder, launch } from "../support/command_line.ts";

const options = { rows: 200_000, seed: 3, depth: 3, strength: 1 };
const world = new ClickWorld(options);
const requests: readonly Request[] = [...world.requests()];
const impressions = requests.flatMap(({ impressions }) => impressions);

/**
 * Checks that a number of successes is as expected: within five standard deviations of a sum of
 * independent draws with these probabilities. The seed is fixed, so the result is always the same.
 */
function assertExpected(successes: number, probabilities: Iterable<number>, what: string) {
  let mean = 0, variance = 0;
  for (const probability of probabilities) {
    mean += probability;
    variance += probability * (1 - probability);
  }
  assert(
    Math.abs(successes - mean) < 5 * Math.sqrt(variance) + 1e-9,
    `${what}: ${successes} instead of ${mean} ± ${Math.sqrt(variance)}`,
  );
}

const countOf = <T>(values: readonly T[], is: (value: T) => boolean) => values.filter(is).length;

const repeat = (probability: number, count: number) => Array<number>(count).fill(probability);

Deno.test("each request has ten impressions, and each day has the same number of requests", () => {
  assertEquals(requests.length, 20_000);
  for (let day = 0; day < 10; day++) {
    assertEquals(countOf(requests, (request) => request.day === day), 2000);
  }
  assertEquals(requests.map(({ number }) => number), [...requests.keys()]);
  for (const { impressions } of requests) {
    assertEquals(impressions.map(({ position }) => position), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  }
});

Deno.test("users and items of the catalog have the frequencies of Zipf's law", () => {
  const weights = (count: number, exponent: number) => {
    const all = Array.from({ length: count }, (_, index) => 1 / (index + 1) ** exponent);
    const sum = all.reduce((sum, weight) => sum + weight, 0);
    return all.map((weight) => weight / sum);
  };
  const users = weights(world.users, 0.7), items = weights(world.catalog, 1);
  assertEquals([users.length, items.length], [2000, 400]);
  zipf(400, 1).forEach((sum, rank) => {
    assertAlmostEquals(sum, items.slice(0, rank + 1).reduce((sum, one) => sum + one, 0), 1e-12);
  });
  for (const rank of [0, 1, 2, 9, 99, 399]) {
    assertExpected(
      countOf(requests, ({ user }) => user === rank),
      repeat(users[rank]!, requests.length),
      `user ${rank}`,
    );
    assertExpected(
      countOf(impressions, ({ item }) => item === rank),
      repeat(0.8 * items[rank]!, impressions.length),
      `item ${rank}`,
    );
  }
});

Deno.test("a fifth of the impressions have items of the last three days, two thirds of which are new in the test split", () => {
  const perDay = world.newPerDay, first = world.catalog;
  const seen = new Set<number>();
  for (const { day, impressions } of requests) {
    for (const { item } of impressions) {
      if (day < 8) seen.add(item);
      if (item < first) continue;
      const born = Math.floor((item - first) / perDay);
      assert(born <= day && born > day - 3, `item ${item} on day ${day}`);
    }
  }
  const test = requests.filter(({ day }) => day === 9).flatMap(({ impressions }) => impressions);
  assertExpected(countOf(test, ({ item }) => item >= first), repeat(0.2, test.length), "new items");
  assertExpected(
    countOf(test, ({ item }) => item >= first + 8 * perDay),
    repeat(0.2 * 2 / 3, test.length),
    "unseen items",
  );
  assert(test.every(({ item }) => item < first || item >= first + 8 * perDay || seen.has(item)));
});

Deno.test("the click rate falls with the position as 1/√position", () => {
  assertAlmostEquals(examination(4), 0.5, 1e-12);
  const clicks = (position: number) =>
    countOf(impressions, (one) => one.position === position && one.click === 1);
  for (const position of [2, 4, 7, 10]) {
    // The deviation of a ratio of two counts, to first order.
    const ratio = clicks(position) / clicks(1);
    const deviation = ratio * Math.sqrt(1 / clicks(position) + 1 / clicks(1));
    assert(Math.abs(ratio - 1 / Math.sqrt(position)) < 5 * deviation, `position ${position}`);
  }
  let sum = 0;
  for (let position = 1; position <= 10; position++) sum += 1 / Math.sqrt(position);
  assertAlmostEquals(meanExamination, sum / 10, 1e-12);
});

/** Checks that the rows of each tenth of predicted probabilities have this fraction of successes. */
function assertCalibrated(
  rows: readonly Impression[],
  success: (row: Impression) => number,
  probability: (row: Impression) => number,
  what: string,
) {
  const sorted = rows.toSorted((a, b) => probability(a) - probability(b));
  for (let part = 0; part < 10; part++) {
    const own = sorted.slice(part * rows.length / 10, (part + 1) * rows.length / 10);
    const successes = own.reduce((sum, row) => sum + success(row), 0);
    assertExpected(successes, own.map(probability), `${what}, tenth ${part}`);
  }
  const mean = rows.reduce((sum, row) => sum + probability(row), 0) / rows.length;
  assert(mean > 0.02 && mean < 0.98);
}

Deno.test("all probabilities are calibrated", () => {
  const clicked = impressions.filter(({ click }) => click === 1);
  assertCalibrated(impressions, ({ click }) => click, (row) => row.clickProbability, "click");
  assertCalibrated(
    impressions,
    ({ click }) => click,
    (row) => row.clickProbabilityAnywhere,
    "click without position",
  );
  assertCalibrated(clicked, ({ buy }) => buy, (row) => row.buyProbability, "purchase");
  assertCalibrated(
    clicked,
    ({ buy }) => buy,
    (row) => row.buyProbabilityByDwell!,
    "purchase with dwell time",
  );
});

Deno.test("purchases and dwell times need a click, and purchases have longer ones", () => {
  for (const { click, buy, dwell, buyProbabilityByDwell } of impressions) {
    assert(click === 1 || buy === 0);
    assertEquals([dwell === undefined, buyProbabilityByDwell === undefined], [!click, !click]);
  }
  for (const buy of [0, 1]) {
    const logs = impressions.filter((one) => one.click === 1 && one.buy === buy)
      .map(({ dwell }) => Math.log(dwell!));
    const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / logs.length;
    assert(Math.abs(mean - 3 - buy) < 5 * 0.7 / Math.sqrt(logs.length));
    assertAlmostEquals(Math.sqrt(variance), 0.7, 0.02);
  }
});

Deno.test("the interactions are a sum of products of exactly `depth` features with variance 1", () => {
  for (const depth of [1, 2, 3, 11]) {
    const { interactions } = new ClickWorld({ ...options, rows: 1000, depth });
    // The Walsh transform contains the factor of each product of features.
    const transform = Float64Array.from(interactions);
    for (let half = 1; half < transform.length; half *= 2) {
      for (let at = 0; at < transform.length; at++) {
        if (at & half) continue;
        const [low, high] = [transform[at]!, transform[at + half]!];
        [transform[at], transform[at + half]] = [low + high, high - low];
      }
    }
    const factors = transform.map((value) => value / transform.length);
    const used = [...factors.keys()].filter((mask) => Math.abs(factors[mask]!) > 1e-9);
    assertEquals(used.length, 12);
    for (const mask of used) {
      assertAlmostEquals(Math.abs(factors[mask]!), 1 / Math.sqrt(12), 1e-9);
      assertEquals([...mask.toString(2)].filter((bit) => bit === "1").length, depth);
    }
    const mean = interactions.reduce((sum, value) => sum + value, 0) / interactions.length;
    const square = interactions.reduce((sum, value) => sum + value ** 2, 0) / interactions.length;
    assertAlmostEquals(mean, 0, 1e-9);
    assertAlmostEquals(square, 1, 1e-9);
  }
});

Deno.test("features are independent, and the affinity measures the interactions", () => {
  for (let sign = 0; sign < SIGNS; sign++) {
    const ones = countOf(impressions, ({ bits }) => (bits >> sign & 1) === 1);
    assertExpected(ones, repeat(0.5, impressions.length), `f${sign + 1}`);
  }
  let error = 0, square = 0;
  for (const { affinity, bits } of impressions) {
    error += affinity - world.interactions[bits]!;
    square += (affinity - world.interactions[bits]!) ** 2;
  }
  const count = impressions.length, deviation = CONSTANTS.affinityError;
  assert(Math.abs(error / count) < 5 * deviation / Math.sqrt(count));
  assertAlmostEquals(Math.sqrt(square / count), deviation, 0.01);
});

Deno.test("the history contains the last 20 clicks of earlier requests, in the order of time", () => {
  const clicks = new Map<number, number[]>();
  let full = 0;
  for (const { user, history, impressions } of requests) {
    const own = clicks.get(user) ?? [];
    clicks.set(user, own);
    assertEquals(history, own.slice(-HISTORY));
    if (own.length > HISTORY) full++;
    for (const { click, item } of impressions) if (click) own.push(item);
  }
  assert(full > 1000);
});

Deno.test("users like the items of their favorite categories", () => {
  const rate = (favorite: number) => {
    const own = requests.flatMap(({ user, impressions }) =>
      impressions.filter(({ category }) => (world.favorites[user]! >> category & 1) === favorite)
    );
    assert(own.length > 10_000);
    return own.reduce(
      (sum, { clickProbabilityAnywhere }) =>
        sum + Math.log(1 / (clickProbabilityAnywhere / meanExamination) - 1),
      0,
    ) / own.length;
  };
  // The mean logits differ by the taste, up to the effects of users and items in both groups.
  assertAlmostEquals(rate(0) - rate(1), CONSTANTS.taste, 0.1);
});

async function read(folder: string) {
  const splits = ["train", "validation", "test"];
  return await Promise.all(
    splits.map(async (split) => tableFromIPC(await Deno.readFile(join(folder, `${split}.arrow`)))),
  );
}

const plain = (value: unknown) =>
  JSON.stringify(value, (_, inner) => ArrayBuffer.isView(inner) ? [...inner as Int32Array] : inner);

Deno.test("the files contain the impressions of days 0 to 7, 8, and 9, for any size of record batches", () =>
  inFolder(async (folder) => {
    const small = { ...options, rows: 3000 };
    const expected = [...new ClickWorld(small).requests()];
    const texts: string[] = [];
    for (const batchRows of [7, 1000, 100_000]) {
      writeSplits(folder, small, () => {}, batchRows);
      const tables = await read(folder);
      assertEquals(tables.map(({ numRows }) => numRows), [2400, 300, 300]);
      const rows = tables.flatMap((table) => table.toArray().map((row) => row.toJSON()));
      texts.push(plain(rows.map((row) => ({ ...row, history: [...row.history] }))));
      const at = 1234, { day, number, user, history, impressions } = expected[at / 10 | 0]!;
      const one = impressions[at % 10]!, row = rows[at]!;
      assertEquals(
        [row.day, row.request, row.position, row.user, row.item, row.category, row.click, row.buy],
        [day, number, one.position, user, one.item, one.category, one.click, one.buy],
      );
      assertEquals([...row.history], history);
      assertEquals([row.f1, row.f12], [one.bits & 1, one.bits >> 11 & 1].map((bit) => 2 * bit - 1));
      for (const [index, row] of rows.entries()) {
        const one = expected[index / 10 | 0]!.impressions[index % 10]!;
        assertEquals(row.dwell, one.dwell === undefined ? null : Math.fround(one.dwell));
        assertEquals(row.affinity, Math.fround(one.affinity));
        assertEquals(row.click_probability, one.clickProbability);
        assertEquals(row.buy_probability, one.buyProbability);
        assertEquals(
          row.click_probability_without_position,
          Math.fround(one.clickProbabilityAnywhere),
        );
      }
    }
    assertEquals(new Set(texts).size, 1);
  }));

async function hashes(folder: string, seed: number, rows = 200_000) {
  writeSplits(folder, { ...options, rows, seed });
  return await Promise.all(["train", "validation", "test"].map(async (split) => {
    const bytes = await Deno.readFile(join(folder, `${split}.arrow`));
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  }));
}

Deno.test("the same seed always gives the same bytes, and another seed gives others", () =>
  inFolder(async (folder) => {
    const first = await hashes(folder, 1);
    assertEquals(first.map((hash) => hash.slice(0, 16)), [
      "a5a30d1b5e85c84b",
      "37bb3ead3e5ee86d",
      "91ea1ded09d23d6b",
    ]);
    const other = await hashes(folder, 2);
    for (const [at, hash] of first.entries()) assertNotEquals(hash, other[at]);
  }));

// The command of data/README.md, with fewer rows.
Deno.test("data synthetic-clicks writes files with a user's permissions and prints the best possible results", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await launch(
      "data/main.ts",
      [
        ...["synthetic-clicks", "--rows", "20000", "--seed", "5", "--depth", "1"],
        ...["--strength", "2", "--out", folder],
      ],
    );
    assertEquals(code, 0, stderr);
    const [train] = await read(folder);
    assertEquals(train!.numRows, 16_000);
    const source = train!.schema.metadata.get("source");
    assertEquals(
      source,
      "deno task data synthetic-clicks --rows 20000 --seed 5 --depth 1 --strength 2",
    );
    const value = (line: string) =>
      stdout.split("\n").find((text) => text.startsWith(`${line}  `))!.split(/ {2,}/).slice(1)
        .map(Number);
    const [area, , loss] = value("click"), [known, , knownLoss] = value("click, position known");
    assert(area! > 0.6 && known! > area! && loss! > knownLoss!, stdout);
    const [buy, , buyLoss] = value("purchase after a click");
    const [dwell, , dwellLoss] = value("purchase after a click, dwell time known");
    assert(dwell! > buy! && dwellLoss! < buyLoss!, stdout);
    // The expected log loss is the mean entropy of the true probabilities.
    const [, , test] = await read(folder);
    const entropies = test!.toArray().map(({ click_probability: p }) =>
      -p * Math.log(p) - (1 - p) * Math.log(1 - p)
    );
    const mean = entropies.reduce((sum, entropy) => sum + entropy, 0) / entropies.length;
    assertAlmostEquals(knownLoss!, mean, 0.05);
  }));

Deno.test("the numbers on the command line have ranges", async () => {
  const wrong: [options: Record<string, string>, message: string][] = [
    [{ rows: "1050" }, "--rows expects a multiple of 100 from 1000 to 100000000, got 1050"],
    [{ rows: "900" }, "got 900"],
    [{ seed: "-1" }, "--seed expects a whole number from 0 to 4294967295, got -1"],
    [{ depth: "12" }, "--depth expects a whole number from 1 to 11, got 12"],
    [{ depth: "2.5" }, "got 2.5"],
    [{ strength: "x" }, "--strength expects a number from 0 to 10, got x"],
    [{ strength: "" }, "--strength expects a number from 0 to 10, got "],
  ];
  for (const [options, message] of wrong) {
    const make = async () =>
      await syntheticClicks.make({ from: undefined, out: "none", options, report: () => {} });
    await assertRejects(make, UserError, message);
  }
});
