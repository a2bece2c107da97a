import { parseArgs } from "@std/cli/parse-args";

/** A command line, taken apart. */
export interface Arguments {
  /** Words that are no options: the command, files. */
  readonly words: readonly string[];
  /** The first option without the value that it takes. */
  readonly empty: string | undefined;
  /** Options that there are not, as they were written. */
  readonly unknown: readonly string[];
  readonly out: string | undefined;
  readonly seed: string | undefined;
  readonly epochs: string | undefined;
  readonly set: readonly string[];
  readonly allowPlugins: readonly string[];
  readonly allowEnv: readonly string[];
  readonly engine: string | undefined;
  readonly precision: string | undefined;
  readonly jobs: string | undefined;
  readonly only: string | undefined;
  readonly reference: string | undefined;
  readonly permissions: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly debug: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

const texts = [
  ...[
    "out",
    "seed",
    "epochs",
    "set",
    "engine",
    "precision",
    "jobs",
    "only",
    "reference",
    "allow-plugin",
    "allow-env",
  ] as const,
] as const;
const switches = ["permissions", "quiet", "json", "debug", "help", "version"] as const;

/** All options, without their dashes. */
export const optionNames: readonly string[] = [...texts, ...switches];

/**
 * Takes a command line apart; nothing is checked yet.
 *
 * @param args The arguments after the program's name.
 */
export function parseArguments(args: readonly string[]): Arguments {
  const unknown: string[] = [];
  const parsed = parseArgs(withNegatives(args), {
    string: ["_", ...texts],
    boolean: [...switches],
    collect: ["set", "allow-plugin", "allow-env"],
    alias: { h: "help", V: "version" },
    unknown: (arg: string, key?: string) => {
      if (key === undefined) return true;
      unknown.push(arg);
      return false;
    },
  });
  const { out, seed, epochs, engine, precision, jobs, only, reference } = parsed;
  const { permissions, quiet, json, debug, help, version } = parsed;
  return {
    words: parsed._.map(String),
    // What --set takes is told where it is read.
    empty: texts.find((name) => name !== "set" && [parsed[name]].flat().includes("")),
    unknown,
    ...{ out, seed, epochs, engine, precision, jobs, only, reference },
    set: parsed.set as string[],
    allowPlugins: parsed["allow-plugin"] as string[],
    allowEnv: parsed["allow-env"] as string[],
    ...{ permissions, quiet, json, debug, help, version },
  };
}

/** A negative number behind an option is its value, and no option itself. */
function withNegatives(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1)?.replace(/^--/, "");
    if (/^-\d/.test(arg) && texts.some((name) => name === before)) {
      joined.push(`${joined.pop()}=${arg}`);
    } else joined.push(arg);
  }
  return joined;
}
