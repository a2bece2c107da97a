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

/** The devices that `--device` accepts. */
export const devices = ["auto", "cpu", "gpu"] as const;

/** The devices that `--device` accepts for the command `native`. */
export const setUpDevices = ["cpu", "gpu"] as const;

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

/** A command of the command line, with its arguments, its options, and the text of its help. */
export interface Command {
  /** The placeholders of the command's arguments, such as `KIND FILE.ts`. */
  readonly words: string;
  /** The description in the help, without a final period. */
  readonly summary: string;
  /** What each argument is, by its placeholder, without a final period. */
  readonly arguments: Readonly<Record<string, string>>;
  /** An example of a command line, without the program's name. */
  readonly example: string;
  /** The options that the command accepts in addition to those of all commands. */
  readonly options: readonly OptionName[];
  /** What options mean for this command, where it is not the same for all commands. */
  readonly own?: Readonly<Partial<Record<OptionName, Pick<Option, "value" | "summary">>>>;
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
  out: { value: "PATH", summary: "The folder or file to write" },
  seed: { value: "N", summary: "Overrides the seed of the pipeline" },
  epochs: { value: "N", summary: "Overrides the number of epochs of the pipeline" },
  set: {
    value: "PATH=VALUE",
    repeatable: true,
    summary: "Changes a value of the pipeline file",
  },
  engine: {
    value: "ENGINE",
    summary: "The engine: auto (default), native, wasm or, for trained nets, onnx",
  },
  device: {
    value: devices.join("|"),
    summary: "The device of the native engine (default auto: a GPU if set up)",
  },
  deterministic: { summary: "Uses only operations that compute the same bytes in each run" },
  xla: { summary: "Compiles training steps with XLA (native engine)" },
  precision: {
    value: precisions.join("|"),
    summary: "The precision of training steps (default float32)",
  },
  format: {
    value: "FORMAT",
    summary: "The format of the exported net: onnx, saved-model or safetensors",
  },
  layout: { value: "LAYOUT", summary: "The layout: folder (default), or repository (Triton)" },
  inputs: {
    value: "columns|ids",
    summary: "The inputs of the exported net: columns (default) or ids",
  },
  keep: {
    value: "NAMES",
    summary: "The input columns to copy to the output: names such as a,b, or all",
  },
  net: { value: "light|booster", summary: "The net to use (default light)" },
  checkpoint: { value: "NAME", summary: "The checkpoint: best (default), last, or a name" },
  probabilities: { summary: "Also writes the probability of each class" },
  logits: { summary: "Also writes the logits" },
  port: { value: "N", summary: "The port (default 8000); 0 for any free one" },
  host: { value: "ADDRESS", summary: "The address to listen on (default 127.0.0.1)" },
  batch: { value: "N", summary: "The number of rows to compute at a time" },
  by: { value: "COLUMN", summary: "Also computes the metrics for each value of COLUMN" },
  errors: {
    value: "N",
    summary: "The number of predictions with the largest losses to write to --out",
  },
  jobs: { value: "N", summary: "The number of parallel runs (default: cores / threads per run)" },
  only: {
    value: "PART",
    summary: "Runs only one part of the sweep: check, latency or SETTING/seed-N",
  },
  reference: { value: "SETTING", summary: "The setting that the others are compared with" },
  layers: { summary: "Shows each layer and output of the nets, and the metrics" },
  from: { value: "FILE", summary: "A file with rows, such as rows.csv, to make a pipeline for" },
  label: { value: "COLUMN", summary: "The column to predict; it belongs to the file of --from" },
  link: {
    value: "FOLDER",
    summary: "A copy of Rocket's repository, to use instead of the published package",
  },
  "allow-plugin": {
    value: "CODE",
    repeatable: true,
    summary: "Allows a stage from outside the project",
  },
  "allow-env": {
    value: "NAME",
    repeatable: true,
    summary: "Allows the environment variable NAME in URLs and package names",
  },
  "allow-public-cluster": {
    summary: "Allows processes that compute together to listen on a public address",
  },
  memory: {
    value: "SIZE",
    summary: "The most memory to use, such as 4GB (default: 90 % of what is available)",
  },
  "without-driver": { summary: "Sets up the GPU build on a machine without a GPU" },
  force: { summary: "Sets up the native engine again, even if it is set up already" },
  quiet: { summary: "Prints no progress" },
  json: { summary: "Prints JSON lines to standard output" },
  permissions: { summary: "Only prints the permissions that the command needs, and why" },
  debug: { summary: "Prints stack traces" },
  help: { summary: "Prints the help of a command" },
  version: { summary: "Prints Rocket's version" },
} as const satisfies Record<string, Option>;

/** All options, in the order of the help. */
export const options: Readonly<Record<OptionName, Option>> = optionTable;

/** The options that all commands accept. */
export const commonOptions: readonly OptionName[] = [
  "memory",
  "permissions",
  "debug",
  "help",
  "version",
];

const code = ["allow-plugin", "allow-env"] as const;
const training = [
  ...[...code, "engine", "device", "deterministic", "xla", "precision"] as const,
  ...["set", "epochs", "quiet", "json"] as const,
] as const;

/** The argument of commands that use a trained net. */
const trainedNet = "A run folder, or a folder that export wrote";

const runFolder = "A run folder, such as runs/digits";

const pipelineFile = "A pipeline file: YAML, JSON or TypeScript";

/** `--engine` of commands that train or build the nets. */
const trainingEngine = {
  value: engines.join("|"),
  summary: "The engine that computes the nets (default auto)",
};

/** `--engine` of commands that compute predictions. */
const predictionEngine = {
  value: modelEngines.join("|"),
  summary: "The engine that computes the predictions (default auto)",
};

/** `--device` of commands that compute predictions. */
const predictionDevice = {
  value: devices.join("|"),
  summary: "The device of the native engine; gpu also selects this engine",
};

const commandTable = {
  run: {
    words: "FILE",
    summary: "Trains a pipeline's nets and writes a run folder",
    arguments: { FILE: pipelineFile },
    example: "run digits.yaml --epochs 5 --set train.batch=128",
    options: ["out", "seed", ...training, "allow-public-cluster"],
    own: {
      out: { value: "DIR", summary: "The run folder (default runs/NAME-TIME)" },
      engine: trainingEngine,
    },
    stopsWell: true,
  },
  resume: {
    words: "DIR",
    summary: "Continues a run from its newest intact checkpoint",
    arguments: { DIR: runFolder },
    example: "resume runs/digits --epochs 20",
    options: ["seed", ...training, "allow-public-cluster"],
    own: {
      engine: {
        value: engines.join("|"),
        summary: "The engine (default: the engine that the run used)",
      },
      device: {
        value: devices.join("|"),
        summary: "The device (default: that of the run, if it is available)",
      },
      precision: {
        value: precisions.join("|"),
        summary: "The precision of training steps (default: that of the run)",
      },
    },
    without: { out: "a run continues in its own folder" },
    stopsWell: true,
  },
  sweep: {
    words: "FILE",
    summary: "Trains with several settings and seeds; writes a table",
    arguments: { FILE: "A sweep file, which `show sweep` describes" },
    example: "sweep weights.yaml --jobs 2",
    options: ["out", "jobs", "only", "reference", ...training],
    own: {
      out: { value: "DIR", summary: "The sweep's folder (default runs/NAME)" },
      engine: trainingEngine,
    },
    without: { seed: "the sweep's file lists the seeds" },
    stopsWell: true,
  },
  predict: {
    words: "RUN INPUT",
    summary: "Writes the predictions of a trained net for each row",
    arguments: {
      RUN: trainedNet,
      INPUT: "A file, a glob in quotes, a folder of images, or a YAML file with a source",
    },
    example: "predict runs/digits new.csv --out predictions.csv --keep id",
    options: [
      ...["out", "keep", "net", "checkpoint", "probabilities", "logits", "batch"] as const,
      ...["engine", "device", ...code, "quiet", "allow-public-cluster"] as const,
    ],
    own: {
      out: { value: "FILE", summary: "The file to write: .arrow, .parquet or .csv" },
      engine: predictionEngine,
      device: predictionDevice,
    },
  },
  evaluate: {
    words: "RUN [INPUT]",
    summary: "Measures the metrics of a trained net",
    arguments: { RUN: runFolder, INPUT: "The rows, as for predict (default: the test split)" },
    example: "evaluate runs/digits --by writer",
    options: [
      ...["out", "net", "checkpoint", "by", "errors", "engine", "device"] as const,
      ...[...code, "quiet", "json", "allow-public-cluster"] as const,
    ],
    own: {
      out: { value: "FILE", summary: "The file for the predictions that --errors selects" },
      engine: predictionEngine,
      device: predictionDevice,
      json: { summary: "Prints the metrics as JSON" },
    },
  },
  export: {
    words: "RUN",
    summary: "Exports a trained net for use in other programs",
    arguments: { RUN: runFolder },
    example: "export runs/digits --format onnx --out exported",
    options: [
      ...["out", "format", "layout", "inputs", "net", "checkpoint"] as const,
      ...["engine", "allow-plugin"] as const,
    ],
    own: {
      out: { value: "DIR", summary: "The export folder to write" },
      engine: {
        value: engines.join("|"),
        summary: "The engine to compare the exported net with (default auto)",
      },
    },
  },
  serve: {
    words: "RUN",
    summary: "Serves predictions of a trained net over HTTP",
    arguments: { RUN: trainedNet },
    example: "serve runs/digits --port 9000",
    options: ["port", "host", "net", "checkpoint", "engine", "device", "allow-plugin", "quiet"],
    own: { engine: predictionEngine, device: predictionDevice },
    stopsWell: true,
  },
  compare: {
    words: "RUN RUN...",
    summary: "Compares the pipelines and results of several runs",
    arguments: { RUN: `${runFolder}; the first is the reference` },
    example: "compare runs/small runs/large",
    options: ["json"],
    own: { json: { summary: "Prints the comparison as JSON" } },
  },
  report: {
    words: "RUN...",
    summary: "Writes a page about one run, or several",
    arguments: { RUN: runFolder },
    example: "report runs/small runs/large --out report.html",
    options: ["out", "errors", "engine", "device", ...code, "quiet"],
    own: {
      out: { value: "FILE", summary: "The page to write, such as report.html" },
      errors: { value: "N", summary: "The number of predictions with the largest losses to show" },
      engine: predictionEngine,
      device: predictionDevice,
    },
  },
  runs: {
    words: "[DIR]",
    summary: "Lists the runs of a folder with their results",
    arguments: { DIR: "A folder that contains runs (default runs)" },
    example: "runs runs/weights",
    options: ["json"],
    own: { json: { summary: "Prints the runs as JSON, with all metrics" } },
  },
  check: {
    words: "FILE",
    summary: "Checks a pipeline and its data without training",
    arguments: { FILE: pipelineFile },
    example: "check digits.yaml",
    options: ["layers", "seed", "epochs", "set", "engine", "device", ...code, "quiet"],
    own: { engine: trainingEngine, quiet: { summary: "Prints no progress and no warnings" } },
  },
  list: {
    words: "[KIND] [FILE]",
    summary: "Lists built-in stages, or those of a pipeline file",
    arguments: {
      KIND: "A kind of stages, such as loss (default: all)",
      FILE: "A pipeline file (default: the built-in stages)",
    },
    example: "list losses",
    options: code,
  },
  show: {
    words: "NAME",
    summary: "Shows the options of a stage or a section of a file",
    arguments: {
      NAME: "A stage, a kind of stages, a section such as data, or sweep",
    },
    example: "show mse-hint",
    options: ["allow-plugin"],
  },
  new: {
    words: "KIND FILE.ts | project DIR | package NAME DIR",
    summary: "Creates a plugin, a project, or a package",
    arguments: {
      KIND: "A kind of stage, such as loss",
      "FILE.ts": "The file of the plugin; its test and a pipeline stand beside it",
      DIR: "The folder to create",
      NAME: "The name of the package, such as @you/my-loss",
    },
    example: "new project churn --from customers.csv --label Churned",
    options: ["from", "label", "link"],
  },
  native: {
    words: "",
    summary: "Sets up TensorFlow and describes the native engine",
    arguments: {},
    example: "native",
    options: ["force", "device", "without-driver"],
    own: {
      device: {
        value: setUpDevices.join("|"),
        summary: "The device to set up TensorFlow for (default cpu)",
      },
    },
  },
  help: {
    words: "[COMMAND]",
    summary: "Shows the help of a command",
    arguments: { COMMAND: "A command (default: all commands)" },
    example: "help predict",
    options: [],
  },
  version: {
    words: "",
    summary: "Shows Rocket's version",
    arguments: {},
    example: "version",
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
 * Returns the properties of a command-line option, such as its description. A command can replace
 * some of them by its own.
 *
 * @param command The command; undefined for what is common to all commands.
 * @param name The option's name.
 */
export function optionOf(command: CommandName | undefined, name: OptionName): Option {
  return { ...options[name], ...(command && commands[command].own?.[name]) };
}

/**
 * Describes an option of a command, for the help and the documents.
 *
 * @param command The command; undefined for what is common to all commands.
 * @param name The option's name.
 * @returns The option as users write it, such as `--out DIR`, and what it does.
 */
export function describeOption(
  command: CommandName | undefined,
  name: OptionName,
): [shown: string, summary: string] {
  const { value, summary, repeatable } = optionOf(command, name);
  return [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    repeatable ? `${summary}; repeatable` : summary,
  ];
}

/**
 * Formats a command with the names of its arguments, such as `predict RUN INPUT`.
 *
 * @param name The command's name.
 */
export function shownCommand(name: CommandName): string {
  return `${name} ${commands[name].words}`.trimEnd();
}
