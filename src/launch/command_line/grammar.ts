/**
 * The grammar of the command line: all commands with their arguments and options. The parser, the
 * permissions of a command, its dispatch, its help and docs/reference/commands.md follow from these
 * tables.
 *
 * @module
 */

/** The engines that `--engine` accepts for training. */
export const engines = ["auto", "native", "wasm"] as const;

/** The engines that `--engine` accepts for trained nets, as in `predict`. */
export const modelEngines = ["auto", "onnx", "native", "wasm"] as const;

/** The precisions that `--precision` accepts. */
export const precisions = ["float32", "bfloat16"] as const;

/** The address that `serve` listens on by default: this machine only. */
export const DEFAULT_HOST = "127.0.0.1";

/** The port that `serve` listens on by default. */
export const DEFAULT_PORT = 8000;

/** An option of the command line. */
export interface Option {
  /** The placeholder of the option's value, such as `DIR`; absent for a switch. */
  readonly value?: string;
  /** Whether the option can be repeated. */
  readonly repeatable?: true;
  /** The description in the help, without a final period. */
  readonly summary: string;
}

/** A command of the command line. */
export interface Command {
  /** The placeholders of the command's arguments, such as `KIND FILE.ts`. */
  readonly words: string;
  /** The description in the help, without a final period. */
  readonly summary: string;
  /** The options that the command accepts in addition to those of all commands. */
  readonly options: readonly OptionName[];
  /** The reasons why the command does not accept options that a user may expect. */
  readonly without?: Readonly<Partial<Record<OptionName, string>>>;
  /** Whether the command writes a checkpoint before a signal ends it. */
  readonly stopsWell?: true;
}

/** The name of an option, without its dashes. */
export type OptionName = keyof typeof optionTable;

/** The name of a command. */
export type CommandName = keyof typeof commandTable;

const optionTable = {
  out: { value: "DIR", summary: "The folder or file to write (by default runs/NAME-TIME)" },
  seed: { value: "N", summary: "Overrides the seed of the pipeline" },
  epochs: { value: "N", summary: "Overrides the number of epochs of the pipeline" },
  set: {
    value: "PATH=VALUE",
    repeatable: true,
    summary: "Changes a value of the pipeline file",
  },
  engine: {
    value: engines.join("|"),
    summary: "The engine (default auto); some commands accept onnx",
  },
  precision: {
    value: precisions.join("|"),
    summary: "The precision of training steps (default float32)",
  },
  format: { value: "FORMAT", summary: "The format: onnx, saved-model or safetensors" },
  layout: { value: "LAYOUT", summary: "The layout: folder (default), or repository (Triton)" },
  inputs: { value: "columns|ids", summary: "The inputs of the exported net (default columns)" },
  keep: { value: "NAMES", summary: "The input columns to copy, such as a,b, or all" },
  net: { value: "light|booster", summary: "The net to use (default light)" },
  checkpoint: { value: "NAME", summary: "The checkpoint: best (default), last, or a name" },
  probabilities: { summary: "Also writes the probability of each class" },
  logits: { summary: "Also writes the logits" },
  port: { value: "N", summary: "The port (default 8000); 0 for any free one" },
  host: { value: "ADDRESS", summary: "The address to listen on (default 127.0.0.1)" },
  batch: { value: "N", summary: "The number of rows to compute at a time" },
  by: { value: "COLUMN", summary: "Also computes the metrics for each value of COLUMN" },
  errors: { value: "N", summary: "The number of worst predictions to write to --out" },
  jobs: { value: "N", summary: "The number of parallel runs (default cores / threads)" },
  only: { value: "PART", summary: "Runs only one part: check, latency or SETTING/seed-N" },
  reference: { value: "SETTING", summary: "The setting to compare the others with" },
  "allow-plugin": {
    value: "CODE",
    repeatable: true,
    summary: "Allows a stage from outside the project",
  },
  "allow-env": {
    value: "NAME",
    repeatable: true,
    summary: "Allows ${env:NAME} in URLs and package names",
  },
  quiet: { summary: "Prints no progress" },
  json: { summary: "Prints JSON lines to standard output" },
  permissions: { summary: "Only prints the permissions of the command, and why" },
  debug: { summary: "Prints stack traces" },
  help: { summary: "Prints the options of a command" },
  version: { summary: "Prints Rocket's version" },
} as const satisfies Record<string, Option>;

/** All options, in the order of the help. */
export const options: Readonly<Record<OptionName, Option>> = optionTable;

/** The options that all commands accept. */
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
    summary: "Continues a run from its newest intact checkpoint",
    options: ["seed", ...training],
    without: { out: "a run continues in its own folder" },
    stopsWell: true,
  },
  sweep: {
    words: "FILE",
    summary: "Trains with several settings and seeds; writes a table",
    options: ["out", "jobs", "only", "reference", ...training],
    without: { seed: "the sweep's file lists the seeds" },
    stopsWell: true,
  },
  predict: {
    words: "RUN INPUT",
    summary: "Writes the predictions of a trained net for each row",
    options: [
      ...["out", "keep", "net", "checkpoint", "probabilities", "logits", "batch"] as const,
      ...["engine", ...code, "quiet"] as const,
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
      ...["out", "format", "layout", "inputs", "net", "checkpoint"] as const,
      ...["engine", "allow-plugin"] as const,
    ],
  },
  serve: {
    words: "RUN",
    summary: "Answers predictions over HTTP",
    options: ["port", "host", "net", "checkpoint", "engine", "allow-plugin", "quiet"],
    stopsWell: true,
  },
  compare: {
    words: "RUN RUN...",
    summary: "Compares the pipelines and results of several runs",
    options: ["json"],
  },
  report: {
    words: "RUN...",
    summary: "Writes a page about one run, or several",
    options: ["out", "errors", "engine", ...code, "quiet"],
  },
  runs: {
    words: "[DIR]",
    summary: "Lists the runs of a folder with their results",
    options: ["json"],
  },
  check: {
    words: "FILE",
    summary: "Checks a pipeline and its data without training",
    options: ["seed", "epochs", "set", "engine", ...code, "quiet"],
  },
  list: {
    words: "[KIND] [FILE]",
    summary: "Lists built-in stages, or those of a pipeline file",
    options: code,
  },
  show: {
    words: "STAGE",
    summary: "Shows the options of a stage",
    options: ["allow-plugin"],
  },
  new: {
    words: "KIND FILE.ts",
    summary: "Creates a plugin, its test and a pipeline file",
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
