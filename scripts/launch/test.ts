import { join, resolve } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
import { openProject, type Project } from "./project.ts";
import { userFolder } from "./run.ts";
import { TestCount } from "./test_count.ts";

/**
 * Runs the project's tests, and the examples in its documentation. The last line of standard output
 * tells how many passed and failed.
 *
 * @param root The project's folder.
 * @param args Arguments for `deno test`. Where files or folders are among them, those are run alone.
 * @returns The exit code of `deno test`.
 */
export async function test(root: string, args: readonly string[]): Promise<number> {
  const project = await openProject(root);
  await announceDownload(project.config);
  return await testProject(project, args);
}

/** Options of `deno test` whose value is the next argument, which may look like a file to run. */
const VALUED: ReadonlySet<string> = new Set([
  "--filter",
  "--reporter",
  "--junit-path",
  "--retry",
  "--repeats",
  "--shard",
  "--seed",
]);

/** As {@linkcode test}, of a project that is open. */
export async function testProject(project: Project, args: readonly string[]): Promise<number> {
  const count = new TestCount();
  const paths = await Promise.all(
    args.map((argument, at) => VALUED.has(args[at - 1]!) ? undefined : pathOf(argument)),
  );
  const resolved = args.map((argument, index) => paths[index] ?? argument);
  const chosen = paths.some((path) => path !== undefined);
  // One file after the other: tests of the native engine's set-up change the environment, which all
  // share, and TensorFlow takes all cores by itself.
  let code = await runTests(project, count, chosen ? resolved : ["tests", ...resolved]);
  if (!chosen) {
    const examples = await runTests(project, count, [...exampleArguments(project), ...resolved]);
    code ||= examples;
  }
  console.log(count.toString());
  return code;
}

const LINE_FEED = 10;

async function runTests(
  { root, flags }: Project,
  count: TestCount,
  args: readonly string[],
): Promise<number> {
  const run = count.start();
  let last = LINE_FEED;
  const code = await runDeno(["test", "-A", "--quiet", ...flags, ...args], {
    cwd: root,
    onOutput: async (chunk) => {
      run.read(chunk);
      last = chunk.at(-1) ?? last;
      for (let from = 0; from < chunk.length;) {
        from += await Deno.stdout.write(chunk.subarray(from));
      }
    },
  });
  // A run that dies may leave a line open; what comes next is not part of it.
  if (last !== LINE_FEED) console.log();
  run.end(code);
  return code;
}

/** For the examples of all modules that are published, on an engine that needs no set-up. */
function exampleArguments({ root, config }: Project): string[] {
  const preload = join(root, "tests", "support", "open_wasm.ts");
  return ["--doc", `--preload=${preload}`, `--ignore=${config.publish.exclude.join(",")}`, "."];
}

/** The absolute path of an argument that is a file or a folder where the user stands. */
async function pathOf(argument: string): Promise<string | undefined> {
  if (argument.startsWith("-")) return undefined;
  const path = resolve(userFolder(), argument);
  const exists = await Deno.stat(path).then(() => true, () => false);
  return exists || argument.endsWith(".ts") ? path : undefined;
}
