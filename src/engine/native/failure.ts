import { join } from "node:path";
import { writeFileWhole } from "../../base/files/write.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCommand } from "./command.ts";
import { mayRunTools, TOOLS } from "./tools.ts";
import { remove } from "./files.ts";
import { PLATFORM, TENSORFLOW_VERSION, TFJS_VERSION } from "./versions.ts";

/** A failed set-up, as it is kept. */
interface Failure {
  /** What the set-up depended on. */
  readonly circumstances: string;
  /** When it failed, in milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
  readonly hint?: string;
}

const DAY = 24 * 60 * 60 * 1000;
const FILE = "native-failure.json";

/**
 * Fails at once if the set-up failed within a day and nothing that it depends on has changed since,
 * so that not every run waits for the same failure.
 *
 * @param cache The cache's folder.
 * @param given The folder that `ROCKET_TENSORFLOW` names, if it does.
 * @throws {UserError} With what it failed of.
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
  // Who may not try again has nothing to compare: another process tried, if that was any use.
  if (mayRunTools() && failure.circumstances !== await circumstances(given)) return;
  const again = hint(
    "native/again",
    "it is tried again tomorrow, or at once with `--engine native`",
    { args: { add: ["--engine", "native"] } },
  );
  const hints = failure.hint === undefined ? [again] : [failure.hint, again];
  throw new UserError(failure.message, { hint: hints.join("; ") });
}

/**
 * Keeps a failure for {@linkcode recallFailure}.
 *
 * @param cache The cache's folder.
 * @param given The folder that `ROCKET_TENSORFLOW` names, if it does.
 * @param error What the set-up failed of.
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
 * Forgets a failure.
 *
 * @param cache The cache's folder.
 */
export async function forgetFailure(cache: string): Promise<void> {
  await remove(join(cache, FILE));
}

/** What a set-up depends on, as far as it shows without running anything. */
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
