/**
 * Recognizes why the system refuses to write. This module imports no packages, because the launcher
 * uses it, too.
 *
 * @module
 */

import { thrownMessage } from "../printable.ts";

/** The known reasons, each with the system's error codes and its description. */
const reasons = {
  full: [/ENOSPC|os error 28\b/, "the disk is full"],
  quota: [/EDQUOT|os error 122\b/, "the disk quota is exceeded"],
  size: [/EFBIG|os error 27\b/, "it would exceed the maximum size of a file"],
  readOnly: [/EROFS|os error 30\b/, "the disk is read-only"],
  permitted: [/EACCES|EPERM|os error 13\b|os error 1\b/, "permission denied"],
  part: [/ENOTDIR|os error 20\b/, "a parent in its path is a file, not a folder"],
  name: [
    /EISDIR|EEXIST|ENOTEMPTY|os error (21|17|39)\b/,
    "a different kind of file or a folder already has this name",
  ],
  broken: [/EIO|os error 5\b/, "the disk reported an input/output error"],
  folder: [/ENOENT|os error 2\b/, "its folder does not exist"],
} as const;

/** A known reason why the system refuses to write. */
export type WriteFailure = keyof typeof reasons;

/**
 * Returns the reason why a file or folder could not be written; undefined if it is not a known one.
 *
 * @param error The error that was thrown.
 */
export function writeFailureOf(error: unknown): WriteFailure | undefined {
  const { code = "", message } = Object(error) as { code?: string; message?: string };
  const text = `${code} ${message}`;
  return (Object.keys(reasons) as WriteFailure[]).find((name) => reasons[name][0].test(text));
}

/**
 * Explains why a file or folder cannot be written. For unknown errors, the explanation is the
 * operating system's message.
 *
 * @param error The error that was thrown.
 */
export function reasonOf(error: unknown): string {
  const failure = writeFailureOf(error);
  if (failure !== undefined) return reasons[failure][1];
  return thrownMessage(error);
}
