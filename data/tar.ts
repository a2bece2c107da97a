import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";

const block = 512;

/**
 * Lists the regular files of a tar archive (POSIX ustar, GNU's format, and the older format).
 * Folders, links, and extended headers are skipped, so names longer than 255 bytes are not
 * supported. Nothing is written to disk.
 *
 * @param bytes The archive, unpacked.
 * @param path The archive's name for messages.
 * @returns Views of the files' bytes by name.
 * @throws {UserError} If the bytes are not a tar archive, or the archive is incomplete.
 */
export function readTar(bytes: Uint8Array<ArrayBuffer>, path: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let start = 0; start + block <= bytes.length;) {
    const header = bytes.subarray(start, start + block);
    if (header.every((byte) => byte === 0)) break;
    if (!hasChecksum(header)) {
      throw new UserError(`${path} is not a tar archive: it has no valid header at byte ${start}`, {
        hint: hint("tar/header", "the archive is incomplete or damaged: download it again", {
          edit: "the file",
        }),
      });
    }
    const size = octal(header.subarray(124, 136)), from = start + block;
    if (!(from + size <= bytes.length)) {
      throw new UserError(`the archive ${path} ends in the middle of the file ${nameOf(header)}`, {
        hint: hint("tar/end", "the archive is incomplete or damaged: download it again", {
          edit: "the file",
        }),
      });
    }
    const type = String.fromCharCode(header[156]!);
    if (type === "0" || type === "\0") {
      files.set(nameOf(header), bytes.subarray(from, from + size));
    }
    start = from + Math.ceil(size / block) * block;
  }
  return files;
}

function nameOf(header: Uint8Array): string {
  const isPosix = text(header.subarray(257, 263)) === "ustar";
  const prefix = isPosix ? text(header.subarray(345, 500)) : "";
  return `${prefix && `${prefix}/`}${text(header.subarray(0, 100))}`;
}

/**
 * Checks the checksum of a header: the sum of its bytes, in which the eight bytes of the checksum
 * count as spaces.
 */
function hasChecksum(header: Uint8Array): boolean {
  const sum = header.reduce(
    (sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte),
    0,
  );
  return octal(header.subarray(148, 156)) === sum;
}

/** Decodes text up to the first zero byte. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Parses an octal number; NaN if it is invalid. */
function octal(bytes: Uint8Array): number {
  const digits = text(bytes).trim();
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}
