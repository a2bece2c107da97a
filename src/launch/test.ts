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
 * @param args Arguments for `deno test`. Where files or folders are among them, those are run
 *   alone.
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
  const code = args.every((argument) => argument === UNCHECKED)
    ? await testAll(project, count, args)
    : await testSome(project, count, args);
  console.log(count.toString());
  return code;
}

const UNCHECKED = "--no-check";

/**
 * Into how many parts the test files are divided: more than run at once, as some take longer than
 * others.
 */
const PARTS = 12;

/** How many parts run at once: TensorFlow takes several cores by itself. */
const AT_ONCE = Math.min(2, navigator.hardwareConcurrency);

/**
 * All tests and examples, some at once. Each part has a process of its own, and in it come one file
 * after the other: tests of the native engine's set-up change the environment.
 */
async function testAll(
  project: Project,
  count: TestCount,
  args: readonly string[],
): Promise<number> {
  const { root, flags } = project;
  if (!args.includes(UNCHECKED)) {
    // Once for all, instead of in each part.
    const code = await runDeno(["check", "--quiet", ...flags, "tests"], { cwd: root });
    if (code !== 0) {
      count.start().end(code);
      return code;
    }
  }
  const parts = Array.from({ length: PARTS }, (_, index) => [
    ...[UNCHECKED, "--permit-no-files", `--shard=${index + 1}/${PARTS}`],
    "tests",
  ]);
  const runs = [...parts, [...exampleArguments(project), ...args]];
  const printer = new Printer(runs.length);
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
  return codes.find((code) => code !== 0) ?? 0;
}

/** The files that are named, or all that suits other options, in one process. */
async function testSome(
  project: Project,
  count: TestCount,
  args: readonly string[],
): Promise<number> {
  const paths = await Promise.all(
    args.map((argument, at) => VALUED.has(args[at - 1]!) ? undefined : pathOf(argument)),
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

/** Takes what tests print. */
type Print = (chunk: Uint8Array<ArrayBuffer>) => Promise<void>;

const printed: Print = async (chunk) => {
  for (let from = 0; from < chunk.length;) {
    from += await Deno.stdout.write(chunk.subarray(from));
  }
};

/**
 * Prints what several runs print, one after the other: the first that goes on as it comes, the
 * others when it is done.
 */
class Printer {
  readonly #waiting: Uint8Array<ArrayBuffer>[][];
  readonly #ended = new Set<number>();
  #first = 0;

  constructor(runs: number) {
    this.#waiting = Array.from({ length: runs }, () => []);
  }

  /** Takes what a run prints. */
  of(run: number): Print {
    return async (chunk) => {
      this.#waiting[run]!.push(chunk);
      if (run === this.#first) await this.#print();
    };
  }

  /** A run has ended. */
  async end(run: number): Promise<void> {
    this.#ended.add(run);
    while (this.#ended.has(this.#first)) {
      await this.#print();
      this.#first++;
    }
    await this.#print();
  }

  async #print(): Promise<void> {
    const waiting = this.#waiting[this.#first]?.splice(0) ?? [];
    for (const chunk of waiting) await printed(chunk);
  }
}

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
  // A run that dies may leave a line open; what comes next is not part of it.
  if (last !== LINE_FEED) await print(Uint8Array.of(LINE_FEED));
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
