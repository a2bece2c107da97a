import { join } from "node:path";
import { writeFileWhole } from "../../base/files/write.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCommand } from "./command.ts";
import { mayRunTools, TOOLS } from "./tools.ts";
import { remove } from "./files.ts";
import { PLATFORM, TENSORFLOW_VERSION, TFJS_VERSION } from "./versions.ts";

/** A failed set-up, as it is stored. */
interface Failure {
  /** A fingerprint of the conditions that the set-up depends on. */
  readonly circumstances: string;
  /** The time of the failure, in milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
  readonly hint?: string;
}

const DAY = 24 * 60 * 60 * 1000;
const FILE = "native-failure.json";

/**
 * Throws the stored error if the native engine's set-up failed within the last day and its
 * conditions have not changed since, so that runs do not repeat the same failure.
 *
 * @param cache The cache's folder.
 * @param given The folder named by `ROCKET_TENSORFLOW`, if it is set.
 * @throws {UserError} The stored error, if the set-up would fail again.
 */
export async function recallFailure(cache: string, given: string | undefined): Promise<void> {
  let failure: Failure;
  try {
    failure = JSON.parse(await Deno.readTextFile(join(cache, FILE)));
  } catch {
    return;
  }
  const age = Date.now() - failure.time;
  if (age < 0 || age > DAY) return;
  // Without permission to run programs, the conditions cannot be checked. Another process has
  // already tried on behalf of this one.
  if (mayRunTools() && failure.circumstances !== await circumstances(given)) return;
  const again = hint(
    "native/again",
    "Rocket tries again after a day; to try again now, use `--engine native`",
    { args: { add: ["--engine", "native"] } },
  );
  const hints = failure.hint === undefined ? [again] : [failure.hint, again];
  throw new UserError(failure.message, { hint: hints.join("; ") });
}

/**
 * Stores a failure of the native engine's set-up for {@linkcode recallFailure}.
 *
 * @param cache The cache's folder.
 * @param given The folder named by `ROCKET_TENSORFLOW`, if it is set.
 * @param error The error of the set-up.
 */
export async function rememberFailure(
  cache: string,
  given: string | undefined,
  error: UserError,
): Promise<void> {
  const hint = error.problems[0]?.hint;
  const failure: Failure = {
    circumstances: await circumstances(given),
    time: Date.now(),
    message: error.message,
    ...hint === undefined ? {} : { hint },
  };
  const text = JSON.stringify(failure, null, 2) + "\n";
  await writeFileWhole(join(cache, FILE), new TextEncoder().encode(text));
}

/**
 * Deletes the stored failure of the native engine's set-up, so that the next run tries it again.
 *
 * @param cache The cache's folder.
 */
export async function forgetFailure(cache: string): Promise<void> {
  await remove(join(cache, FILE));
}

/**
 * Returns a fingerprint of the conditions of a set-up, as far as they can be read without running a
 * program.
 */
async function circumstances(given: string | undefined): Promise<string> {
  const found = await Promise.all(TOOLS.map((name) => findCommand(name)));
  const folders = given === undefined
    ? []
    : [given, ...["lib", "include", "tensorflow"].map((name) => join(given, name))];
  const changed = await Promise.all(
    folders.map((path) => Deno.stat(path).then(({ mtime }) => mtime?.getTime(), () => undefined)),
  );
  const compiler = Deno.env.get("CXX");
  return JSON.stringify([
    TFJS_VERSION,
    TENSORFLOW_VERSION,
    PLATFORM,
    compiler ?? null,
    ...found.map((path) => path ?? null),
    given ?? null,
    ...changed.map((time) => time ?? null),
  ]);
}
