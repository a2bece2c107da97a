import { ROCKET_VERSION } from "../../base/package.ts";
import type { Arguments } from "./arguments.ts";
import {
  type CommandName,
  commandOf,
  commandOptions,
  commands,
  commonOptions,
  type OptionName,
  options,
  shownOption,
} from "./grammar.ts";

const PROGRAM = "deno task pipeline";

/** The width of the column before the summaries, in characters. */
const WIDTH = 20;

/**
 * Returns what a command line with `--help` or `--version` prints.
 *
 * @param parsed The command line.
 * @returns The lines; undefined if the command line has neither option, or has unknown ones.
 */
export function helpAnswer(parsed: Arguments): string[] | undefined {
  if (parsed.unknown.length > 0) return undefined;
  if (parsed.version) return [ROCKET_VERSION];
  if (!parsed.help) return undefined;
  const [first] = parsed.words;
  return first !== undefined && Object.hasOwn(commands, first)
    ? commandHelp(commandOf(parsed.words).name)
    : help();
}

/**
 * Formats the help of the whole command line: all commands, and the options that all of them
 * accept.
 *
 * @returns The lines, at most 80 characters wide.
 */
export function help(): string[] {
  return [
    `Rocket ${ROCKET_VERSION}: trains a light net with a booster net.`,
    "",
    `usage: ${PROGRAM} COMMAND [OPTIONS]`,
    "",
    "commands:",
    ...names().flatMap((name) => entry(shownCommand(name), commands[name].summary)),
    ...entry("FILE", "The same as run FILE"),
    "",
    "options of all commands:",
    ...optionLines(commonOptions),
    "",
    `${PROGRAM} COMMAND --help lists the options of a command.`,
  ];
}

/**
 * Formats the help of one command.
 *
 * @param name The command's name.
 * @returns The lines, at most 80 characters wide.
 */
export function commandHelp(name: CommandName): string[] {
  return [
    `usage: ${PROGRAM} ${shownCommand(name)} [OPTIONS]`,
    "",
    `${commands[name].summary}.`,
    "",
    "options:",
    ...optionLines(commandOptions(name)),
  ];
}

const names = () => Object.keys(commands) as CommandName[];

const shownCommand = (name: CommandName) => `${name} ${commands[name].words}`;

function optionLines(names: readonly OptionName[]): string[] {
  return names.flatMap((name) => {
    const { repeatable, summary } = options[name];
    return entry(shownOption(name), repeatable ? `${summary}; repeatable` : summary);
  });
}

/** Formats a name and its summary as one line, or as two lines if the name is long. */
function entry(name: string, summary: string): string[] {
  const line = `  ${name.padEnd(WIDTH)}  ${summary}`;
  if (name.length <= WIDTH && line.length <= 80) return [line];
  return [`  ${name}`, `  ${" ".repeat(WIDTH)}  ${summary}`];
}
