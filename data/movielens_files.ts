import { join } from "node:path";
import { UserError } from "../src/base/errors.ts";
import { readRegular } from "../src/base/files/regular.ts";
import { hint } from "../src/base/hints.ts";
import { listed } from "../src/base/listed.ts";
import { download, type Published, refuseLarge } from "./original.ts";
import { readZip } from "./zip.ts";

/** One rating. */
export interface Rating {
  readonly user: number;
  readonly item: number;
  /** The rating, from 1 to 5. */
  readonly rating: number;
  /** The time, in seconds since 1970. */
  readonly time: number;
}

/** The known properties of a film. */
export interface Item {
  /** The year of release, if known. */
  readonly year: number | undefined;
  readonly genres: readonly string[];
}

/** The properties of a user that MovieLens-100k contains. */
export interface User {
  readonly age: number;
  readonly gender: string;
  readonly occupation: string;
  readonly zip: string;
}

/** The content of the three files of MovieLens-100k. */
export interface MovieLens {
  readonly ratings: readonly Rating[];
  readonly items: ReadonlyMap<number, Item>;
  readonly users: ReadonlyMap<number, User>;
}

/** Reads a file by its name. Returns undefined if it does not exist. */
type Read = (name: string) => Promise<string | undefined>;

/** The archive as published by GroupLens. */
const archive: Published = {
  name: "ml-100k.zip",
  url: "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
  bytes: { atMost: 10_000_000 },
  hash: { algorithm: "md5", value: "0e33842e24a9c977be4e0107933c0723" },
};

/** The genres, in the order of the columns of `u.item`. */
const genreNames = [
  "unknown",
  "Action",
  "Adventure",
  "Animation",
  "Children's",
  "Comedy",
  "Crime",
  "Documentary",
  "Drama",
  "Fantasy",
  "Film-Noir",
  "Horror",
  "Musical",
  "Mystery",
  "Romance",
  "Sci-Fi",
  "Thriller",
  "War",
  "Western",
] as const;

/**
 * Reads MovieLens-100k from a folder with GroupLens' own files (`u.data`, `u.item`, `u.user`) or
 * with RecBole's atomic files (`ml-100k.inter`, `.item`, `.user`). Without a folder, it downloads
 * GroupLens' files.
 *
 * @param from The folder, if any.
 * @param report Receives a line about the origin of the files.
 * @returns The content of the files.
 * @throws {UserError} If files are missing or invalid.
 */
export async function readMovieLens(
  from: string | undefined,
  report: (line: string) => void,
): Promise<MovieLens> {
  report(from === undefined ? `downloading ${archive.url} (5 MB)` : `reading ${from}`);
  const read = from === undefined ? await fromSite() : readerOf(from);
  return await readOriginal(read) ?? await readAtomic(read) ?? missing(from);
}

function missing(from: string | undefined): never {
  throw new UserError(
    `${
      from ?? archive.url
    } has neither the files u.data, u.item, and u.user nor ml-100k.inter, .item, and .user`,
    {
      hint: hint(
        "movielens/folder",
        "pass the folder with GroupLens' or RecBole's files: --from FOLDER",
        { edit: "the folder" },
      ),
    },
  );
}

/** The maximum size of a file in bytes; the size of the largest published file is 2 MB. */
const maxFile = 10_000_000;

const readerOf = (folder: string): Read => async (name) => {
  await refuseLarge(join(folder, name), { bytes: maxFile, url: archive.url });
  try {
    const bytes = await readRegular(join(folder, name));
    // GroupLens' files are in Latin-1. The columns that are read from RecBole's files contain only
    // ASCII.
    return new TextDecoder("latin1").decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UserError(`${join(folder, name)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
};

async function fromSite(): Promise<Read> {
  const bytes = await download(archive);
  const names = originalNames.map((name) => `ml-100k/${name}`);
  const files = await readZip(bytes, archive.url, names, maxFile);
  return (name) => {
    const content = files.get(`ml-100k/${name}`);
    return Promise.resolve(content && new TextDecoder("latin1").decode(content));
  };
}

const originalNames = ["u.data", "u.item", "u.user"];

async function readOriginal(read: Read): Promise<MovieLens | undefined> {
  const [data, item, user] = [await read("u.data"), await read("u.item"), await read("u.user")];
  if (data === undefined || item === undefined || user === undefined) return undefined;
  return {
    ratings: lines("u.data", data, "\t", 4).map(({ fields, where }) => rating(fields, where)),
    items: byId(
      "film",
      lines("u.item", item, "|", 5 + genreNames.length).map(({ fields, where }) => {
        const year = /-(\d{4})$/.exec(fields[2]!)?.[1];
        const genres = genreNames.filter((_, index) => fields[5 + index] === "1");
        const film = { year: year ? Number(year) : undefined, genres };
        return { where, entry: [whole(fields[0]!, lastId, where), film] };
      }),
    ),
    users: byId("user", lines("u.user", user, "|", 5).map(userOf)),
  };
}

async function readAtomic(read: Read): Promise<MovieLens | undefined> {
  const names = ["ml-100k.inter", "ml-100k.item", "ml-100k.user"] as const;
  const [data, item, user] = [await read(names[0]), await read(names[1]), await read(names[2])];
  if (data === undefined || item === undefined || user === undefined) return undefined;
  const columns = {
    ratings: ["user_id", "item_id", "rating", "timestamp"],
    items: ["item_id", "release_year", "class"],
    users: ["user_id", "age", "gender", "occupation", "zip_code"],
  };
  return {
    ratings: atomic(names[0], data, columns.ratings).map(({ fields, where }) =>
      rating(fields, where)
    ),
    items: byId(
      "film",
      atomic(names[1], item, columns.items).map(({ fields: [id, year, genres], where }) => {
        const film = {
          year: /^\d{4}$/.test(year!) ? Number(year) : undefined,
          genres: genres!.split(" ").filter((genre) => genre !== ""),
        };
        return { where, entry: [whole(id!, lastId, where), film] };
      }),
    ),
    users: byId("user", atomic(names[2], user, columns.users).map(userOf)),
  };
}

interface Line {
  readonly fields: readonly string[];
  readonly where: string;
}

function lines(name: string, text: string, separator: string, count: number): Line[] {
  return text.split("\n").map((line) => line.replace(/\r$/, "")).flatMap((line, index) => {
    if (line === "") return [];
    const fields = line.split(separator), where = `line ${index + 1} of ${name}`;
    if (fields.length === count) return [{ fields, where }];
    throw new UserError(`${where} has ${fields.length} fields; expected ${count}`);
  });
}

/**
 * Reads the lines of a file whose first line has the columns' names and types, such as
 * `user_id:token`.
 */
function atomic(name: string, text: string, columns: readonly string[]): Line[] {
  const header = text.split("\n", 1)[0]!.trim().split("\t").map((field) => field.split(":")[0]!);
  const places = columns.map((column) => {
    const place = header.indexOf(column);
    if (place >= 0) return place;
    throw new UserError(`${name} has no column ${column}; its columns are ${listed(header)}`);
  });
  return lines(name, text, "\t", header.length).slice(1).map(({ fields, where }) => ({
    fields: places.map((place) => fields[place]!),
    where,
  }));
}

function rating([user, item, value, time]: readonly string[], where: string): Rating {
  const rating = {
    user: whole(user!, lastId, where),
    item: whole(item!, lastId, where),
    rating: whole(value!, lastId, where),
    time: whole(time!, lastTime, where),
  };
  if (rating.rating >= 1 && rating.rating <= 5) return rating;
  throw new UserError(`${where} has the rating ${rating.rating}; expected 1 to 5`);
}

function userOf({ fields: [id, age, gender, occupation, zip], where }: Line) {
  const user: User = {
    // An unsigned 8-bit integer.
    age: whole(age!, 255, where),
    gender: gender!,
    occupation: occupation!,
    zip: zip!,
  };
  return { where, entry: [whole(id!, lastId, where), user] as const };
}

/** The largest time in the files, in seconds: milliseconds are exact until the year 9999. */
const lastTime = 253_402_300_799;

/** The largest id: a signed 32-bit integer. */
const lastId = 2 ** 31 - 1;

function whole(text: string, most: number, where: string): number {
  const value = Number(text);
  if (/^\d+(?:\.0+)?$/.test(text) && value <= most) return value;
  throw new UserError(
    `${where} has the value ${JSON.stringify(text)}; expected a whole number from 0 to ${most}`,
  );
}

/** Collects the films or users of a file by their ids, of which none may be there twice. */
function byId<T>(
  what: string,
  entries: readonly { readonly where: string; readonly entry: readonly [id: number, value: T] }[],
): Map<number, T> {
  const found = new Map<number, T>();
  for (const { where, entry: [id, value] } of entries) {
    if (found.has(id)) throw new UserError(`${where} has the ${what} ${id} for the second time`);
    found.set(id, value);
  }
  return found;
}
