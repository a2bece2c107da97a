import { commandName } from "../../base/command_name.ts";
import { isIP } from "node:net";
import { memorySize } from "../../base/bytes.ts";
import { UserError } from "../../base/errors.ts";
import { hint, nameHint } from "../../base/hints.ts";
import { withoutGpu } from "../../engine/native/gpu_platform.ts";
import type { Arguments } from "./arguments.ts";
import {
  type CommandName,
  commandOf,
  commandOptions,
  commands,
  devices,
  engines,
  modelEngines,
  type OptionName,
  precisions,
  setUpDevices,
} from "./grammar.ts";

/** The checked options of a command line. An absent option is undefined or an empty list. */
export interface CommandOptions {
  /** The run folder, or a sweep's folder. */
  readonly out: string | undefined;
  /** Changes of the pipeline, as `PATH=VALUE`. */
  readonly set: readonly string[];
  /** The stages outside the project that may be loaded: paths and specifiers such as `npm:x`. */
  readonly allowPlugins: readonly string[];
  /** The environment variables that addresses may contain. Their servers learn the values. */
  readonly allowEnv: readonly string[];
  /** The engine for training. */
  readonly engine: (typeof engines)[number] | undefined;
  /** The engine for a trained net, as in `predict`. */
  readonly modelEngine: (typeof modelEngines)[number] | undefined;
  /** The format of an export. */
  readonly format: "onnx" | "saved-model" | "safetensors" | undefined;
  /** The folders of an export. */
  readonly layout: "folder" | "repository" | undefined;
  /** The inputs of an exported net. */
  readonly inputs: "columns" | "ids" | undefined;
  /** The input columns to copy, separated by commas; or `all`. */
  readonly keep: string | undefined;
  /** The net to use. */
  readonly net: "light" | "booster" | undefined;
  /** The name of the checkpoint to use. */
  readonly checkpoint: string | undefined;
  /** Whether to write the probability of each class. */
  readonly probabilities: boolean;
  /** Whether to write logits. */
  readonly logits: boolean;
  /** The port to listen on; 0 for any free one. */
  readonly port: number | undefined;
  /** The address to listen on: an IP address or a host name. */
  readonly host: string | undefined;
  /** The number of rows to compute at a time. */
  readonly batch: number | undefined;
  /** The column whose values are groups. */
  readonly by: string | undefined;
  /** How many of the most wrong rows are written. */
  readonly errors: number | undefined;
  /** The device of the native engine. */
  readonly device: (typeof devices)[number] | undefined;
  /** Whether to use only operations that compute the same bytes in each run. */
  readonly deterministic: boolean;
  /** Whether XLA compiles training steps. */
  readonly xla: boolean;
  /** Whether to set up the GPU build without looking for a driver. */
  readonly withoutDriver: boolean;
  /** The precision of training steps. */
  readonly precision: (typeof precisions)[number] | undefined;
  /** The number of parallel runs of a sweep. */
  readonly jobs: number | undefined;
  /** The only part of a sweep to run. */
  readonly only: string | undefined;
  /** The setting with which a sweep compares the others. */
  readonly reference: string | undefined;
  /** Whether to show each layer of the nets. */
  readonly layers: boolean;
  /** The file with rows for which a new project gets a pipeline. */
  readonly from: string | undefined;
  /** The column that the nets of a new project predict. */
  readonly label: string | undefined;
  /** The folder with a copy of Rocket that a new project uses. */
  readonly link: string | undefined;
  /** The most memory that the command may take, in bytes. */
  readonly memory: number | undefined;
  /** Whether to print no progress. */
  readonly quiet: boolean;
  /** Whether to print events as JSON lines on standard output. */
  readonly json: boolean;
  /** Whether to print stack traces. */
  readonly debug: boolean;
}

/**
 * Returns the only argument of a command.
 *
 * @param args The arguments after the command.
 * @param what What the argument is, for the message.
 * @throws {UserError} If there is no argument, or more than one; exit code 2.
 */
export function onlyArgument(args: readonly string[], what: string): string {
  const [first, second] = args;
  if (first !== undefined && second === undefined) return first;
  throw new UserError(
    first === undefined
      ? `expected ${what}`
      : `expected ${what} and nothing else, got ${args.join(" ")}`,
    {
      hint: hint("command/usage", `${commandName()} --help shows how`, {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}

/**
 * Rejects arguments of a command that has none.
 *
 * @param name The command.
 * @param args The arguments after the command.
 * @throws {UserError} If there is an argument; exit code 2.
 */
export function refuseArguments(name: CommandName, args: readonly string[]): void {
  if (args.length === 0) return;
  throw new UserError(`${name} takes no arguments, got ${args.join(" ")}`, { exitCode: 2 });
}

/**
 * Checks the options of a parsed command line and converts their values, such as texts to numbers.
 *
 * @param parsed The command line.
 * @throws {UserError} If its command has no such option, or a value is wrong; exit code 2.
 */
export function readOptions(parsed: Arguments): CommandOptions {
  const { name } = commandOf(parsed.words);
  for (const [option, values] of parsed.given) refuseOther(name, option, values);
  if (parsed.empty !== undefined) {
    throw new UserError(`--${parsed.empty} needs a value`, {
      hint: hint("command/value", `write it after the option, or remove --${parsed.empty}`, {
        args: { remove: [`--${parsed.empty}`] },
      }),
      exitCode: 2,
    });
  }
  refuseUselessDevice(name, parsed);
  const isTrained = ["predict", "evaluate", "report", "serve"].includes(name);
  return {
    out: parsed.out,
    set: [
      ...parsed.set,
      ...setNumber("seed", parsed.seed, "seed", 0),
      ...setNumber("epochs", parsed.epochs, "train.epochs", 1),
    ],
    allowPlugins: parsed.allowPlugins,
    allowEnv: parsed.allowEnv,
    engine: isTrained ? undefined : oneOf("engine", parsed.engine, engines),
    modelEngine: isTrained ? modelEngineOf(parsed) : undefined,
    format: oneOf("format", parsed.format, ["onnx", "saved-model", "safetensors"]),
    layout: oneOf("layout", parsed.layout, ["folder", "repository"]),
    inputs: oneOf("inputs", parsed.inputs, ["columns", "ids"]),
    keep: parsed.keep,
    net: oneOf("net", parsed.net, ["light", "booster"]),
    checkpoint: parsed.checkpoint,
    probabilities: parsed.probabilities,
    logits: parsed.logits,
    port: parsed.port === undefined ? undefined : portOf(parsed.port),
    host: parsed.host === undefined ? undefined : hostOf(parsed.host),
    batch: parsed.batch === undefined ? undefined : wholeNumber("batch", parsed.batch, 1),
    by: parsed.by,
    errors: parsed.errors === undefined ? undefined : wholeNumber("errors", parsed.errors, 1),
    device: oneOf("device", parsed.device, name === "native" ? setUpDevices : devices),
    deterministic: parsed.deterministic,
    xla: parsed.xla,
    withoutDriver: parsed.withoutDriver,
    precision: oneOf("precision", parsed.precision, precisions),
    jobs: parsed.jobs === undefined ? undefined : wholeNumber("jobs", parsed.jobs, 1),
    only: parsed.only,
    reference: parsed.reference,
    layers: parsed.layers,
    from: parsed.from,
    label: parsed.label,
    link: parsed.link,
    memory: parsed.memory === undefined ? undefined : memoryOf(parsed.memory),
    quiet: parsed.quiet,
    json: parsed.json,
    debug: parsed.debug,
  };
}

/** Returns the engine of a command that computes predictions. Only the native engine uses a GPU. */
function modelEngineOf({ engine, device }: Arguments): CommandOptions["modelEngine"] {
  const chosen = oneOf("engine", engine, modelEngines);
  return device === "gpu" && (chosen ?? "auto") === "auto" ? "native" : chosen;
}

/** Rejects an option that other commands have, since it would have no effect. */
function refuseOther(
  command: CommandName,
  option: OptionName,
  values: readonly string[],
): void {
  if (commandOptions(command).includes(option)) return;
  const why = commands[command].without?.[option];
  throw new UserError(
    `${command} has no option --${option}${why === undefined ? "" : `: ${why}`}`,
    {
      hint: hint("command/other", `remove it; ${command} --help lists its options`, {
        args: {
          remove: [
            `--${option}`,
            ...values.flatMap((value) => [value, `--${option}=${value}`]),
          ],
        },
      }),
      exitCode: 2,
    },
  );
}

/** Rejects a device, or a compiler, that the command would not use. */
function refuseUselessDevice(
  command: CommandName,
  { device, engine, xla, withoutDriver }: Arguments,
): void {
  if (xla && engine === "wasm") {
    throw new UserError("--xla needs the native engine, but --engine is wasm", {
      hint: hint("xla/wasm", "remove --xla, or remove --engine", [
        { args: { remove: ["--xla"] } },
        { args: { remove: ["--engine", "wasm", "--engine=wasm"] } },
      ]),
      exitCode: 2,
    });
  }
  if (device === "gpu" && (engine === "wasm" || engine === "onnx")) {
    throw new UserError(`--device gpu needs the native engine, but --engine is ${engine}`, {
      hint: hint(
        "device/wasm",
        "remove --device gpu to compute on the CPU, or remove --engine",
        withoutGpu,
      ),
      exitCode: 2,
    });
  }
  if (command === "native" && withoutDriver && device !== "gpu") {
    throw new UserError("--without-driver is an option of `native --device gpu`", {
      hint: hint("device/driver", "add --device gpu, or remove --without-driver", [
        { args: { add: ["--device", "gpu"] } },
        { args: { remove: ["--without-driver"] } },
      ]),
      exitCode: 2,
    });
  }
}

function setNumber(
  option: string,
  text: string | undefined,
  path: string,
  least: number,
): string[] {
  return text === undefined ? [] : [`${path}=${wholeNumber(option, text, least)}`];
}

function wholeNumber(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new UserError(
    `--${option} needs a whole number of at least ${least}, got ${JSON.stringify(text)}`,
    { exitCode: 2 },
  );
}

function portOf(text: string): number {
  const port = wholeNumber("port", text, 0);
  if (port <= 65_535) return port;
  throw new UserError(`--port must be 65535 or less, got ${text}`, {
    hint: hint("command/port", "choose another one, such as 8000, or 0 for any free port", {
      args: { replace: { [text]: "8000", [`--port=${text}`]: "--port=8000" } },
    }),
    exitCode: 2,
  });
}

function memoryOf(text: string): number {
  const bytes = memorySize(text);
  if (bytes !== undefined) return bytes;
  throw new UserError(
    `--memory needs a size of at least 200MB, such as 4GB, got ${JSON.stringify(text)}`,
    { exitCode: 2 },
  );
}

/** Checks an address to listen on; a pattern such as `*` would stand for many hosts. */
function hostOf(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 || /^[a-z\d]([-a-z\d.]*[a-z\d])?$/i.test(host)) return host;
  throw new UserError(`--host needs an address of this machine, got ${JSON.stringify(text)}`, {
    hint: hint("command/host", "use 127.0.0.1 for this machine only, or 0.0.0.0 for all networks", {
      args: { replace: { [text]: "127.0.0.1", [`--host=${text}`]: "--host=127.0.0.1" } },
    }),
    exitCode: 2,
  });
}

function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  values: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = values.find((one) => one === value);
  if (found) return found;
  throw new UserError(
    `--${option} must be ${values.slice(0, -1).join(", ")} or ${values.at(-1)}, got ${
      JSON.stringify(value)
    }`,
    {
      hint: nameHint("command/choice", {
        written: value,
        names: values,
        change: (near) => ({
          args: { replace: { [value]: near, [`--${option}=${value}`]: `--${option}=${near}` } },
        }),
      }),
      exitCode: 2,
    },
  );
}
