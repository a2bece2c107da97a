import { dirname } from "node:path";
import { UserError } from "../errors.ts";
import { type Change, hint, type HintText } from "../hints.ts";
import { reasonOf, type WriteFailure, writeFailureOf } from "./write_failure.ts";

/** The change for hints about the machine instead of the input. */
const system: Change = { outside: "the disk or its permissions have to change" };

/** What a user can do about each known reason. */
const advice: Readonly<Record<WriteFailure, () => HintText>> = {
  full: () => hint("write/full", "free some space, or choose a folder on another disk", system),
  quota: () => hint("write/quota", "free some space, or choose a folder on another disk", system),
  size: () =>
    hint("write/size", "check the limit with ulimit -f, and that of the file system", system),
  readOnly: () => hint("write/read-only", "choose a folder on a writable disk", system),
  permitted: () =>
    hint("write/permitted", "check the permissions of the file and its folder", system),
  part: () => hint("write/part", "move or rename that file", system),
  name: () => hint("write/name", "move or rename the existing one, or choose another name", system),
  broken: () => hint("write/broken", "check the system's log; the disk may be failing", system),
  folder: () =>
    hint(
      "write/folder",
      "create the folder first, and do not remove it while a program writes to it",
      { edit: "the folder" },
    ),
};

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
  const failure = writeFailureOf(error);
  const reason = failure === "folder" ? `there is no folder ${dirname(path)}` : reasonOf(error);
  return new UserError(`${path} cannot be written: ${reason}`, {
    hint: failure && advice[failure](),
    cause: error,
  });
}
