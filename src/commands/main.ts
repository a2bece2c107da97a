import { commandName } from "../base/command_name.ts";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { handed, handedOver, NO_CODE } from "../base/machine/system_file.ts";
import { deniedBySystem } from "../base/files/denied.ts";
import { inOneLine, thrown, thrownMessage } from "../base/printable.ts";
import { type Problem, problemLines, problemsLines, UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { parseArguments } from "../launch/command_line/arguments.ts";
import {
  type CommandName,
  commandOf,
  commandOptions,
  commands,
  commonOptions,
} from "../launch/command_line/grammar.ts";
import { restrictThread } from "../base/machine/restrict_thread.ts";
import { batchThread } from "../input/worker_input.ts";
import { check } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import { exportRun } from "./export.ts";
import { leaveSignals } from "./interruption.ts";
import { compare } from "./compare.ts";
import { list } from "./list.ts";
import { needsOf, permissionsText } from "../launch/command_line/needs.ts";
import { create } from "./new.ts";
import { isAllocationFailure } from "../base/machine/allocation_failure.ts";
import { missingPermission } from "../run/missing_permission.ts";
import { help, helpAnswer } from "../launch/command_line/help.ts";
import { type CommandOptions, readOptions } from "../launch/command_line/options.ts";
import { predict } from "./predict.ts";
import { report as reportRuns } from "./report.ts";
import { resume } from "./resume.ts";
import { run } from "./run.ts";
import { runs } from "./runs.ts";
import { serve } from "./serve.ts";
import { show } from "./show.ts";
import { sweep } from "./sweep.ts";
import { print, say } from "../base/terminal.ts";

/** The commands, except those that the launcher answers. */
const handlers: Readonly<
  Record<
    Exclude<CommandName, "help" | "version" | "native">,
    (words: readonly string[], options: CommandOptions) => Promise<number>
  >
> = {
  run,
  resume,
  sweep,
  predict,
  evaluate,
  export: exportRun,
  serve,
  compare,
  report: reportRuns,
  runs,
  check,
  list,
  show,
  new: create,
};

/**
 * Runs the command of a command line and reports its errors.
 *
 * @param args The arguments after the program's name.
 * @returns The exit code: 0 done, 1 the run failed, 2 the command or the pipeline file is wrong,
 * 75 another process of the cluster is gone, 130 a signal ended it.
 */
export async function main(args: readonly string[]): Promise<number> {
  const debug = args.includes("--debug");
  restrictThread(batchThread);
  try {
    return await dispatch(args);
  } catch (error) {
    return report(error, debug);
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args);
  if (parsed.unknown.length > 0) refuseUnknown(parsed.unknown[0]!, parsed.words);
  const answer = helpAnswer(parsed);
  if (answer) {
    print(answer);
    return 0;
  }
  const [first] = parsed.words;
  if (first === undefined) {
    say(help());
    return 2;
  }
  if (parsed.permissions) {
    print(permissionsText(await needsOf(args, tmpdir())));
    return 0;
  }
  const { name, words } = commandOf(parsed.words);
  if (!Object.hasOwn(commands, first)) refuseUnknownCommand(first);
  const options = readOptions(parsed);
  if (!commands[name].stopsWell) leaveSignals();
  return await handlers[name as keyof typeof handlers](words, options);
}

function refuseUnknown(option: string, words: readonly string[]): never {
  const written = option.replace(/=.*/, "");
  throw new UserError(`there is no option ${option}`, {
    hint: nameHint("command/option", {
      written: written.replace(/^-+/, ""),
      names: words.length === 0 ? commonOptions : commandOptions(commandOf(words).name),
      shown: (name) => `--${name}`,
      change: (name) => ({ args: { replace: { [written]: `--${name}` } } }),
    }) ?? hint("command/options", `${commandName()} --help lists them`, {
      args: { remove: [option], add: ["--help"] },
    }),
    exitCode: 2,
  });
}

/** A first word that is neither a command nor a file is probably a misspelled command. */
function refuseUnknownCommand(word: string): void {
  if (/[./\\]/.test(word) || existsSync(word)) return;
  throw new UserError(`${JSON.stringify(word)} is neither a command nor a pipeline file`, {
    hint: nameHint("command/word", {
      written: word,
      names: Object.keys(commands),
      intro: "the commands are",
      change: (name) => ({ args: { replace: { [word]: name } } }),
    }),
    exitCode: 2,
  });
}

/**
 * Prints an error: a user's mistake without a stack trace, a bug in Rocket with a hint on how to
 * get one.
 *
 * @param what The thrown value.
 * @param debug Whether to print the stack trace.
 * @returns The exit code.
 */
export function report(what: unknown, debug: boolean): number {
  const error = thrown(what);
  if (error instanceof UserError) {
    say(problemsLines(error.problems.map(withoutAdvice)));
    const missing = missingPermission(error);
    if (missing?.hint !== undefined) say(` hint: ${missing.hint}`);
    if (debug) say(inspected(error));
    return error.exitCode;
  }
  const { exitCode, ...problem } = faultOf(error);
  const { message } = problem;
  say(problemLines(debug ? { message } : problem));
  if (debug) say(inspected(error));
  return exitCode;
}

/**
 * Removes the advice to grant a permission from a message of Deno. A file of someone else may have
 * caused the message, and the launcher grants permissions by what files name.
 */
function withoutAdvice({ message, ...problem }: Problem): Problem {
  return { ...problem, message: message.replaceAll(/, run again with the --allow-\w+ flag/g, "") };
}

/**
 * The stack trace of an error, indented by a space, since a message may imitate lines of Rocket's
 * output.
 */
function inspected(error: unknown): string[] {
  return Deno.inspect(error).split("\n").map((line) => `  ${line}`);
}

/**
 * Describes an error that is not a user's mistake: a missing permission, a file that this user may
 * not use, exhausted memory, or a bug in Rocket.
 *
 * @param error The error that was thrown.
 */
export function faultOf(error: unknown): Problem & { readonly exitCode: 1 | 2 } {
  return missingPermission(error) ?? deniedBySystem(error) ?? missingMemory(error) ?? {
    message: inOneLine(thrownMessage(error)),
    hint: hint("fault/debug", `this is a bug in ${culprits()}; --debug prints where`, {
      outside: "the fault is mended in Rocket",
    }),
    exitCode: 1,
  };
}

/** Errors of callbacks do not tell whether a stage has passed the callback to Deno. */
function culprits(): string {
  const code = handed(handedOver.code);
  return code === undefined || code === NO_CODE ? "Rocket" : "a custom stage, or in Rocket";
}

/** Matches the errors of JavaScript, WebAssembly and TensorFlow when memory is exhausted. */
function missingMemory(error: unknown): Problem & { exitCode: 1 } | undefined {
  const message = error instanceof Error ? error.message : "";
  const missing = isAllocationFailure(error) ||
    /^(Invalid TF_Status: 8\b|[^]*\bOOM when allocating tensor\b)/.test(message) ||
    (error instanceof WebAssembly.RuntimeError && message === "memory access out of bounds");
  if (!missing) return undefined;
  return {
    message: `there is not enough memory: ${message}`,
    hint: hint(
      "memory/smaller",
      "use a smaller train.batch, smaller nets, or smaller embedding tables",
      {
        outside: "what fits depends on the machine",
      },
    ),
    exitCode: 1,
  };
}
