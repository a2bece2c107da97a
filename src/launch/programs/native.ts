/**
 * Sets up the native engine and prints a description of it. It is the command `native`, which the
 * launcher starts directly, since it starts pip and a compiler. Its options have been checked.
 *
 * @module
 */

import { setUpNative } from "../../engine/native/set_up.ts";
import { problemLines, UserError } from "../../base/errors.ts";
import { print, say } from "../../base/terminal.ts";
import { parseArguments } from "../command_line/arguments.ts";
import { prepareGpu } from "../../engine/native/prepare_gpu.ts";
import { programArguments } from "../program_arguments.ts";

const ORIGINS = {
  given: "the folder in ROCKET_TENSORFLOW",
  system: "the library of the system",
  wheel: "TensorFlow's Python package",
  installer: "tfjs-node's own installer",
} as const;

async function main(): Promise<void> {
  const { force, device, withoutDriver } = parseArguments(programArguments);
  const gpu = device === "gpu", report = (line: string) => say(line);
  const started = performance.now();
  const gpus = gpu ? await prepareGpu(withoutDriver, force, report) : [];
  const build = await setUpNative({ report, force, gpu, retry: true });
  const rows = {
    TensorFlow: build.tensorflow,
    "tfjs-node": build.tfjs,
    platform: build.platform,
    from: ORIGINS[build.origin],
    library: build.library,
    addon: `${build.folder}/${build.addon}`,
    compiler: build.compiler ?? "not needed",
    ...gpu ? { GPU: gpus.join("; ") || "not looked for (--without-driver)" } : {},
    made: `${build.made}, in ${build.seconds} s`,
    now: Date.parse(build.made) > Date.now() - (performance.now() - started)
      ? "built"
      : "already built (--force builds it again)",
  };
  for (const [name, value] of Object.entries(rows)) print(`${name.padEnd(10)}  ${value}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  error.problems.forEach((problem) => say(problemLines(problem)));
  Deno.exit(error.exitCode);
}
