import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import { hint, UserError } from "../../plugin.ts";
import { leaveAlone, makeAgain } from "./hints.ts";

/** A local or remote file that can be read at any offset. */
export interface RandomAccess {
  /** Path or URL as written in the pipeline file. */
  readonly name: string;
  /** Path of the file; undefined for remote files. */
  readonly path?: string;
  /** Size in bytes. */
  readonly size: number;
  /**
   * String that changes when the content changes, as far as the size, the modification time, or the
   * server's headers show this.
   */
  readonly version: string;
  /**
   * Reads bytes.
   *
   * @param offset Offset of the first byte.
   * @param into Array to fill; its length is the number of bytes to read.
   * @throws {UserError} If the file ends before that, cannot be read, or has changed.
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  /**
   * Synchronous version of {@linkcode RandomAccess.read}; absent for remote files. Does not check
   * whether the file has changed: call {@linkcode RandomAccess.refuseChanged} first.
   *
   * @param offset Offset of the first byte.
   * @param into Array to fill; its length is the number of bytes to read.
   */
  readNow?(offset: number, into: Uint8Array): void;
  /**
   * Checks that the file has not changed since it was opened. Does nothing for remote files,
   * because every `read` checks the version in the response.
   *
   * @throws {UserError} If the file has changed or no longer exists.
   */
  refuseChanged(): void;
  /** Closes the file. */
  close(): Promise<void>;
}

/**
 * Opens a local file.
 *
 * @param name Path as written in the pipeline file, for messages.
 * @param path Path to open.
 * @returns The open file.
 * @throws {Error} The error of the operating system if the file cannot be opened.
 */
export async function openFile(name: string, path: string): Promise<RandomAccess> {
  const handle = await open(path);
  const { size, mtimeMs } = await handle.stat();
  const modified = (await Deno.stat(path)).mtime?.getTime();
  const refuseChanged = () => {
    let now: Deno.FileInfo;
    try {
      now = Deno.statSync(path);
    } catch (cause) {
      throw new UserError(`${name} disappeared while it was read: ${(cause as Error).message}`, {
        hint: hint("file/gone", "keep the files of a run in place until it has ended", {
          outside: "another program removes a file while it is read",
        }),
        cause,
      });
    }
    if (now.size === size && now.mtime?.getTime() === modified) return;
    throw new UserError(`${name} changed while it was being read`, {
      hint: leaveAlone(),
    });
  };
  return {
    name,
    path,
    size,
    version: `${size} ${mtimeMs}`,
    refuseChanged,
    readNow(offset, into) {
      for (let filled = 0; filled < into.length;) {
        const read = readSync(handle.fd, into, filled, into.length - filled, offset + filled);
        if (read === 0) throw shorter(name, offset + into.length);
        filled += read;
      }
    },
    async read(offset, into) {
      refuseChanged();
      for (let filled = 0; filled < into.length;) {
        const length = into.length - filled;
        const { bytesRead } = await handle.read(into, filled, length, offset + filled);
        if (bytesRead === 0) throw shorter(name, offset + into.length);
        filled += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}

/**
 * Gives access to bytes in memory as if they were a file.
 *
 * @param name Name of the bytes, for messages.
 * @param bytes The bytes.
 * @returns The file.
 */
export function accessBytes(name: string, bytes: Uint8Array): RandomAccess {
  const readNow = (offset: number, into: Uint8Array) => {
    if (offset + into.length > bytes.length) throw shorter(name, offset + into.length);
    into.set(bytes.subarray(offset, offset + into.length));
  };
  return {
    name,
    size: bytes.length,
    version: "",
    readNow,
    read: (offset, into) => Promise.resolve(readNow(offset, into)),
    refuseChanged() {},
    close: () => Promise.resolve(),
  };
}

/** Maximum number of attempts per request. */
const tries = 4;

/**
 * Opens a file on a server that supports range requests.
 *
 * @param url Address of the file.
 * @returns The open file.
 * @throws {UserError} If the server does not return the file, or does not support range requests.
 */
export async function openUrl(url: string): Promise<RandomAccess> {
  const first = await request(url, 0, 1);
  await first.body?.cancel();
  const size = Number(/\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1]);
  if (first.status !== 206 || !Number.isSafeInteger(size)) {
    throw new UserError(`the server of ${url} does not support range requests`, {
      hint: hint("url/whole", "download the file, and write its local path", { edit: "the path" }),
    });
  }
  const version = first.headers.get("etag") ?? first.headers.get("last-modified") ?? "";
  return {
    name: url,
    size,
    version: `${size} ${version}`,
    async read(offset, into) {
      if (into.length === 0) return;
      if (offset + into.length > size) throw shorter(url, offset + into.length);
      const response = await request(url, offset, into.length);
      const now = response.headers.get("etag") ?? response.headers.get("last-modified") ?? "";
      if (now !== version) {
        throw new UserError(`${url} changed while it was being read`, {
          hint: hint("url/changed", "run again", { outside: "the server has a new version" }),
        });
      }
      let filled = 0;
      for await (const chunk of response.body ?? []) {
        if (filled + chunk.length > into.length) break;
        into.set(chunk, filled);
        filled += chunk.length;
      }
      if (filled < into.length) throw shorter(url, offset + into.length);
    },
    // Every response has the version, and `read` checks it.
    refuseChanged: () => {},
    close: () => Promise.resolve(),
  };
}

/** Requests a range of bytes. Retries after network errors, server errors, and status 429. */
async function request(url: string, offset: number, length: number): Promise<Response> {
  const headers = { range: `bytes=${offset}-${offset + length - 1}` };
  let cause: unknown, reason = "";
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    try {
      const response = await fetch(url, { headers });
      if (response.ok) return response;
      await response.body?.cancel();
      reason = `the server answers ${response.status} ${response.statusText}`.trimEnd();
      if (response.status < 500 && response.status !== 429) break;
    } catch (error) {
      cause = error;
      reason = (error as Error).message;
    }
  }
  throw new UserError(`${url} cannot be read: ${reason}`, {
    hint: hint("url/address", "check the address and the network", { edit: "the address" }),
    cause,
  });
}

function shorter(name: string, end: number): UserError {
  return new UserError(`${name} is cut off or damaged: it ends before byte ${end}`, {
    hint: makeAgain(),
  });
}
