import { commandName } from "../../base/command_name.ts";
import { UserError } from "../../base/errors.ts";
import { nameHint } from "../../base/hints.ts";
import { ROCKET_VERSION } from "../../base/package.ts";
import { padToWidth, WIDTH, widthOf, wrap } from "../../base/text_width.ts";
import type { Arguments } from "./arguments.ts";
import {
  type CommandName,
  commandOptions,
  commands,
  commonOptions,
  describeOption,
  type OptionName,
  shownCommand,
} from "./grammar.ts";

/** The width of the column before the summaries, in characters. */
const NAMES = 20;

/**
 * Returns what a command line with `--help`, `--version`, `help` or `version` prints.
 *
 * @param parsed The command line.
 * @returns The lines; undefined for all other command lines, and for unknown options.
 * @throws {UserError} If it asks for the help of an unknown command; exit code 2.
 */
export function helpAnswer(parsed: Arguments): string[] | undefined {
  if (parsed.unknown.length > 0) return undefined;
  const [first, second] = parsed.words;
  if (parsed.version || first === "version" && !parsed.help) return [ROCKET_VERSION];
  if (first === "help" && second !== undefined) return commandHelp(commandNamed(second));
  if (first === "help" && !parsed.help) return help();
  if (!parsed.help) return undefined;
  return isCommand(first) ? commandHelp(first) : help();
}

const isCommand = (word: string | undefined): word is CommandName =>
  word !== undefined && Object.hasOwn(commands, word);

function commandNamed(word: string): CommandName {
  if (isCommand(word)) return word;
  throw new UserError(`there is no command ${JSON.stringify(word)}`, {
    hint: nameHint("command/help", {
      written: word,
      names: names(),
      intro: "the commands are",
      change: (name) => ({ args: { replace: { [word]: name } } }),
    }),
    exitCode: 2,
  });
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
    ...usage("COMMAND [OPTIONS]"),
    "",
    "commands:",
    ...names().flatMap((name) => entry(shownCommand(name), commands[name].summary)),
    ...entry("FILE", "The same as run FILE"),
    "",
    "options of all commands:",
    ...optionLines(undefined, commonOptions),
    "",
    ...wrap(`${commandName()} help COMMAND shows a command's options and an example.`),
  ];
}

/**
 * Formats the help of one command.
 *
 * @param name The command's name.
 * @returns The lines, at most 80 characters wide.
 */
export function commandHelp(name: CommandName): string[] {
  const { summary, arguments: words, example } = commands[name];
  const own = commandOptions(name).filter((option) => !commonOptions.includes(option));
  const section = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? ["", `${title}:`, ...lines] : [];
  return [
    ...usage(`${shownCommand(name)}${own.length > 0 ? " [OPTIONS]" : ""}`),
    "",
    `${summary}.`,
    ...section("arguments", Object.entries(words).flatMap(([word, about]) => entry(word, about))),
    ...section("options", optionLines(name, own)),
    ...section("options of all commands", optionLines(name, commonOptions)),
    ...section("example", inLines(`  ${commandName()}`, example, " \\")),
  ];
}

const usage = (rest: string) => inLines(`usage: ${commandName()}`, rest);

/** Joins two parts of a command in one line, or in two if the line is too long. */
function inLines(first: string, rest: string, joint = ""): string[] {
  const line = `${first} ${rest}`;
  return widthOf(line) <= WIDTH ? [line] : [`${first}${joint}`, `    ${rest}`];
}

const names = () => Object.keys(commands) as CommandName[];

function optionLines(command: CommandName | undefined, names: readonly OptionName[]): string[] {
  return names.flatMap((name) => entry(...describeOption(command, name)));
}

/** Formats a name and its summary, which starts in the next line if the name is long. */
function entry(name: string, summary: string): string[] {
  const indent = " ".repeat(NAMES + 4);
  const [first = "", ...rest] = wrap(summary, WIDTH, { first: indent, next: indent });
  return widthOf(name) <= NAMES
    ? [`  ${padToWidth(name, NAMES)}  ${first.trimStart()}`, ...rest]
    : [`  ${name}`, first, ...rest];
}
