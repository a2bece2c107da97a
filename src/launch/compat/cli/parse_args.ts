/**
 * Replaces `@std/cli/parse-args` if the JSR registry cannot be reached. Names with dots are parsed
 * in the same way, but the types do not support them.
 *
 * @module
 */

/** One name or many. */
type Names<Name extends string> = Name | readonly Name[];

/** The options of {@linkcode parseArgs}. */
export interface ParseOptions<
  Text extends string = string,
  Flag extends string = string,
  Many extends string = string,
  Negatable extends string = string,
  Defaults extends Record<string, unknown> | undefined = Record<string, unknown> | undefined,
  Alias extends Aliases | undefined = Aliases | undefined,
  DoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Whether to return the arguments after `--` as the property `--` instead of in `_`. */
  "--"?: DoubleDash;
  /** The aliases of options, by name. */
  alias?: Alias;
  /** The options that are true or false; `true` means all long options without `=`. */
  boolean?: boolean | Names<Flag>;
  /** The values of options that are missing. */
  default?: Defaults;
  /** Whether to stop parsing at the first argument that is not an option. */
  stopEarly?: boolean;
  /** The options that are text, even if they look like numbers. */
  string?: Names<Text>;
  /** The options that can occur several times and become arrays. */
  collect?: Names<Many>;
  /** The options that `--no-NAME` sets to false. */
  negatable?: Names<Negatable>;
  /** Called for each undeclared argument; if it returns `false`, the argument is left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Aliases = Record<string, string | readonly string[] | undefined>;

/** The type of one value. */
type Value<Name, Text, Flag> = Name extends Text ? string : Name extends Flag ? boolean : unknown;

/** The type that a negation adds. */
type Negation<Name, Negatable> = Name extends Negatable ? false : never;

/** The values of declared options, without defaults and aliases. */
type Declared<Text extends string, Flag extends string, Many extends string, Negatable> =
  & { [Name in Exclude<Text, Many>]?: string | Negation<Name, Negatable> }
  & { [Name in Exclude<Flag, Many>]: boolean }
  & { [Name in Many]: Value<Name, Text, Flag>[] | Negation<Name, Negatable> };

type WithDefaults<Values, Defaults> = Defaults extends Record<string, unknown> ?
    & Omit<Values, keyof Defaults>
    & {
      [Name in keyof Defaults]: Name extends keyof Values
        ? Defaults[Name] | NonNullable<Values[Name]>
        : unknown;
    }
  : Values;

type WithAliases<Values, Alias> = {
  [Name in keyof Values as NamesOf<Name, Alias>]: Values[Name];
};

type NamesOf<Name, Alias> = Name extends keyof Alias
  ? Alias[Name] extends infer Other
    ? Other extends string ? Name | Other : Other extends readonly string[] ? Name | Other[number]
    : Name
  : never
  : Name;

/** The result of {@linkcode parseArgs}. */
export type Args<
  // deno-lint-ignore no-explicit-any
  Values = Record<string, any>,
  DoubleDash extends boolean | undefined = undefined,
> =
  & { [Name in keyof Values]: Values[Name] }
  & {
    /** The arguments that do not belong to an option. */
    _: (string | number)[];
  }
  & (true extends DoubleDash ? { "--": string[] } : unknown);

/** The type of the values. If no options are declared, it allows any. */
type Parsed<
  Text extends string,
  Flag extends string,
  Many extends string,
  Negatable,
  Defaults,
  Alias,
> = [Text | Flag | Many] extends [never]
  // deno-lint-ignore no-explicit-any
  ? Record<string, any>
  :
    & Record<string, unknown>
    & WithAliases<WithDefaults<Declared<Text, Flag, Many, Negatable>, Defaults>, Alias>;

/**
 * Parses command-line arguments into an object.
 *
 * @example
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 * import { assertEquals } from "@std/assert";
 *
 * const args = parseArgs(["--seed", "2", "file.yaml"], { string: ["seed"], boolean: ["quiet"] });
 * assertEquals(args, { seed: "2", quiet: false, _: ["file.yaml"] });
 * ```
 *
 * @param args The arguments, such as `Deno.args`.
 * @param options The declared options.
 * @returns The values by name, and the arguments that do not belong to an option as `_`.
 */
export function parseArgs<
  const Text extends string = never,
  const Flag extends string = never,
  const Many extends string = never,
  const Negatable extends string = never,
  Defaults extends Record<string, unknown> | undefined = undefined,
  const Alias extends Aliases | undefined = undefined,
  DoubleDash extends boolean | undefined = undefined,
>(
  args: readonly string[],
  options: ParseOptions<Text, Flag, Many, Negatable, Defaults, Alias, DoubleDash> = {},
): Args<Parsed<Text, Flag, Many, Negatable, Defaults, Alias>, DoubleDash> {
  const end = args.indexOf("--");
  const parser = new Parser(options as ParseOptions);
  parser.parse(end < 0 ? args : args.slice(0, end));
  parser.fillIn();
  const after = end < 0 ? [] : args.slice(end + 1);
  if (options["--"]) parser.values["--"] = after;
  else for (const word of after) parser.values._.push(word);
  return parser.values as unknown as Args<
    Parsed<Text, Flag, Many, Negatable, Defaults, Alias>,
    DoubleDash
  >;
}

type Tree = Record<string, unknown>;

/** The state of parsing. */
class Parser {
  readonly values: Tree & { _: (string | number)[] } = { _: [] };
  readonly #options: ParseOptions;
  /** The other names of each option with aliases. */
  readonly #others = new Map<string, ReadonlySet<string>>();
  readonly #texts: Set<string>;
  readonly #flags: Set<string>;
  readonly #many: Set<string>;
  readonly #negatable: Set<string>;
  readonly #allFlags: boolean;

  constructor(options: ParseOptions) {
    this.#options = options;
    for (const [name, others] of Object.entries(options.alias ?? {})) {
      if (others === undefined) throw new TypeError("Alias value must be defined");
      const all = [others].flat() as string[];
      this.#others.set(name, new Set(all));
      for (const one of all) {
        this.#others.set(one, new Set([name, ...all.filter((other) => other !== one)]));
      }
    }
    const { boolean } = options;
    this.#allFlags = boolean === true;
    this.#flags = this.#withOthers(typeof boolean === "boolean" ? undefined : boolean);
    this.#texts = this.#withOthers(options.string);
    this.#many = this.#withOthers(options.collect);
    this.#negatable = this.#withOthers(options.negatable);
  }

  #withOthers(names: Names<string> | undefined): Set<string> {
    const all = ([names ?? []].flat() as string[]).filter((name) => name !== "");
    return new Set(all.flatMap((name) => this.#namesOf(name)));
  }

  parse(args: readonly string[]): void {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      const next = args[i + 1];
      if (arg.startsWith("--")) i += this.#parseLong(arg, next);
      else if (arg.startsWith("-") && arg !== "-") i += this.#parseShort(arg, next);
      else {
        if (this.#options.unknown?.(arg) !== false) {
          this.values._.push(this.#texts.has("_") ? arg : numberOr(arg));
        }
        if (this.#options.stopEarly) {
          for (const word of args.slice(i + 1)) this.values._.push(word);
          return;
        }
      }
    }
  }

  /**
   * Parses `--name`, `--name=value`, `--name value` or `--no-name`; returns the number of further
   * arguments that it used.
   */
  #parseLong(arg: string, next: string | undefined): number {
    const [, negation = "", name = "", value] = /^--(no-)?(.+?)(?:=(.*))?$/s.exec(arg)!;
    if (value !== undefined) {
      this.#set(name, this.#flags.has(name) ? value !== "false" : value, arg);
      return 0;
    }
    if (negation && this.#negatable.has(name)) {
      this.#set(name, false, arg, false);
      return 0;
    }
    const key = negation + name;
    if (next && !this.#allFlags && !this.#isFlag(key) && !next.startsWith("-")) {
      this.#set(key, next, arg);
      return 1;
    }
    return this.#setAlone(key, next, arg);
  }

  /**
   * Parses `-a`, `-abc`, `-a=value`, `-avalue` for numbers, or `-a value`; returns the number of
   * further arguments that it used.
   */
  #parseShort(arg: string, next: string | undefined): number {
    for (let i = 1; i < arg.length - 1; i++) {
      const name = arg[i]!;
      const rest = arg.slice(i + 1);
      if (rest === "-") {
        this.#set(name, rest, arg);
        return 0;
      }
      const value = rest === "=" ? "" : valueWithin(name, rest);
      this.#set(name, value ?? this.#alone(name), arg);
      if (value !== undefined) return 0;
    }
    const name = arg.at(-1)!;
    if (name === "-") return 0;
    if (next && !this.#isFlag(name) && !/^--?[^-]/.test(next)) {
      this.#set(name, next, arg);
      return 1;
    }
    return this.#setAlone(name, next, arg);
  }

  /** Sets an option without a value, which `true` or `false` may follow. */
  #setAlone(name: string, next: string | undefined, arg: string): number {
    const given = next === "true" || next === "false";
    this.#set(name, given ? next === "true" : this.#alone(name), arg);
    return given ? 1 : 0;
  }

  /** Checks whether an option or one of its aliases is a flag, which takes no value. */
  #isFlag(name: string): boolean {
    return this.#namesOf(name).some((one) => this.#flags.has(one));
  }

  #alone(name: string): string | true {
    return this.#texts.has(name) ? "" : true;
  }

  #set(name: string, value: string | boolean, arg: string, collect = true): void {
    const declared = [this.#flags, this.#texts, this.#many, this.#others]
      .some((names) => names.has(name)) || (this.#allFlags && /^--[^=]+$/.test(arg));
    if (!declared && this.#options.unknown?.(arg, name, value) === false) return;
    const typed = typeof value === "string" && !this.#texts.has(name) ? numberOr(value) : value;
    this.#write(this.#namesOf(name), typed, collect && this.#many.has(name));
  }

  #namesOf(name: string): readonly string[] {
    return [name, ...this.#others.get(name) ?? []];
  }

  #write(names: readonly string[], value: unknown, collect: boolean): void {
    for (const name of names) {
      const path = name.split(".");
      const key = path.pop()!;
      const place = placeOf(this.values, path);
      if (place === undefined || isUnsafe(place, key)) continue;
      const before = place[key];
      if (!collect) place[key] = value;
      else if (Array.isArray(before)) before.push(value);
      else place[key] = before ? [before, value] : [value];
    }
  }

  /** Sets the values of declared options that are missing. */
  fillIn(): void {
    const missing = (name: string) => !hasPath(this.values, name.split("."));
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (missing(name)) this.#write(this.#namesOf(name), value, false);
    }
    const fill = (name: string, value: unknown) => {
      if (missing(name)) this.#write([name], value, false);
    };
    for (const name of this.#flags) fill(name, this.#many.has(name) ? [] : false);
    for (const name of this.#texts) if (this.#many.has(name)) fill(name, []);
  }
}

/** Returns the value that follows an option's letter in the same argument, if there is one. */
function valueWithin(letter: string, rest: string): string | undefined {
  if (/[A-Za-z]/.test(letter)) {
    const value = /=(.+)/.exec(rest)?.[1];
    if (value !== undefined) return value;
    if (/\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function numberOr(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/**
 * Returns the object at the end of a path and creates missing ones; undefined if it is unsafe.
 */
function placeOf(values: Tree, path: readonly string[]): Tree | undefined {
  let place = values;
  for (const part of path) {
    if (isUnsafe(place, part)) return undefined;
    place = (place[part] ??= {}) as Tree;
  }
  return place;
}

/** Checks whether writing a key would change prototypes, which all objects share. */
function isUnsafe(place: Tree, key: string): boolean {
  return key === "__proto__" || (key === "constructor" && typeof place[key] === "function");
}

function hasPath(values: Tree, path: readonly string[]): boolean {
  let place: unknown = values;
  for (const part of path) {
    if (!Object.hasOwn(Object(place), part)) return false;
    place = (place as Tree)[part];
  }
  return true;
}
