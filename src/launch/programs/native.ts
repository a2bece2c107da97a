/**
 * Sets the native engine up and says what it is: `deno task native [--force]`.
 *
 * @module
 */

import { setUpNative } from "../../engine/native/set_up.ts";
import { problemLines, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { print, say } from "../../base/terminal.ts";

const ORIGINS = {
  given: "the folder that ROCKET_TENSORFLOW names",
  system: "the system's library",
  wheel: "TensorFlow's Python package",
  installer: "tfjs-node's own installer",
} as const;

/**
 * Reads the arguments.
 *
 * @param args The arguments.
 * @returns Whether a build that is there is made again.
 * @throws {UserError} If there is another option than `--force`.
 */
export function isForced(args: readonly string[]): boolean {
  const unknown = args.find((arg) => arg !== "--force");
  if (unknown === undefined) return args.length > 0;
  throw new UserError(`native does not know ${unknown}`, {
    hint: hint("native/options", "its one option is --force", {
      args: { replace: { [unknown]: "--force" } },
    }),
    exitCode: 2,
  });
}

async function main(args: readonly string[]): Promise<void> {
  const force = isForced(args);
  const started = performance.now();
  const build = await setUpNative({ report: (line) => say(line), force, retry: true });
  const rows = {
    TensorFlow: build.tensorflow,
    "tfjs-node": build.tfjs,
    platform: build.platform,
    from: ORIGINS[build.origin],
    library: build.library,
    addon: `${build.folder}/${build.addon}`,
    compiler: build.compiler ?? "none was needed",
    made: `${build.made}, in ${build.seconds} s`,
    now: Date.parse(build.made) > Date.now() - (performance.now() - started)
      ? "made"
      : "found as it was made (--force makes it anew)",
  };
  for (const [name, value] of Object.entries(rows)) print(`${name.padEnd(10)}  ${value}`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    error.problems.forEach((problem) => say(problemLines(problem)));
    Deno.exit(error.exitCode);
  }
}
