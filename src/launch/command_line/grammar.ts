/**
 * The grammar of the command line: all commands with their arguments and options. The parser, the
 * permissions of a command, its dispatch, its help and docs/reference/commands.md follow from these
 * tables.
 *
 * @module
 */

/** The engines that `--engine` accepts. */
export const engines = ["auto", "native", "wasm"] as const;

/** The engines that `--engine` accepts for nets that are trained. */
export const modelEngines = ["auto", "onnx", "native", "wasm"] as const;

/** The precisions that `--precision` accepts. */
export const precisions = ["float32", "bfloat16"] as const;

/** An option of the command line. */
export interface Option {
  /** The placeholder of its value, such as `DIR`; an option without one is a switch. */
  readonly value?: string;
  /** Whether the option may be given several times. */
  readonly repeatable?: true;
  /** What it does: a sentence without its period. */
  readonly summary: string;
}

/** A command. */
export interface Command {
  /** The placeholders of its arguments, such as `KIND FILE.ts`. */
  readonly words: string;
  /** What it does: a sentence without its period. */
  readonly summary: string;
  /** The options that it accepts, beside those of all commands. */
  readonly options: readonly OptionName[];
  /** Why it does not accept an option that a user may expect. */
  readonly without?: Readonly<Partial<Record<OptionName, string>>>;
  /** Whether a signal stops it with a checkpoint, and not at once. */
  readonly stopsWell?: true;
}

/** The name of an option, without its dashes. */
export type OptionName = keyof typeof optionTable;

/** The name of a command. */
export type CommandName = keyof typeof commandTable;

const optionTable = {
  out: { value: "DIR", summary: "The folder for the results (runs/NAME-TIME), or a file" },
  seed: { value: "N", summary: "The seed, instead of the pipeline's" },
  epochs: { value: "N", summary: "The number of epochs, instead of the pipeline's" },
  set: {
    value: "PATH=VALUE",
    repeatable: true,
    summary: "Changes a value of the pipeline file",
  },
  engine: {
    value: engines.join("|"),
    summary: "The engine (auto); predict, evaluate also have onnx",
  },
  precision: { value: precisions.join("|"), summary: "The precision of training steps (float32)" },
  format: { value: "onnx|safetensors", summary: "The format of the exported net" },
  inputs: { value: "columns|ids", summary: "What the exported net reads (columns)" },
  keep: { value: "NAMES", summary: "Columns to copy, as a,b, or all" },
  net: { value: "light|booster", summary: "The net that answers (light)" },
  checkpoint: { value: "NAME", summary: "Its weights: best, last, or a name (best)" },
  probabilities: { summary: "Adds the probability of each class" },
  logits: { summary: "Adds the logits" },
  batch: { value: "N", summary: "The number of rows that are computed at a time" },
  by: { value: "COLUMN", summary: "Also measures the rows of each value of a column" },
  errors: { value: "N", summary: "How many of the most wrong rows --out gets" },
  jobs: { value: "N", summary: "The number of parallel runs (by default, by cores)" },
  only: { value: "PART", summary: "Only a part: check, latency or SETTING/seed-N" },
  reference: { value: "SETTING", summary: "The setting that the others are compared with" },
  "allow-plugin": {
    value: "CODE",
    repeatable: true,
    summary: "Loads a stage from outside the project",
  },
  "allow-env": {
    value: "NAME",
    repeatable: true,
    summary: "Lets addresses contain ${env:NAME}",
  },
  quiet: { summary: "Prints no progress" },
  json: { summary: "Prints JSON lines to standard output" },
  permissions: { summary: "Only prints what the command may do, and why" },
  debug: { summary: "Prints stack traces" },
  help: { summary: "Prints the options of a command" },
  version: { summary: "Prints Rocket's version" },
} as const satisfies Record<string, Option>;

/** All options, in the order of the help. */
export const options: Readonly<Record<OptionName, Option>> = optionTable;

/** The options of all commands. */
export const commonOptions: readonly OptionName[] = ["permissions", "debug", "help", "version"];

const code = ["allow-plugin", "allow-env"] as const;
const training = [...code, "engine", "precision", "set", "epochs", "quiet", "json"] as const;

const commandTable = {
  run: {
    words: "FILE",
    summary: "Trains a pipeline's nets and writes a run folder",
    options: ["out", "seed", ...training],
    stopsWell: true,
  },
  resume: {
    words: "DIR",
    summary: "Continues a run from its newest good checkpoint",
    options: ["seed", ...training],
    without: { out: "a run continues in its own folder" },
    stopsWell: true,
  },
  sweep: {
    words: "FILE",
    summary: "Trains with several settings and seeds; makes a table",
    options: ["out", "jobs", "only", "reference", ...training],
    without: { seed: "the sweep's file lists the seeds" },
    stopsWell: true,
  },
  predict: {
    words: "RUN INPUT",
    summary: "Writes the scores of a trained net for each row",
    options: [
      ...["out", "keep", "net", "checkpoint", "probabilities", "logits", "batch"] as const,
      ...["engine", "allow-plugin", "quiet"] as const,
    ],
  },
  evaluate: {
    words: "RUN [INPUT]",
    summary: "Measures the metrics of a trained net",
    options: [
      ...["out", "net", "checkpoint", "by", "errors", "engine", ...code, "quiet", "json"] as const,
    ],
  },
  export: {
    words: "RUN",
    summary: "Exports a trained net for use in other programs",
    options: [
      ...["out", "format", "inputs", "net", "checkpoint", "engine", "allow-plugin"] as const,
    ],
  },
  compare: {
    words: "RUN RUN...",
    summary: "Shows in what several runs and their results differ",
    options: ["json"],
  },
  runs: {
    words: "[DIR]",
    summary: "Lists the runs of a folder with their results",
    options: ["json"],
  },
  check: {
    words: "FILE",
    summary: "Does everything except training",
    options: ["seed", "epochs", "set", "engine", ...code, "quiet"],
  },
  list: {
    words: "[KIND] [FILE]",
    summary: "Lists built-in stages, or those of a pipeline file",
    options: code,
  },
  show: {
    words: "STAGE",
    summary: "Shows a stage's options",
    options: ["allow-plugin"],
  },
  new: {
    words: "KIND FILE.ts",
    summary: "Makes a plugin with its test and a pipeline file",
    options: [],
  },
} as const satisfies Record<string, Command>;

/** All commands, in the order of the help. */
export const commands: Readonly<Record<CommandName, Command>> = commandTable;

/**
 * Returns the options that a command accepts, in the order of the help.
 *
 * @param name The command's name.
 */
export function commandOptions(name: CommandName): OptionName[] {
  const accepted = [...commands[name].options, ...commonOptions];
  return (Object.keys(options) as OptionName[]).filter((option) => accepted.includes(option));
}

/**
 * Finds the command of a command line, and its arguments. A pipeline file alone means `run FILE`.
 *
 * @param words The command line without its options; at least one word.
 */
export function commandOf(words: readonly string[]): { name: CommandName; words: string[] } {
  const [first, ...rest] = words;
  return first !== undefined && Object.hasOwn(commands, first)
    ? { name: first as CommandName, words: rest }
    : { name: "run", words: [...words] };
}

/**
 * Formats an option as the help shows it: `--out DIR`.
 *
 * @param name The option's name.
 */
export function shownOption(name: OptionName): string {
  const { value } = options[name];
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}
