import { parseArgs } from "@std/cli/parse-args";
import { type OptionName, options } from "./grammar.ts";

/** A parsed command line. */
export interface Arguments {
  /** The arguments that are not options: the command and its files. */
  readonly words: readonly string[];
  /** The options on the command line with their values. A switch has an empty list. */
  readonly given: ReadonlyMap<OptionName, readonly string[]>;
  /** The first option whose value is missing. */
  readonly empty: OptionName | undefined;
  /** The unknown options, as the user wrote them. */
  readonly unknown: readonly string[];
  readonly out: string | undefined;
  readonly seed: string | undefined;
  readonly epochs: string | undefined;
  readonly set: readonly string[];
  readonly allowPlugins: readonly string[];
  readonly allowEnv: readonly string[];
  readonly engine: string | undefined;
  readonly device: string | undefined;
  readonly deterministic: boolean;
  readonly xla: boolean;
  readonly precision: string | undefined;
  readonly format: string | undefined;
  readonly layout: string | undefined;
  readonly inputs: string | undefined;
  readonly keep: string | undefined;
  readonly net: string | undefined;
  readonly checkpoint: string | undefined;
  readonly probabilities: boolean;
  readonly logits: boolean;
  readonly port: string | undefined;
  readonly host: string | undefined;
  readonly batch: string | undefined;
  readonly by: string | undefined;
  readonly errors: string | undefined;
  readonly jobs: string | undefined;
  readonly only: string | undefined;
  readonly reference: string | undefined;
  readonly layers: boolean;
  readonly from: string | undefined;
  readonly label: string | undefined;
  readonly link: string | undefined;
  readonly allowPublicCluster: boolean;
  readonly memory: string | undefined;
  readonly withoutDriver: boolean;
  readonly force: boolean;
  readonly permissions: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly debug: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** All options, without their dashes. */
const names = Object.keys(options) as OptionName[];
const texts = names.filter((name) => options[name].value !== undefined);
const switches = names.filter((name) => options[name].value === undefined);

/**
 * Parses a command line without checking the values of its options.
 *
 * @param args The arguments after the program's name.
 */
export function parseArguments(args: readonly string[]): Arguments {
  const unknown: string[] = [];
  const parsed: Record<string, unknown> & { _: unknown[] } = parseArgs(withNegatives(args), {
    string: ["_", ...texts],
    boolean: switches,
    collect: texts.filter((name) => options[name].repeatable),
    alias: { h: "help", V: "version" },
    unknown: (arg: string, key?: string) => {
      if (key === undefined) return true;
      unknown.push(arg);
      return false;
    },
  });
  const text = (name: OptionName) => parsed[name] as string | undefined;
  const list = (name: OptionName) => parsed[name] as string[];
  const isSet = (name: OptionName) => parsed[name] as boolean;
  return {
    words: parsed._.map(String),
    given: new Map(names.flatMap((name): [OptionName, string[]][] => {
      const value = parsed[name] as string | boolean | string[] | undefined;
      if (value === true) return [[name, []]];
      const values = typeof value === "string" ? [value] : value || [];
      return values.length > 0 ? [[name, values]] : [];
    })),
    // The reader of changes reports a missing value of --set.
    empty: texts.find((name) => name !== "set" && [parsed[name]].flat().includes("")),
    unknown,
    out: text("out"),
    seed: text("seed"),
    epochs: text("epochs"),
    set: list("set"),
    allowPlugins: list("allow-plugin"),
    allowEnv: list("allow-env"),
    engine: text("engine"),
    device: text("device"),
    deterministic: isSet("deterministic"),
    xla: isSet("xla"),
    precision: text("precision"),
    format: text("format"),
    layout: text("layout"),
    inputs: text("inputs"),
    keep: text("keep"),
    net: text("net"),
    checkpoint: text("checkpoint"),
    probabilities: isSet("probabilities"),
    logits: isSet("logits"),
    port: text("port"),
    host: text("host"),
    batch: text("batch"),
    by: text("by"),
    errors: text("errors"),
    jobs: text("jobs"),
    only: text("only"),
    reference: text("reference"),
    layers: isSet("layers"),
    from: text("from"),
    label: text("label"),
    link: text("link"),
    allowPublicCluster: isSet("allow-public-cluster"),
    memory: text("memory"),
    withoutDriver: isSet("without-driver"),
    force: isSet("force"),
    permissions: isSet("permissions"),
    quiet: isSet("quiet"),
    json: isSet("json"),
    debug: isSet("debug"),
    help: isSet("help"),
    version: isSet("version"),
  };
}

/** Joins a negative number to the option before it, since it is a value and not an option. */
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
