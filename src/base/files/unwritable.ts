import { dirname } from "node:path";
import { UserError } from "../errors.ts";
import { type Change, hint, type HintText } from "../hints.ts";

/** The change for hints about the machine instead of the input. */
const system: Change = { outside: "the disk or its permissions have to change" };

/** The known system errors, with their meaning and a hint. */
const causes: readonly (readonly [sign: RegExp, what: string, advice: () => HintText])[] = [
  [
    /ENOSPC|os error 28\b/,
    "the disk is full",
    () => hint("write/full", "free some space, or choose a folder on another disk", system),
  ],
  [
    /EDQUOT|os error 122\b/,
    "the disk quota is exceeded",
    () => hint("write/quota", "free some space, or choose a folder on another disk", system),
  ],
  [
    /EFBIG|os error 27\b/,
    "it would exceed the maximum size of a file",
    () => hint("write/size", "check the limit with ulimit -f, and that of the file system", system),
  ],
  [
    /EROFS|os error 30\b/,
    "the disk is read-only",
    () => hint("write/read-only", "choose a folder on a writable disk", system),
  ],
  [
    /EACCES|EPERM|os error 13\b|os error 1\b/,
    "permission denied",
    () => hint("write/permitted", "check the permissions of the file and its folder", system),
  ],
  [
    /ENOTDIR|os error 20\b/,
    "a parent in its path is a file, not a folder",
    () => hint("write/part", "move or rename that file", system),
  ],
  [
    /EISDIR|EEXIST|ENOTEMPTY|os error (21|17|39)\b/,
    "a different kind of file or a folder already has this name",
    () => hint("write/name", "move or rename the existing one, or choose another name", system),
  ],
  [
    /EIO|os error 5\b/,
    "the disk reported an input/output error",
    () => hint("write/broken", "check the system's log; the disk may be failing", system),
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
        "create the folder first, and do not remove it while a program writes to it",
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
 * Explains why a file or folder cannot be written. For unknown errors, the explanation is the
 * operating system's message.
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
