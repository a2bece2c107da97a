import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
import { OrderedOutput, type Print } from "./ordered_output.ts";
import { openProject, type Project } from "./project.ts";
import { userFolder } from "./run_task.ts";
import { TestCount } from "./test_count.ts";

/**
 * Runs the project's tests, and the examples in its documentation. The last line of the standard
 * output contains the number of passed and failed tests.
 *
 * @param root The project's folder.
 * @param args Arguments for `deno test`. If they include files or folders, only those are run. With
 * `--quick`, only the folders of tests that take about two minutes together are run.
 * @returns The exit code of `deno test`.
 */
export async function test(root: string, args: readonly string[]): Promise<number> {
  const project = await openProject(root);
  await announceDownload(project.config);
  return await testProject(project, args);
}

/** The options of `deno test` whose value is the next argument and thus not a file to run. */
const VALUED: ReadonlySet<string> = new Set([
  "--filter",
  "--reporter",
  "--junit-path",
  "--retry",
  "--repeats",
  "--shard",
  "--seed",
]);

/** Runs tests like {@linkcode test}, for a project that is already open. */
export async function testProject(project: Project, args: readonly string[]): Promise<number> {
  const count = new TestCount();
  const code = args.every((argument) => argument === UNCHECKED || argument === QUICK)
    ? await testAll(project, count, args)
    : await testSome(project, count, args);
  console.log(count.toString());
  return code;
}

const UNCHECKED = "--no-check";

const QUICK = "--quick";

/** The folders of tests that `--quick` runs. They take about two minutes on two cores. */
export const QUICK_FOLDERS: readonly string[] = [
  ...["base", "stages", "pipeline", "data", "reference", "kit"],
  ...["gradients", "metrics", "optimizers", "schedules", "transforms"].map((kind) =>
    `plugins/${kind}`
  ),
].map((folder) => `tests/${folder}`);

/**
 * The number of parts into which the test files are divided. There are more parts than run at once,
 * because some take longer than others.
 */
const PARTS = 12;

/**
 * The number of parts that run at once. It is small because TensorFlow itself uses several cores,
 * and not 2 because many tests wait for processes that start.
 */
const AT_ONCE = Math.min(3, navigator.hardwareConcurrency + 1);

/**
 * Runs all tests and examples, several parts at once. Each part is a process that runs one file
 * after another, because tests of the native engine's set-up change the environment.
 */
async function testAll(
  project: Project,
  count: TestCount,
  args: readonly string[],
): Promise<number> {
  const { root, flags } = project;
  const quick = args.includes(QUICK);
  const folders = quick ? QUICK_FOLDERS : ["tests"];
  if (!args.includes(UNCHECKED)) {
    // Types are checked once for all parts.
    const code = await runDeno(["check", "--quiet", ...flags, ...folders], { cwd: root });
    if (code !== 0) {
      count.start().end(code);
      return code;
    }
  }
  const parts = Array.from({ length: PARTS }, (_, index) => [
    ...[UNCHECKED, "--permit-no-files", `--shard=${index + 1}/${PARTS}`],
    ...folders,
  ]);
  const runs = quick ? parts : [...parts, [...exampleArguments(project), ...args]];
  const printer = new OrderedOutput(runs.length, printed);
  const codes: number[] = [];
  let next = 0;
  const work = async () => {
    while (next < runs.length) {
      const run = next++;
      codes[run] = await runTests(project, count, runs[run]!, printer.of(run));
      await printer.end(run);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const failures = count.failures();
  if (failures) console.log(`The errors of the failed tests:\n\n${failures}\n`);
  return codes.find((code) => code !== 0) ?? 0;
}

/** Runs the named files, or all tests that match other options, in one process. */
async function testSome(
  project: Project,
  count: TestCount,
  args: readonly string[],
): Promise<number> {
  const paths = args.map((argument, at) =>
    VALUED.has(args[at - 1]!) ? undefined : pathOf(project.root, argument)
  );
  const resolved = args.map((argument, index) => paths[index] ?? argument);
  if (paths.some((path) => path !== undefined)) {
    return await runTests(project, count, resolved, printed);
  }
  const tests = await runTests(project, count, ["tests", ...resolved], printed);
  const examples = await runTests(
    project,
    count,
    [...exampleArguments(project), ...resolved],
    printed,
  );
  return tests || examples;
}

const printed: Print = async (chunk) => {
  for (let from = 0; from < chunk.length;) {
    from += await Deno.stdout.write(chunk.subarray(from));
  }
};

const LINE_FEED = 10;

async function runTests(
  { root, flags }: Project,
  count: TestCount,
  args: readonly string[],
  print: Print,
): Promise<number> {
  const run = count.start();
  let last = LINE_FEED;
  const code = await runDeno(["test", "-A", "--quiet", ...flags, ...args], {
    cwd: root,
    onOutput: async (chunk) => {
      run.read(chunk);
      last = chunk.at(-1) ?? last;
      await print(chunk);
    },
  });
  // A run that crashes may leave an incomplete line, which the next output must not continue.
  if (last !== LINE_FEED) await print(Uint8Array.of(LINE_FEED));
  run.end(code);
  return code;
}

/**
 * Returns arguments that run the examples of all published modules, on the wasm engine. Examples in
 * Markdown documents are left out: `tests/docs/snippets_test.ts` runs them, except for those that
 * state why they cannot be run.
 */
function exampleArguments({ root, config }: Project): string[] {
  const preload = join(root, "tests", "support", "open_wasm.ts");
  // An entry that publishes a file again, as in `!data/README.md`, would make Deno ignore nothing.
  const ignored = config.publish.exclude.filter((path) => !path.startsWith("!"));
  return ["--doc", `--preload=${preload}`, `--ignore=${[...ignored, "**/*.md"].join(",")}`, "."];
}

/** Returns the absolute path of an argument that is a file or folder in the user's folder. */
function pathOf(root: string, argument: string): string | undefined {
  if (argument.startsWith("-")) return undefined;
  const path = resolve(userFolder(root), argument);
  return existsSync(path) || argument.endsWith(".ts") ? path : undefined;
}
