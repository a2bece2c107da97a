import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { builtins } from "../../plugins/mod.ts";
import { kindOfWord } from "../../src/commands/list.ts";
import { UserError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { commandOf, commands } from "../../src/launch/command_line/grammar.ts";
import { readOptions } from "../../src/launch/command_line/options.ts";
import { sectionNames } from "../../src/pipeline/reference.ts";
import { inFolder, root } from "../support/command_line.ts";
import { type Block, blocks } from "./documents.ts";
import { commandsOf } from "./shell_commands.ts";
import { Shell } from "./shell_runs.ts";

const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
const shellBlocks = blocks.filter(({ language }) => language === "sh");

/** The commands in Dockerfiles and in workflows of CI systems, as blocks. */
const otherBlocks = blocks.flatMap((block): Block[] => {
  const texts = block.language === "dockerfile"
    ? Array.from(
      block.text.matchAll(/^(?:RUN|CMD) (.*)$/gm),
      ([, command]) => command!.startsWith("[") ? JSON.parse(command!).join(" ") : command!,
    )
    : block.info.startsWith("no-run: a workflow")
    ? Array.from(block.text.matchAll(/^ *- run: (.*)$/gm), ([, command]) => command!)
    : [];
  return texts.map((text) => ({ ...block, text }));
});

/** The programs that documents may use. */
const programs = new Set([
  ...["apt-get", "cat", "cd", "curl", "docker", "git", "head", "jupyter", "mkdir", "npm", "pip"],
  ...["python", "python3", "tensorboard"],
]);

/** The folders of the project whose files users name in commands. */
const named = /^(?:pipelines|data|docs|examples|tests|src|plugins)\/.*\.\w+$/;

/** Returns what is wrong with a command of a document. */
function faultOf([program, ...args]: readonly string[]): string | undefined {
  if (program === "deno") return faultOfDeno(args);
  if (program === "npx") {
    const [yes, deno, ...rest] = args;
    if (yes !== "-y" || !/^deno@\d+\.\d+\.\d+$/.test(deno ?? "")) return "not npx -y deno@VERSION";
    return faultOfDeno(rest);
  }
  return programs.has(program!) ? undefined : `unknown program ${program}`;
}

function faultOfDeno(args: readonly string[]): string | undefined {
  const [command, ...rest] = args;
  switch (command) {
    case "task": {
      const [task, ...own] = rest;
      if (!Object.hasOwn(config.tasks, task!)) return `no task ${task}`;
      return task === "pipeline" ? faultOfPipeline(own) : missingFile(own);
    }
    case "run": {
      const at = rest.findIndex((word) => !word.startsWith("-"));
      const cli = `jsr:${config.name}/cli`;
      return rest[at] === cli ? faultOfPipeline(rest.slice(at + 1)) : missingFile(rest.slice(at));
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

function faultOfPipeline(args: readonly string[]): string | undefined {
  const parsed = parseArguments(args);
  if (parsed.unknown.length > 0) return `no option ${parsed.unknown}`;
  const [first] = parsed.words;
  if (first === undefined) return parsed.help || parsed.version ? undefined : "no command";
  if (!Object.hasOwn(commands, first) && !/\.(?:yaml|ts)$|^FILE$/.test(first)) {
    return `no command ${first}`;
  }
  try {
    readOptions(parsed);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
  const { name, words } = commandOf(parsed.words);
  const [word] = words;
  const isBuiltIn = builtins.some((stage) => stage.name === word);
  const isKind = kindOfWord(word ?? "") !== undefined;
  const isSection = word === "sweep" || sectionNames.some((section) => section === word);
  const isOwn = word === undefined || /^[A-Z]+$/.test(word) || /\.(?:ts|yaml)$/.test(word);
  if (name === "show" && !isBuiltIn && !isKind && !isSection && !isOwn) return `no stage ${word}`;
  if (name === "list" && !isKind && !isOwn) return `no kind ${word}`;
  return missingFile(parsed.words);
}

/** Finds an argument that names a file of the project that is not there. */
function missingFile(args: readonly string[]): string | undefined {
  const missing = args.find((word) =>
    named.test(word) && !/\bNAME\b/.test(word) && !existsSync(join(root, word))
  );
  return missing && `there is no file ${missing}`;
}

/** Why a block is not run by the last test of this file. */
const reason = /^(?:no-run: \S.*|run-by: (\S+_test\.ts))$/;

Deno.test("each sh block of a document has only commands, options, and files that exist", async () => {
  assert(shellBlocks.length > 20, `${shellBlocks.length} blocks`);
  assert(otherBlocks.length > 5, `${otherBlocks.length} commands`);
  const faults: string[] = [], all = [...shellBlocks, ...otherBlocks];
  for (const [index, commands] of (await commandsOf(all)).entries()) {
    const { place } = all[index]!;
    if (typeof commands === "string") faults.push(`${place}: ${commands}`);
    else {
      for (const command of commands) {
        const fault = faultOf(command);
        if (fault) faults.push(`${place}: ${command.join(" ").slice(0, 80)}: ${fault}`);
      }
      if (commands.length === 0) faults.push(`${place}: no command`);
    }
  }
  assertEquals(faults, []);
});

Deno.test("each sh block that no test runs states why, or the test that runs it", async () => {
  const faults: string[] = [];
  for (const { place, path, info } of shellBlocks) {
    const [known, test] = reason.exec(info) ?? [];
    if (info !== "" && known === undefined) faults.push(`${place}: ${info}`);
    if (test === undefined) continue;
    const code = await Deno.readTextFile(join(root, test)).catch(() => "");
    if (!code.includes(path.split("/").at(-1)!)) faults.push(`${place}: ${test} does not read it`);
  }
  assertEquals(faults, []);
});

Deno.test("the sh blocks of a document run one after another, as a user types them", async () => {
  await inFolder(async (folder) => {
    await using shell = new Shell(folder);
    const runnable = shellBlocks.filter(({ info }) => info === "");
    assert(runnable.length > 3, `${runnable.length} blocks`);
    const faults: string[] = [];
    for (const own of Map.groupBy(runnable, ({ path }) => path).values()) {
      const cwd = await Deno.makeTempDir({ dir: folder });
      for (const name of ["data", "pipelines", "schema"]) {
        await Deno.symlink(join(root, name), join(cwd, name));
      }
      for (const block of own) {
        const { code, output } = await shell.run(block, cwd);
        if (code !== 0) faults.push(`${block.place}: exit code ${code}: ${output}`);
      }
    }
    assertEquals(faults, []);
  });
});
