/**
 * Reads published files from a folder or downloads them, and rejects other files.
 *
 * @module
 */

// @ts-types="npm:@types/cli-progress@^3.11.6"
import { Presets, SingleBar } from "cli-progress";
import { createHash } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { UserError } from "../src/base/errors.ts";
import { readRegular } from "../src/base/files/regular.ts";
import { hint, type HintText } from "../src/base/hints.ts";

/** A file that can be downloaded from the publisher of a data set, with its size and hash. */
export interface Published {
  /** Its name, both on the site and in folders. */
  readonly name: string;
  /** Its URL. */
  readonly url: string;
  /** Its size in bytes, or an upper limit with `atMost`. */
  readonly bytes: number | { readonly atMost: number };
  /** The published hash, or the hash of the published file. */
  readonly hash: { readonly algorithm: "md5" | "sha256"; readonly value: string };
}

/**
 * Reads one published file that can have several names: the first of the names for which the folder
 * contains a file.
 *
 * @param folder The folder.
 * @param names The possible names.
 * @param advice The hint if none of them exists.
 * @param expected The maximum size of the file.
 * @returns The file's bytes and path.
 * @throws {UserError} If none exists, or if the file cannot be read or is too large.
 */
export async function readFirst(
  folder: string,
  names: readonly string[],
  advice: HintText,
  expected: Pick<Published, "bytes" | "url">,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> }> {
  for (const path of names.map((name) => join(folder, name))) {
    await refuseLarge(path, expected);
    try {
      return { path, bytes: await readRegular(path) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
  throw new UserError(`the folder ${folder} does not contain ${names.join(" or ")}`, {
    hint: advice,
  });
}

/**
 * Reads a published file from a folder, or downloads it.
 *
 * @param file The file.
 * @param from The folder; undefined to download the file.
 * @param report Receives a message that says where the file is read or downloaded from.
 * @returns The file's bytes, with the published hash, and its origin.
 * @throws {UserError} If the file is missing, too large, or not the published one.
 */
export async function readPublished(
  file: Published,
  from: string | undefined,
  report: (line: string) => void,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> }> {
  if (from === undefined) {
    report(`downloading ${file.url}`);
    return { path: file.url, bytes: await download(file) };
  }
  const advice = hint("data/from", `download ${file.url}, then pass its folder: --from FOLDER`, {
    edit: "the folder",
  });
  const { path, bytes } = await readFirst(from, [file.name], advice, file);
  report(`reading ${path}`);
  refuseOther(file, bytes, path, advice);
  return { path, bytes };
}

/** Returns the maximum size of a file. */
const greatest = ({ bytes }: Pick<Published, "bytes">) =>
  typeof bytes === "number" ? bytes : bytes.atMost;

/**
 * Throws an error if a file is larger than the published file can be.
 *
 * @param path The file. A file that does not exist is no error.
 * @param file The expected file.
 * @throws {UserError} If the file is too large.
 */
export async function refuseLarge(
  path: string,
  file: Pick<Published, "bytes" | "url">,
): Promise<void> {
  const size = await Deno.stat(path).then(({ size }) => size, () => 0);
  if (size <= greatest(file)) return;
  throw new UserError(`${path} is larger than ${greatest(file)} bytes`, {
    hint: hint("data/large", `this is not the published file: download ${file.url}`, {
      edit: "the file",
    }),
  });
}

function refuseOther(
  { hash: { algorithm, value } }: Published,
  bytes: Uint8Array,
  where: string,
  advice: HintText,
): void {
  if (createHash(algorithm).update(bytes).digest("hex") === value) return;
  const name = { md5: "MD5", sha256: "SHA-256" }[algorithm];
  throw new UserError(`${where} is not the published file: its ${name} differs`, { hint: advice });
}

/**
 * Downloads a file, with a progress bar on a terminal.
 *
 * @param file The file.
 * @returns The file's bytes, with the published hash.
 * @throws {UserError} If the download fails, or the file has another size or hash.
 */
export async function download(file: Published): Promise<Uint8Array<ArrayBuffer>> {
  const { name, url, bytes: size } = file, most = greatest(file);
  const bar = Deno.stderr.isTerminal()
    ? new SingleBar({
      format: "{name} {bar} {percentage}%",
      clearOnComplete: true,
      hideCursor: false,
      linewrap: null,
      stream: process.stderr,
    }, Presets.shades_classic)
    : undefined;
  const bytes = new Uint8Array(most);
  let done = 0;
  const advice = hint(
    "data/fetch",
    "download the file in another way, then pass its folder: --from FOLDER",
    { edit: "the folder" },
  );
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience(most)) });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new UserError(
        `${url} cannot be downloaded: the server answered ${response.status} ${response.statusText}`,
        {
          hint: advice,
        },
      );
    }
    bar?.start(Number(response.headers.get("content-length")) || most, 0, { name });
    for await (const part of response.body) {
      if (done + part.length > most) {
        throw new UserError(`${url} is larger than ${most} bytes`, { hint: advice });
      }
      bytes.set(part, done);
      done += part.length;
      bar?.update(done);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${url} cannot be downloaded: ${(error as Error).message}`, {
      hint: advice,
      cause: error,
    });
  } finally {
    bar?.stop();
  }
  if (typeof size === "number" && done < size) {
    throw new UserError(`the download of ${url} stopped after ${done} of ${size} bytes`, {
      hint: advice,
    });
  }
  const whole = bytes.subarray(0, done);
  refuseOther(file, whole, url, advice);
  return whole;
}

/**
 * Returns the time limit of a download in milliseconds: ten minutes, or more for files that take
 * longer at 200 kB per second.
 */
const patience = (bytes: number) => Math.max(600_000, bytes / 200);
