/**
 * Sets up the native engine and prints a description of it: `deno task native [--force]`.
 *
 * @module
 */

import { setUpNative } from "../../engine/native/set_up.ts";
import { problemLines, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { print, say } from "../../base/terminal.ts";

const ORIGINS = {
  given: "the folder in ROCKET_TENSORFLOW",
  system: "the library of the system",
  wheel: "TensorFlow's Python package",
  installer: "tfjs-node's own installer",
} as const;

/**
 * Checks whether the arguments of `deno task native` contain `--force`, the only allowed one.
 *
 * @param args The arguments.
 * @returns Whether to repeat the set-up even if a build exists.
 * @throws {UserError} If there is any argument other than `--force`; exit code 2.
 */
export function isForced(args: readonly string[]): boolean {
  const unknown = args.find((arg) => arg !== "--force");
  if (unknown === undefined) return args.length > 0;
  throw new UserError(`\`deno task native\` has no option ${unknown}`, {
    hint: hint("native/options", "the only option is --force", {
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
    compiler: build.compiler ?? "not needed",
    made: `${build.made}, in ${build.seconds} s`,
    now: Date.parse(build.made) > Date.now() - (performance.now() - started)
      ? "built"
      : "already built (--force builds it again)",
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
