import { parseArgs } from "node:util";

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

/** Options that take a text. */
const texts = [
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
  const { tokens } = parseArgs({
    args: withValues(args, unknown),
    options: {
      ...Object.fromEntries(texts.map((name) => [name, { type: "string" }] as const)),
      ...Object.fromEntries(switches.map((name) => [name, { type: "boolean" }] as const)),
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "V" },
    },
    // What is wrong is told by the command line itself.
    strict: false,
    tokens: true,
  });
  const words: string[] = [];
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (!optionNames.includes(name)) {
      unknown.push(value === undefined ? rawName : `${rawName}=${value}`);
      continue;
    }
    const values = given.get(name);
    if (values) values.push(value ?? "");
    else given.set(name, [value ?? ""]);
  }
  const all = (name: typeof texts[number]) => given.get(name) ?? [];
  const last = (name: typeof texts[number]) => all(name).at(-1);
  const isOn = (name: typeof switches[number]) => {
    const value = given.get(name)?.at(-1);
    return value !== undefined && value !== "false";
  };
  return {
    words,
    // What --set takes is told where it is read.
    empty: texts.find((name) => name !== "set" && all(name).includes("")),
    unknown,
    out: last("out"),
    seed: last("seed"),
    epochs: last("epochs"),
    set: all("set"),
    allowPlugins: all("allow-plugin"),
    allowEnv: all("allow-env"),
    engine: last("engine"),
    precision: last("precision"),
    jobs: last("jobs"),
    only: last("only"),
    reference: last("reference"),
    permissions: isOn("permissions"),
    quiet: isOn("quiet"),
    json: isOn("json"),
    debug: isOn("debug"),
    help: isOn("help"),
    version: isOn("version"),
  };
}

/**
 * Options joined with their values. What begins with a dash is no value, unless it is a negative number; an option
 * without a value has an empty one. Letters that there are not stand for one option, which has a dash too few.
 */
function withValues(args: readonly string[], unknown: string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!, next = args[at + 1];
    if (arg === "--") return [...joined, ...args.slice(at)];
    if (/^-[^-]/.test(arg) && !/^-[hV]+$/.test(arg)) unknown.push(arg);
    else if (!texts.some((name) => arg === `--${name}`)) joined.push(arg);
    else if (next === undefined || /^-[^\d]/.test(next)) joined.push(`${arg}=`);
    else {
      joined.push(`${arg}=${next}`);
      at++;
    }
  }
  return joined;
}
