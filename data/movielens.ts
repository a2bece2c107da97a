import {
  Field,
  Int32,
  List,
  Schema,
  Table,
  TimestampSecond,
  Uint16,
  Uint8,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { arrowBytes } from "../src/base/files/arrow_writer.ts";
import { writeFileWhole } from "../src/base/files/write.ts";
import { UserError } from "../src/base/errors.ts";
import { counted } from "../src/base/text_table.ts";
import type { DataSet } from "./data_set.ts";
import { type MovieLens, type Rating, readMovieLens } from "./movielens_files.ts";

const about = {
  name: "MovieLens 100k as clicks: a film that was rated 4 or 5 counts as clicked",
  authors:
    "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context, ACM TiiS 5 (2015)",
  license: "GroupLens' own: for research, not to be redistributed; see the README of ml-100k",
  source: "https://grouplens.org/datasets/movielens/100k/",
  split: "by time: the first 80 % of the ratings train, the next 10 % validation, the rest test",
};

/** The minimum rating that counts as a click. */
const clickedFrom = 4;

/** The maximum number of earlier clicks in a history. */
const historyLength = 100;

/**
 * An impression: a rating that counts as a click or no click, with the films that the user clicked
 * before.
 */
export interface Impression extends Rating {
  /** Whether the film was rated 4 or more. */
  readonly clicked: boolean;
  /**
   * The films that the user clicked in earlier seconds, in the order of time; only the last ones if
   * there are many.
   */
  readonly history: readonly number[];
}

/** The MovieLens 100k data set: 100,000 film ratings, converted to clicks. */
export const movielens: DataSet = {
  name: "movielens",
  summary: "MovieLens 100k as clicks, split by time (GroupLens; not for redistribution)",
  folder: "movielens",
  async make({ from, out, report }) {
    const source = await readMovieLens(from, report);
    for (const [split, rows] of Object.entries(splitByTime(impressionsOf(source.ratings)))) {
      const file = join(out, `${split}.arrow`);
      await writeFileWhole(file, arrowBytes(tableOf(rows, source)));
      report(`${file}: ${counted(rows.length, "row")}`);
    }
    report("the license of MovieLens covers research only: do not redistribute the data");
  },
};

/**
 * Converts ratings to impressions, sorted by time. The history of an impression does not contain
 * clicks of the same second, because their order is unknown.
 *
 * @param ratings The ratings, in any order.
 * @returns The impressions.
 */
export function impressionsOf(ratings: readonly Rating[]): Impression[] {
  const sorted = ratings.toSorted((a, b) => a.time - b.time || a.user - b.user || a.item - b.item);
  const clicks = new Map<number, { item: number; time: number }[]>();
  return sorted.map((rating) => {
    const own = clicks.get(rating.user) ?? [];
    clicks.set(rating.user, own);
    const before = own.filter(({ time }) => time < rating.time).slice(-historyLength);
    const clicked = rating.rating >= clickedFrom;
    if (clicked) own.push({ item: rating.item, time: rating.time });
    return { ...rating, clicked, history: before.map(({ item }) => item) };
  });
}

/**
 * Splits impressions by time: the first 80 % are the training split, the next 10 % the validation
 * split, and the rest the test split. Impressions of the same second are in the same split.
 *
 * @param rows The impressions, in the order of time.
 * @returns The impressions of each split.
 */
export function splitByTime(
  rows: readonly Impression[],
): Record<"train" | "validation" | "test", Impression[]> {
  const [first, second] = [0.8, 0.9].map((part) => rows[Math.floor(part * rows.length)]?.time ?? 0);
  return {
    train: rows.filter(({ time }) => time < first!),
    validation: rows.filter(({ time }) => time >= first! && time < second!),
    test: rows.filter(({ time }) => time >= second!),
  };
}

function tableOf(rows: readonly Impression[], { items, users }: MovieLens): Table {
  const known = <T>(what: string, all: ReadonlyMap<number, T>, id: number) => {
    const one = all.get(id);
    if (one !== undefined) return one;
    throw new UserError(
      `the ratings refer to the ${what} ${id}, which is missing from the file of ${what}s`,
    );
  };
  const item = rows.map((row) => known("film", items, row.item));
  const user = rows.map((row) => known("user", users, row.user));
  const list = <T extends Int32 | Utf8>(type: T) => new List(new Field("item", type, false));
  const columns: Record<string, Vector> = {
    user: vectorFromArray(rows.map((row) => row.user), new Int32()),
    item: vectorFromArray(rows.map((row) => row.item), new Int32()),
    genres: vectorFromArray(item.map(({ genres }) => genres), list(new Utf8())),
    year: vectorFromArray(item.map(({ year }) => year ?? null), new Uint16()),
    age: vectorFromArray(user.map(({ age }) => age), new Uint8()),
    gender: vectorFromArray(user.map(({ gender }) => gender)),
    occupation: vectorFromArray(user.map(({ occupation }) => occupation)),
    zip: vectorFromArray(user.map(({ zip }) => zip)),
    history: vectorFromArray(rows.map(({ history }) => history), list(new Int32())),
    time: vectorFromArray(rows.map(({ time }) => time * 1000), new TimestampSecond()),
    rating: vectorFromArray(rows.map(({ rating }) => rating), new Uint8()),
    clicked: vectorFromArray(rows.map(({ clicked }) => Number(clicked)), new Uint8()),
  };
  const table = new Table(columns);
  return new Table(
    new Schema(table.schema.fields, new Map(Object.entries(about)), table.schema.dictionaries),
    table.batches,
  );
}
