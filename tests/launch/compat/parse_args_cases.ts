/** Arguments, and the expected result. */
export interface ParseArgsCase {
  readonly args: readonly string[];
  /** The options of `parseArgs()` except `unknown`. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
  /** The result of `unknown()`; if absent, there is no such function. */
  readonly answer?: (argument: string, key?: string) => unknown;
  /** The expected arguments of each call of `unknown()`. */
  readonly asked?: readonly (readonly unknown[])[];
}

/** The options of `deno task pipeline`. */
const pipeline = {
  string: ["out", "seed", "epochs", "set", "engine", "precision"],
  boolean: ["quiet", "json", "debug", "help", "version", "force"],
  collect: ["set"],
  alias: { h: "help", V: "version" },
};

/** The values of `deno task pipeline` without arguments. */
const nothing = {
  _: [],
  set: [],
  quiet: false,
  json: false,
  debug: false,
  help: false,
  h: false,
  version: false,
  V: false,
  force: false,
};

const refuseOptions = (_argument: string, key?: string) => key === undefined;

/** The behavior of `@std/cli/parse-args`, by description. */
export const parseArgsCases: Readonly<Record<string, readonly ParseArgsCase[]>> = {
  "reads the command line of deno task pipeline": [
    { args: [], options: pipeline, result: nothing },
    {
      args: ["file.yaml", "--seed", "2", "--set", "a.b=1", "--quiet", "--set=c=2"],
      options: pipeline,
      result: { ...nothing, _: ["file.yaml"], seed: "2", set: ["a.b=1", "c=2"], quiet: true },
    },
    {
      args: ["--json", "check", "file.yaml", "-h"],
      options: pipeline,
      result: { ...nothing, _: ["check", "file.yaml"], json: true, help: true, h: true },
    },
    {
      args: ["-V", "--out=", "--seed", "--quiet"],
      options: pipeline,
      result: { ...nothing, version: true, V: true, out: "", seed: "", quiet: true },
    },
    {
      args: ["--sed", "2", "file.yaml", "-q", "--no-json"],
      options: pipeline,
      answer: refuseOptions,
      result: { ...nothing, _: ["file.yaml"] },
      asked: [
        ["--sed", "sed", "2"],
        ["file.yaml"],
        ["-q", "q", true],
        ["--no-json", "no-json", true],
      ],
    },
  ],
  "reads the command line of deno task bench": [
    {
      args: [],
      options: { string: ["rounds", "row"], default: { rounds: "5", row: "" } },
      result: { _: [], rounds: "5", row: "" },
    },
    {
      args: ["--rounds", "3", "--row=wide resnet"],
      options: { string: ["rounds", "row"], default: { rounds: "5", row: "" } },
      result: { _: [], rounds: "3", row: "wide resnet" },
    },
  ],
  "takes the value of a long option after = or from the next argument": [
    { args: ["--a", "b"], result: { _: [], a: "b" } },
    { args: ["--a=b=c"], result: { _: [], a: "b=c" } },
    { args: ["--a="], result: { _: [], a: "" } },
    { args: ["--a=1\n2"], result: { _: [], a: "1\n2" } },
    { args: ["--a", ""], result: { _: [""], a: true } },
    { args: ["--a"], result: { _: [], a: true } },
    { args: ["--a", "--b"], result: { _: [], a: true, b: true } },
    { args: ["--a", "-"], result: { _: ["-"], a: true } },
    { args: ["--a", "true"], result: { _: [], a: "true" } },
    { args: ["--a-b", "c"], result: { _: [], "a-b": "c" } },
    { args: ["--a"], options: { string: "a" }, result: { _: [], a: "" } },
  ],
  "makes numbers of what is not declared as text": [
    { args: ["5", "-0.5", "1e3", "0x10", "007"], result: { _: [5, 1000, 16, 7], 0: 0.5 } },
    {
      args: ["x1", "1x", " ", "", "NaN", "Infinity"],
      result: { _: ["x1", "1x", " ", "", "NaN", "Infinity"] },
    },
    { args: ["--n=-5", "--m", "1.5"], result: { _: [], n: -5, m: 1.5 } },
    { args: ["--n=5", "6"], options: { string: ["n"] }, result: { _: [6], n: "5" } },
    { args: ["5", "6"], options: { string: ["_"] }, result: { _: ["5", "6"] } },
  ],
  "takes a negative number for options unless it is joined to one": [
    { args: ["--n", "-5"], result: { _: [], n: true, 5: true } },
    { args: ["--n", "-5"], options: { string: "n" }, result: { _: [], n: "", 5: true } },
    { args: ["-n", "-5"], result: { _: [], n: true, 5: true } },
    { args: ["-n-5"], result: { _: [], n: -5 } },
    { args: ["-n5"], result: { _: [], n: 5 } },
    { args: ["-n=-5"], result: { _: [], n: -5 } },
    { args: ["-12"], result: { _: [], 1: true, 2: true } },
  ],
  "reads short options one by one": [
    { args: ["-abc"], result: { _: [], a: true, b: true, c: true } },
    { args: ["-abc", "d"], result: { _: [], a: true, b: true, c: "d" } },
    {
      args: ["-abc", "d"],
      options: { boolean: "c" },
      result: { _: ["d"], a: true, b: true, c: true },
    },
    // The value after = belongs to the first option.
    { args: ["-ab=c"], result: { _: [], a: "c" } },
    { args: ["-a="], result: { _: [], a: "" } },
    { args: ["-a/b"], result: { _: [], a: "/b" } },
    { args: ["-ab5"], result: { _: [], a: "b5" } },
    { args: ["-ab-"], result: { _: [], a: true, b: "-" } },
    { args: ["-a", "--", "b"], result: { _: ["b"], a: true } },
    { args: ["-ab"], options: { string: ["a", "b"] }, result: { _: [], a: "", b: "" } },
    { args: ["-"], result: { _: ["-"] } },
  ],
  "gives flags no value but true and false": [
    { args: ["--a", "b"], options: { boolean: ["a"] }, result: { _: ["b"], a: true } },
    {
      args: ["--a", "false", "--b", "true"],
      options: { boolean: ["a", "b"] },
      result: { _: [], a: false, b: true },
    },
    { args: ["-a", "false"], options: { boolean: "a" }, result: { _: [], a: false } },
    {
      args: ["--a=false", "--b=no"],
      options: { boolean: ["a", "b"] },
      result: { _: [], a: false, b: true },
    },
    { args: ["--a=0"], options: { boolean: "a" }, result: { _: [], a: true } },
    { args: [], options: { boolean: ["a"] }, result: { _: [], a: false } },
    {
      args: ["--a", "b", "-c", "d"],
      options: { boolean: true },
      result: { _: ["b"], a: true, c: "d" },
    },
    { args: ["--a=b"], options: { boolean: true }, result: { _: [], a: "b" } },
    { args: ["--a", "b"], options: { boolean: [] }, result: { _: [], a: "b" } },
  ],
  "negates by --no- what is negatable": [
    { args: ["--no-a"], options: { negatable: ["a"] }, result: { _: [], a: false } },
    { args: ["--no-a"], result: { _: [], "no-a": true } },
    { args: ["--no-a", "b"], options: { negatable: "a" }, result: { _: ["b"], a: false } },
    { args: ["--no-a", "b"], result: { _: [], "no-a": "b" } },
    {
      args: ["--a", "--no-a"],
      options: { boolean: "a", negatable: "a" },
      result: { _: [], a: false },
    },
    { args: ["--no-a"], options: { boolean: "a" }, result: { _: [], a: false, "no-a": true } },
    {
      args: ["--no-a", "--a=1"],
      options: { negatable: "a", collect: "a" },
      result: { _: [], a: [1] },
    },
    {
      args: ["--a=1", "--no-a"],
      options: { negatable: "a", collect: "a" },
      result: { _: [], a: false },
    },
    { args: ["--no-a=1"], result: { _: [], a: 1 } },
    { args: ["--no-"], result: { _: [], "no-": true } },
  ],
  "leaves what follows -- as it is": [
    { args: ["a", "--", "--b", "5"], result: { _: ["a", "--b", "5"] } },
    {
      args: ["a", "--", "--b", "5"],
      options: { "--": true },
      result: { _: ["a"], "--": ["--b", "5"] },
    },
    { args: ["a"], options: { "--": true }, result: { _: ["a"], "--": [] } },
    { args: ["--a", "--", "b", "--", "c"], result: { _: ["b", "--", "c"], a: true } },
    { args: ["a", "--b", "5"], options: { stopEarly: true }, result: { _: ["a", "--b", "5"] } },
    {
      args: ["--a", "1", "2", "--b", "--", "c"],
      options: { stopEarly: true },
      result: { _: [2, "--b", "c"], a: 1 },
    },
  ],
  "keeps the last of repeated options, and all that it collects": [
    { args: ["--a=1", "--a=2"], result: { _: [], a: 2 } },
    {
      args: ["--a=1", "--a", "x", "-a", "3"],
      options: { collect: ["a"] },
      result: { _: [], a: [1, "x", 3] },
    },
    { args: ["--a"], options: { collect: "a" }, result: { _: [], a: [true] } },
    { args: [], options: { collect: ["a"] }, result: { _: [] } },
    { args: [], options: { collect: "a", string: "a" }, result: { _: [], a: [] } },
    { args: [], options: { collect: "a", boolean: "a" }, result: { _: [], a: [] } },
    {
      args: ["--a", "--a=false"],
      options: { collect: "a", boolean: "a" },
      result: { _: [], a: [true, false] },
    },
    {
      args: ["--a=2"],
      options: { collect: "a", default: { a: ["1"] } },
      result: { _: [], a: [2] },
    },
  ],
  "nests names with dots": [
    { args: ["--a.b=1", "--a.c.d", "x"], result: { _: [], a: { b: 1, c: { d: "x" } } } },
    {
      args: ["--a.b=1", "--a.b=2"],
      options: { collect: ["a.b"] },
      result: { _: [], a: { b: [1, 2] } },
    },
    { args: [], options: { boolean: ["a.b"] }, result: { _: [], a: { b: false } } },
    {
      args: ["--a.c=1"],
      options: { default: { "a.b": 2, "a.c": 3 } },
      result: { _: [], a: { b: 2, c: 1 } },
    },
    { args: ["--a.5=1"], options: { string: "a.5" }, result: { _: [], a: { 5: "1" } } },
  ],
  "does not reach what all objects share": [
    { args: ["--__proto__.polluted=1", "--__proto__=2"], result: { _: [] } },
    { args: ["--constructor.prototype.polluted=1"], result: { _: [] } },
    { args: ["--a.__proto__.polluted=1"], result: { _: [], a: {} } },
  ],
  "fills in defaults": [
    {
      args: [],
      options: { default: { a: 1, b: "x", c: [] } },
      result: { _: [], a: 1, b: "x", c: [] },
    },
    { args: ["--a", "2"], options: { default: { a: 1 } }, result: { _: [], a: 2 } },
    { args: [], options: { boolean: "a", default: { a: true } }, result: { _: [], a: true } },
    { args: [], options: { default: { a: 1 }, alias: { a: "b" } }, result: { _: [], a: 1, b: 1 } },
    {
      args: ["-b", "2"],
      options: { default: { a: 1 }, alias: { a: "b" } },
      result: { _: [], a: 2, b: 2 },
    },
  ],
  "knows an option by its other names": [
    {
      args: ["-v"],
      options: { boolean: "verbose", alias: { v: "verbose" } },
      result: { _: [], v: true, verbose: true },
    },
    {
      args: ["--long", "1"],
      options: { string: "l", alias: { l: ["long", "longer"] } },
      result: { _: [], l: "1", long: "1", longer: "1" },
    },
    {
      args: ["-v", "x"],
      options: { boolean: ["verbose"], alias: { verbose: "v" } },
      result: { _: ["x"], v: true, verbose: true },
    },
    {
      args: ["-a", "1", "--b=2"],
      options: { collect: "a", alias: { a: "b" } },
      result: { _: [], a: [1, 2], b: [1, 2] },
    },
    {
      args: ["--no-b"],
      options: { negatable: "a", alias: { a: "b" } },
      result: { _: [], a: false, b: false },
    },
    // An alias may be listed twice, or be the option itself.
    {
      args: ["--a=1"],
      options: { collect: "a", alias: { a: ["b", "b"] } },
      result: { _: [], a: [1], b: [1] },
    },
    {
      args: ["--a=1"],
      options: { collect: "a", alias: { a: ["a", "b"] } },
      result: { _: [], a: [1, 1], b: [1] },
    },
    // Only direct aliases are set, so c is not. --a takes no value, since its alias b is a flag.
    {
      args: ["--a", "x"],
      options: { boolean: "c", alias: { a: "b", b: "c" } },
      result: { _: ["x"], a: true, b: true, c: false },
    },
  ],
  "asks unknown() for what is not declared, and leaves out what it refuses": [
    {
      args: ["--a=1", "-b", "x", "--c", "d"],
      options: { string: "c" },
      answer: () => false,
      result: { _: [], c: "d" },
      asked: [["--a=1", "a", "1"], ["-b", "b", "x"]],
    },
    {
      args: ["--a=1", "x"],
      answer: () => undefined,
      result: { _: ["x"], a: 1 },
      asked: [["--a=1", "a", "1"], ["x"]],
    },
    { args: ["x", "--", "y"], answer: () => false, result: { _: ["y"] }, asked: [["x"]] },
    {
      args: ["--a", "-b"],
      options: { boolean: true },
      answer: () => false,
      result: { _: [], a: true },
      asked: [["-b", "b", true]],
    },
    {
      args: ["-xa"],
      options: { alias: { a: "b" }, collect: "c" },
      answer: () => false,
      result: { _: [], a: true, b: true },
      asked: [["-xa", "x", true]],
    },
  ],
};
