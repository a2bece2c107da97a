/**
 * Sets the native engine up and says what it is: `deno task native [--force]`.
 *
 * @module
 */

import { setUpNative } from "../engine/native/set_up.ts";
import { formatProblem, UserError } from "../pipeline/errors.ts";
import { print, say } from "../pipeline/terminal.ts";

const ORIGINS = {
  given: "the folder that ROCKET_TENSORFLOW names",
  system: "the system's library",
  wheel: "TensorFlow's Python package",
  installer: "tfjs-node's own installer",
} as const;

const unknown = Deno.args.find((arg) => arg !== "--force");
if (unknown !== undefined) {
  say(`error: native does not know ${unknown}\n hint: its one option is --force`);
  Deno.exit(2);
}
const force = Deno.args.length > 0;
try {
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
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  error.problems.forEach((problem) => say(formatProblem(problem)));
  Deno.exit(1);
}
