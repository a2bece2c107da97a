import { dirname } from "node:path";
import { UserError } from "../errors.ts";
import { type Change, hint, type HintText } from "../hints.ts";

/** What stands in the way is the machine's. */
const system: Change = { outside: "the disk or its permissions have to change" };

/** What the system says, what that means, and what to do about it. */
const causes: readonly (readonly [sign: RegExp, what: string, advice: () => HintText])[] = [
  [
    /ENOSPC|os error 28\b/,
    "the disk is full",
    () => hint("write/full", "free some space, or choose a place on another disk", system),
  ],
  [
    /EDQUOT|os error 122\b/,
    "the quota is used up",
    () => hint("write/quota", "free some space, or choose another place", system),
  ],
  [
    /EFBIG|os error 27\b/,
    "it is larger than files may be here",
    () => hint("write/size", "see ulimit -f, or the file system", system),
  ],
  [
    /EROFS|os error 30\b/,
    "the disk is read-only",
    () => hint("write/read-only", "choose a place that can be written to", system),
  ],
  [
    /EACCES|EPERM|os error 13\b|os error 1\b/,
    "that is not permitted",
    () => hint("write/permitted", "see who may write there", system),
  ],
  [
    /ENOTDIR|os error 20\b/,
    "a part of its path is a file and not a folder",
    () => hint("write/part", "move that away", system),
  ],
  [
    /EISDIR|EEXIST|ENOTEMPTY|os error (21|17|39)\b/,
    "something else has its name",
    () => hint("write/name", "move that away, or choose another name", system),
  ],
  [
    /EIO|os error 5\b/,
    "the disk fails",
    () => hint("write/broken", "look at the system's log; the disk may be broken", system),
  ],
];

/**
 * Makes the error for a file or folder that cannot be written.
 *
 * @param path The file or folder.
 * @param error The error that was thrown.
 * @returns The error to throw, with the path, the reason and a hint; `error` itself if it is such
 *   an error.
 */
export function unwritable(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const text = textOf(error);
  if (/ENOENT|os error 2\b/.test(text)) {
    return new UserError(`${path} cannot be written: there is no folder ${dirname(path)}`, {
      hint: hint(
        "write/folder",
        "make the folder first, and leave it while something is written to it",
        { edit: "the folder" },
      ),
      cause: error,
    });
  }
  const [, , advice] = causes.find(([sign]) => sign.test(text)) ?? [];
  return new UserError(`${path} cannot be written: ${reasonOf(error)}`, {
    hint: advice?.(),
    cause: error,
  });
}

/**
 * The reason why something cannot be written, in plain words; the system's message if there are
 * none.
 *
 * @param error The error that was thrown.
 */
export function reasonOf(error: unknown): string {
  const [, what] = causes.find(([sign]) => sign.test(textOf(error))) ?? [];
  return what ?? (error instanceof Error ? error.message : String(error));
}

function textOf(error: unknown): string {
  const { code = "", message } = Object(error) as { code?: string; message?: string };
  return `${code} ${message}`;
}
