import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { builtins } from "../../plugins/mod.ts";
import { kindOfWord } from "../../src/commands/list.ts";
import { UserError } from "../../src/base/errors.ts";
import { dataSets } from "../../data/main.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { commandOf, commands } from "../../src/launch/command_line/grammar.ts";
import { type CommandOptions, readOptions } from "../../src/launch/command_line/options.ts";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { sectionNames } from "../../src/pipeline/reference.ts";
import { readSweep } from "../../src/pipeline/sweep_file/read.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { nameOf, planOf } from "../../src/sweep/check.ts";
import { inFolder, root } from "../support/command_line.ts";
import { type Block, blocks, documents, fileNameOf } from "./documents.ts";
import { givenTo, inOrder } from "./document_folders.ts";
import { commandsOf } from "./shell_commands.ts";
import { Shell } from "./shell_runs.ts";

const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
const shellBlocks = blocks.filter(({ language }) => language === "sh");

/** The tests that a document names for a block that is not run as it is. */
const named = /\btests\/[\w/]+\.ts\b/g;

/** The commands of workflows of CI systems. */
const workflowCommands = blocks.flatMap((block): Block[] =>
  block.language === "yaml" && block.info === "run-by: tests/docs/shell_blocks_test.ts"
    ? Array.from(
      block.text.matchAll(/^ *- run: (.*)$/gm),
      ([, text]) => ({ ...block, text: text! }),
    )
    : []
);

/** The commands in Dockerfiles, and tasks in JSON files, as blocks. */
const otherBlocks = blocks.flatMap((block): Block[] => {
  const texts = block.language === "dockerfile"
    ? Array.from(
      block.text.matchAll(/^(?:RUN|CMD) (.*)$/gm),
      ([, command]) => command!.startsWith("[") ? JSON.parse(command!).join(" ") : command!,
    )
    : block.language === "json"
    // Users add the arguments of a task.
    ? Object.values<string>(JSON.parse(block.text).tasks ?? {}).map((task) => `${task} help`)
    : [];
  return texts.map((text) => ({ ...block, text }));
});

/** The commands in the prose of documents, as blocks, except for forms with `[` or `…`. */
const inlineBlocks = [...documents()].flatMap(({ path, text }): Block[] => {
  const prose = text.replaceAll(/^ *```[^]*?^ *```/gm, (block) => block.replaceAll(/[^\n]/g, ""));
  return Array.from(
    prose.matchAll(/`((?:deno|npx) [^`\[…]+)`/g),
    ({ 1: code, index }) => ({
      ...{ path, language: "sh", info: "", text: code!.replaceAll(/\s+/g, " ") },
      place: `${path}:${prose.slice(0, index).split("\n").length}`,
    }),
  );
});

/** The programs that documents may use. */
const programs = new Set([
  ...[
    "apt-get",
    "cat",
    "cd",
    "curl",
    "docker",
    "export",
    "git",
    "head",
    "jupyter",
    "mkdir",
    "mpiexec",
    "npm",
    "pip",
    "wait",
  ],
  ...["python", "python3", "ray", "tensorboard"],
]);

/** The folders of the project whose files users name in commands. */
const ownFile = /^(?:pipelines|data|docs|examples|tests|src|plugins)\/.*\.\w+$/;

/** Returns what is wrong with a command of a document. */
async function faultOf(
  [program, ...args]: readonly string[],
  path: string,
): Promise<string | undefined> {
  if (program === "deno") return await faultOfDeno(args);
  if (program === "npx") {
    const [yes, deno, ...rest] = args;
    if (yes !== "-y" || !/^deno@\d+\.\d+\.\d+$/.test(deno ?? "")) return "not npx -y deno@VERSION";
    return await faultOfDeno(rest);
  }
  // Slurm runs the command after its own options.
  if (program === "srun") {
    return await faultOf(args.slice(args.findIndex((word) => !word.startsWith("-"))), path);
  }
  if (!programs.has(program!)) return `unknown program ${program}`;
  // Scripts are in the folder of their document, or in one of its blocks.
  const script = program!.startsWith("python") && args.find((word) => word.endsWith(".py"));
  const exists = !script || existsSync(join(root, dirname(path), script)) ||
    blocks.some((block) => block.path === path && fileNameOf(block) === script);
  return exists ? undefined : `there is no file ${script}`;
}

async function faultOfDeno(args: readonly string[]): Promise<string | undefined> {
  const [command, ...rest] = args;
  switch (command) {
    case "task": {
      const [task, ...own] = rest;
      if (!Object.hasOwn(config.tasks, task!)) return `no task ${task}`;
      if (task === "pipeline") return await faultOfPipeline(own);
      const [name] = own;
      if (task === "data" && name !== "convert" && !dataSets.some((set) => set.name === name)) {
        return `no data set ${name}`;
      }
      return await faultOfOptions(task!, own) ?? missingFile(own);
    }
    case "run": {
      const at = rest.findIndex((word) => !word.startsWith("-"));
      const cli = `jsr:${config.name}/cli`;
      return rest[at] === cli
        ? await faultOfPipeline(rest.slice(at + 1))
        : missingFile(rest.slice(at));
    }
    case "add":
      return rest.find((name) => name !== `jsr:${config.name}`) && `unknown package ${rest}`;
    case "eval":
    case "init":
    case "jupyter":
    case "publish":
    case "test":
      return undefined;
    default:
      return `unknown command deno ${command}`;
  }
}

/** Whether words name a command without arguments: a task of the project, or a command of Deno. */
function isName([, command, task, first, ...more]: readonly string[]): boolean {
  if (command !== "task") return task === undefined || command === "cache" || command === "info";
  const isTask = task !== undefined && Object.hasOwn(config.tasks, task);
  if (task === "data" && first === "NAME") return true;
  const isCommand = task === "pipeline" && Object.hasOwn(commands, first ?? "") &&
    more.length === 0;
  return isTask && (first === undefined || isCommand);
}

/** Finds an option of a task that the program of the task does not have. */
async function faultOfOptions(
  task: string,
  args: readonly string[],
): Promise<string | undefined> {
  const options = args.flatMap((word) => /^--([a-z-]+)/.exec(word)?.[1] ?? []);
  if (options.length === 0) return undefined;
  const [, program] = / main\.ts run (\S+\.ts)| main\.ts test$/.exec(
    config.tasks[task].replace("src/launch/", ""),
  )!;
  const code = await Deno.readTextFile(join(root, program ?? "src/launch/test.ts"));
  // In a usage text, a list of names, or an object with a property for each.
  const missing = options.find((name) =>
    !RegExp(`--${name}\\b|"${name}"|\\b${name}: \\{`).test(code)
  );
  return missing && `deno task ${task} has no option --${missing}`;
}

async function faultOfPipeline(args: readonly string[]): Promise<string | undefined> {
  const parsed = parseArguments(args);
  if (parsed.unknown.length > 0) return `no option ${parsed.unknown}`;
  const [first] = parsed.words;
  if (first === undefined) return parsed.help || parsed.version ? undefined : "no command";
  if (!Object.hasOwn(commands, first) && !/\.(?:yaml|ts)$|^FILE$/.test(first)) {
    return `no command ${first}`;
  }
  const { name, words } = commandOf(parsed.words);
  try {
    const options = readOptions(parsed);
    const file = join(root, words[0] ?? "");
    if (["run", "check", "sweep"].includes(name) && existsSync(file)) {
      await readFile(name, file, options);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.problems.map(({ message }) => message).join("; ");
  }
  const [word] = words;
  const isBuiltIn = builtins.some((stage) => stage.name === word);
  const isKind = kindOfWord(word ?? "") !== undefined;
  const isSection = word === "sweep" || sectionNames.some((section) => section === word);
  const isOwn = word === undefined || /^[A-Z]+$/.test(word) || /\.(?:ts|yaml)$/.test(word);
  if (name === "show" && !isBuiltIn && !isKind && !isSection && !isOwn) return `no stage ${word}`;
  if (name === "list" && !isKind && !isOwn) return `no kind ${word}`;
  return missingFile(parsed.words);
}

/**
 * Reads a pipeline or sweep file of the project with the options of a command.
 *
 * @throws {UserError} With the problems of the file, or of the options.
 */
async function readFile(
  command: string,
  file: string,
  { set, reference, only }: Pick<CommandOptions, "set" | "reference" | "only">,
): Promise<void> {
  if (command !== "sweep") return void await readPlan(file, set);
  const allowed = await allowedCode(dirname(file));
  const sweep = await readSweep(file, { allowed, set, reference });
  for (const run of sweep.runs) await planOf(run, allowed);
  const parts = new Set(["check", "latency", ...sweep.runs.map(nameOf)]);
  if (only !== undefined && !parts.has(only)) throw new UserError(`the sweep has no part ${only}`);
}

/** Finds an argument that names a file of the project that is not there. */
function missingFile(args: readonly string[]): string | undefined {
  const missing = args.find((word) =>
    ownFile.test(word) && !/\bNAME\b/.test(word) && !existsSync(join(root, word))
  );
  return missing && `there is no file ${missing}`;
}

/**
 * Why a block is not run as it is by the last test of this file, or by those of its language: another
 * test runs it, or runs it shortened or in parts.
 */
const reason = /^(?:no-run: \S.*|run-by: tests\/\S+\.ts)$/;

Deno.test("each sh block and command of a document has only commands, options, and files that exist", async () => {
  assert(shellBlocks.length > 20, `${shellBlocks.length} blocks`);
  assert(otherBlocks.length > 5, `${otherBlocks.length} commands`);
  assert(inlineBlocks.length > 50, `${inlineBlocks.length} commands`);
  const faults: string[] = [],
    all = [...shellBlocks, ...workflowCommands, ...otherBlocks, ...inlineBlocks];
  for (const [index, commands] of (await commandsOf(all)).entries()) {
    const { place, path } = all[index]!, isProse = index >= all.length - inlineBlocks.length;
    if (typeof commands === "string") faults.push(`${place}: ${commands}`);
    else {
      for (const command of commands) {
        // Prose also names a command without its arguments.
        if (isProse && isName(command)) continue;
        const fault = await faultOf(command, path);
        if (fault) faults.push(`${place}: ${command.join(" ").slice(0, 80)}: ${fault}`);
      }
      if (commands.length === 0) faults.push(`${place}: no command`);
    }
  }
  assertEquals(faults, []);
});

Deno.test("each block that is not run as it is names a test that runs it, or parts of it", async () => {
  const faults: string[] = [];
  for (const { place, path, language, info } of blocks) {
    const isStated = reason.test(info);
    if (language === "sh" && info !== "" && !isStated) faults.push(`${place}: ${info}`);
    if (!isStated) continue;
    const tests = info.match(named) ?? [];
    if (tests.length === 0) faults.push(`${place}: ${info}: names no test`);
    for (const test of tests) {
      const code = await Deno.readTextFile(join(root, test)).catch(() => "");
      const itself = test === relative(root, import.meta.filename!);
      // A test names the documents, or selects blocks that name it.
      const names = [path.split("/").at(-1)!, test];
      if (!itself && !names.some((name) => code.includes(name))) {
        faults.push(`${place}: ${test} does not name it`);
      }
    }
  }
  assertEquals(faults, []);
});

Deno.test("each command of a workflow is one that the document runs", () => {
  assert(workflowCommands.length > 2, `${workflowCommands.length} commands`);
  for (const { place, path, text } of workflowCommands) {
    const isRun = shellBlocks.some((block) =>
      block.path === path && block.info === "" && block.text.trim().split("\n").includes(text)
    );
    assert(isRun, `${place}: ${text}`);
  }
});

Deno.test("the sh blocks of a document run one after another, as a user types them", async () => {
  await inFolder(async (folder) => {
    await using shell = new Shell(folder);
    const runnable = blocks.filter((block) => {
      const { language, info } = block;
      return language === "sh" && info === "" ||
        language === "ts" && info === "run-by: tests/docs/shell_blocks_test.ts" &&
          // A command of the document runs a block that is a file.
          fileNameOf(block) === undefined;
    });
    assert(runnable.length > 30, `${runnable.length} blocks`);
    const faults: string[] = [], folders = new Map<string, string>();
    const paths = new Set(runnable.map(({ path }) => path));
    for (const path of inOrder([...paths])) {
      const cwd = await Deno.makeTempDir({ dir: folder });
      folders.set(path, cwd);
      const { before } = await givenTo(path, cwd, folders);
      const own = runnable.filter((block) => block.path === path);
      for (const block of before === undefined ? own : [before, ...own]) {
        if (block.language === "ts") {
          const file = join(cwd, `block-${block.place.split(":").at(-1)}.ts`);
          await Deno.writeTextFile(file, block.text);
          await inCurrentFolder(cwd, () => import(pathToFileURL(file).href));
          continue;
        }
        const { code, output } = await shell.run(block, cwd);
        if (code !== 0) faults.push(`${block.place}: exit code ${code}: ${output}`);
      }
    }
    assertEquals(faults, []);
  });
});

/** Calls a function while another folder is the current one. */
async function inCurrentFolder(folder: string, act: () => Promise<unknown>): Promise<void> {
  const before = Deno.cwd();
  Deno.chdir(folder);
  try {
    await act();
  } finally {
    Deno.chdir(before);
  }
}
