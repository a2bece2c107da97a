/**
 * Turns the issues of a schema into problems that users can fix.
 *
 * @module
 */

import type { z } from "zod";
import type { Document, Path } from "./document/document.ts";
import type { Problem } from "../base/errors.ts";
import { type Change, hint, type HintText, nameHint } from "../base/hints.ts";
import { appendTo } from "../base/long_lists.ts";
import { formatPath } from "./document/nodes.ts";
import { yamlQuoted } from "../base/quoted.ts";
import { meantOption } from "./option_names.ts";
import { isStage } from "./registry.ts";
import type { AnyStage } from "../stages/stage.ts";

/** Where a checked value comes from, for messages: its path in the pipeline file, and its stage. */
export interface Subject {
  /** The pipeline file. */
  readonly document: Pick<Document, "place" | "keyPlace">;
  /** The path of the value in it. */
  readonly path: Path;
  /** The name of the stage that the options belong to. */
  readonly stage?: string | undefined;
  /** Other keys that are allowed there although the schema does not have them. */
  readonly ignore?: readonly string[] | undefined;
}

/**
 * Checks the options of a stage and fills in defaults.
 *
 * @param stage The stage.
 * @param options The options in the pipeline file, without the keys that belong to the pipeline.
 * @param subject The path of the options in the pipeline file.
 * @returns The checked options, or undefined if there are problems; and the problems.
 */
export function checkOptions(
  stage: AnyStage,
  options: Readonly<Record<string, unknown>>,
  subject: Omit<Subject, "stage">,
): { options: unknown; problems: Problem[] } {
  const problems = zodProblems(stage.options, options, { ...subject, stage: stage.name });
  return { options: problems.length > 0 ? undefined : stage.options.parse(options), problems };
}

/**
 * Checks a value with a schema and returns the problems with their places in the pipeline file.
 *
 * @param schema The schema.
 * @param value The value.
 * @param subject The path of the value in the pipeline file.
 * @returns A problem for each mistake: what is wrong, where, what was expected, and the most
 *   similar name.
 */
export function zodProblems(schema: z.ZodType, value: unknown, subject: Subject): Problem[] {
  const { success, error } = schema.safeParse(value);
  if (success) return [];
  return issuesProblems(error.issues, value, subject, schema);
}

/** For a problem about a missing key: the path of the key that is probably a misspelling of it. */
const misspelledKeys = new WeakMap<Problem, string>();

/** For a problem about an unknown key: the path of the key. */
const unknownKeys = new WeakMap<Problem, string>();

const pathText = (path: Path) => JSON.stringify(path);

/**
 * Removes problems about a missing option if another problem is about a misspelling of this option.
 * The options that the pipeline defines for an entry, such as `learningRate` of an optimizer, are
 * checked separately from the options of its stage. If `learningRate` is misspelled, the first
 * check finds that it is missing, and the second one finds an unknown option.
 *
 * @param problems All problems of a file.
 */
export function withoutRepeated(problems: readonly Problem[]): Problem[] {
  const unknown = new Set(problems.map((problem) => unknownKeys.get(problem)));
  return problems.filter((problem) => {
    const misspelled = misspelledKeys.get(problem);
    return misspelled === undefined || !unknown.has(misspelled);
  });
}

type Issue = z.core.$ZodIssue;

function issuesProblems(
  issues: readonly Issue[],
  value: unknown,
  subject: Subject,
  schema: z.ZodType,
): Problem[] {
  const unknown = new Set(
    issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => formatPath([...issue.path as Path, key]))
        : []
    ),
  );
  return issues
    // A key that is missing because it is misspelled is one mistake, not two.
    .filter((issue) => {
      const key = misspelled(issue, value, subject, schema);
      return key === undefined ||
        !unknown.has(formatPath([...issue.path.slice(0, -1) as Path, key]));
    })
    .flatMap((issue) => issueProblems(issue, value, subject, schema));
}

function issueProblems(
  issue: Issue,
  value: unknown,
  subject: Subject,
  schema: z.ZodType,
): Problem[] {
  const within = issue.path as Path;
  const { document, path } = subject;
  const full = [...path, ...within];
  const found = valueAt(value, within);
  switch (issue.code) {
    case "unrecognized_keys": {
      const owner = nameOf(subject, within), kind = word(subject, within);
      const names = [
        ...keysOf(schema, within),
        ...(within.length === 0 ? subject.ignore ?? [] : []),
      ];
      return issue.keys.map((key) => {
        const problem: Problem = {
          message: `${owner} has no ${kind} ${shortName(key)}`,
          place: document.keyPlace([...full, key]),
          hint: keyHint(key, names),
        };
        unknownKeys.set(problem, pathText([...full, key]));
        return problem;
      });
    }
    case "invalid_key":
      return [{
        message: `${shortName(String(full.at(-1)))} is not a valid name: ${
          issue.issues.slice(0, 1).map(complaint)
        }`,
        place: document.keyPlace(full),
      }];
    case "invalid_union": {
      const branch = bestBranch(issue, found);
      const inside = branch?.some(({ code, path }) =>
        path.length > 0 || code === "unrecognized_keys"
      );
      // The schema author's message about the union is better, except for mistakes within the
      // value.
      if (branch && (inside || !hasOwnMessage(issue))) {
        const inner = branch.map((inner) => ({ ...inner, path: [...within, ...inner.path] }));
        return issuesProblems(inner, value, subject, schema);
      }
    }
  }
  if (found === undefined) {
    const owner = nameOf(subject, within.slice(0, -1));
    const name = formatPath(within.slice(-1));
    const meant = misspelled(issue, value, subject, schema);
    const problem: Problem = {
      message: `${owner} needs ${yamlQuoted(name)}: ${complaint(issue)}`,
      place: document.place(full.slice(0, -1)),
      hint: meant &&
        hint("options/meant", `rename ${yamlQuoted(meant)} to ${yamlQuoted(name)}`, {
          set: { [within.at(-1)!]: valueAt(value, [...within.slice(0, -1), meant]) },
          remove: [meant],
        }),
    };
    if (meant !== undefined) misspelledKeys.set(problem, pathText([...full.slice(0, -1), meant]));
    return [problem];
  }
  const choices = choicesOf(issue);
  const wanted = typeof found === "number" && !Number.isFinite(found)
    ? complaint(issue).replace(/^expected a number$/, "expected a finite number")
    : complaint(issue);
  return [{
    message: `${nameOf(subject, within)}: ${wanted}, got ${shown(found)}`,
    place: document.place(full),
    hint: typeof found === "string"
      ? nameHint("options/value", {
        written: found,
        names: choices,
        change: (near) => ({ set: { ".": near } }),
      })
      : undefined,
  }];
}

/** Finds a key of the value that is probably a misspelling of a missing required key. */
function misspelled(
  issue: Issue,
  value: unknown,
  { ignore = [] }: Subject,
  schema: z.ZodType,
): string | undefined {
  const within = issue.path as Path, name = within.at(-1);
  if (typeof name !== "string" || valueAt(value, within) !== undefined) return undefined;
  const beside = valueAt(value, within.slice(0, -1));
  if (typeof beside !== "object" || beside === null) return undefined;
  const known = new Set([...keysOf(schema, within.slice(0, -1)), ...ignore]);
  const unknown = Object.keys(beside).filter((key) => !known.has(key));
  return unknown.find((key) => meantOption(key, [name]) !== undefined);
}

/** Returns the issues of the alternative of a union that fits the value best. */
function bestBranch(
  issue: z.core.$ZodIssueInvalidUnion,
  found: unknown,
): readonly Issue[] | undefined {
  const scored = issue.errors
    .filter((issues) => issues.length > 0 && !issues.some(isWrongKind))
    .map((issues) => ({ issues, score: distanceOf(issues, found) }))
    .sort((a, b) => a.score - b.score);
  return scored[0]?.issues;
}

/** Checks whether an alternative is for values of another type. */
function isWrongKind({ code, path }: Issue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "invalid_value");
}

/**
 * Measures how far a value is from an alternative. A misspelled key counts less than a missing one.
 */
function distanceOf(issues: readonly Issue[], found: unknown): number {
  const unknown: string[] = [], missing: string[] = [];
  let others = 0;
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") appendTo(unknown, issue.keys);
    else if (valueAt(found, issue.path as Path) !== undefined) others++;
    else missing.push(String(issue.path.at(-1)));
  }
  const misspelled =
    missing.filter((name) => unknown.some((key) => meantOption(key, [name]) !== undefined)).length;
  return others + misspelled + 2 * (missing.length - misspelled) +
    2 * (unknown.length - misspelled);
}

/** Checks whether the schema's author wrote a message that starts with "expected". */
const hasOwnMessage = ({ message }: Issue) => /^expected /.test(message);

/** Returns what is wrong: the schema author's message, or what was expected. */
const complaint = (issue: Issue) =>
  issue.code === "custom" && !hasOwnMessage(issue)
    ? issue.message
    : `expected ${expectation(issue)}`;

/** Returns what was expected, without the word "expected". */
function expectation(issue: Issue): string {
  if (hasOwnMessage(issue)) return issue.message.slice("expected ".length);
  switch (issue.code) {
    case "invalid_type":
      return kindName(issue.expected);
    case "invalid_value":
      return listed(issue.values.map((value) => String(value)));
    case "too_small":
      return bound(issue, Number(issue.minimum), issue.inclusive ? "at least" : "greater than");
    case "too_big":
      return bound(issue, Number(issue.maximum), issue.inclusive ? "at most" : "less than");
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      return formatName(issue);
    case "invalid_union":
      // If one key distinguishes the alternatives, zod only reports the values of that key.
      return listed([
        ...new Set([
          ...issue.errors.flatMap((issues) => issues.slice(0, 1).map(expectation)),
          ...choicesOf({ ...issue, errors: [] }),
        ]),
      ]) || "another value";
    default:
      return issue.message;
  }
}

function bound(
  { origin, exact }: { readonly origin: string; readonly exact?: boolean | undefined },
  limit: number,
  side: string,
): string {
  const relation = exact ? "exactly" : side;
  const parts = { string: "character", array: "item" }[origin];
  if (parts) {
    return `${relation === "greater than" ? "more than" : relation} ${limit} ${parts}${
      limit === 1 ? "" : "s"
    }`;
  }
  return `a number of ${relation} ${limit}`.replace(/of (greater|less)/, "$1");
}

function formatName(issue: z.core.$ZodIssueInvalidStringFormat): string {
  const { format, pattern, prefix, suffix, includes } = issue as typeof issue & {
    readonly prefix?: string;
    readonly suffix?: string;
    readonly includes?: string;
  };
  if (prefix !== undefined) return `text that starts with ${yamlQuoted(prefix)}`;
  if (suffix !== undefined) return `text that ends with ${yamlQuoted(suffix)}`;
  if (includes !== undefined) return `text that contains ${yamlQuoted(includes)}`;
  return format === "regex" ? `text like ${pattern}` : `a valid ${format}`;
}

function kindName(kind: string): string {
  const names: Record<string, string> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    tuple: "a list",
    object: "a map",
    record: "a map",
    null: "nothing",
  };
  return names[kind] ?? kind;
}

function choicesOf(issue: Issue): string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code === "invalid_union") {
    const own = issue.inclusive === false ? [] : issue.options ?? [];
    return [...own.map(String), ...issue.errors.flatMap((issues) => issues.flatMap(choicesOf))];
  }
  return [];
}

/**
 * Names a value for messages: `mse-hint` for a stage, `path of mse-hint` for a value within its
 * options, `data.features.image` for other values, and `the pipeline` for the whole.
 */
function nameOf({ path, stage }: Subject, within: Path): string {
  if (stage !== undefined) {
    return within.length === 0 ? stage : `${formatPath(within)} of ${stage}`;
  }
  return formatPath([...path, ...within]) || "the pipeline";
}

const word = ({ stage }: Subject, within: Path) =>
  stage !== undefined && within.length === 0 ? "option" : "key";

function keyHint(written: string, names: readonly string[]): HintText | undefined {
  const change = (name: string): Change => ({ rename: name });
  const meant = meantOption(written, names);
  if (meant !== undefined) return hint("options/key", `did you mean ${meant}?`, change(meant));
  if (names.length === 0) return undefined;
  return hint("options/keys", `the allowed names are ${listed(names, "and")}`, change(names[0]!));
}

function listed(parts: readonly string[], last = "or"): string {
  return parts.length < 2
    ? parts.join()
    : `${parts.slice(0, -1).join(", ")} ${last} ${parts.at(-1)}`;
}

/** Quotes a name of the file. A very long one is cut. */
const shortName = (name: string) =>
  yamlQuoted(name.length > 200 ? `${[...name].slice(0, 199).join("")}…` : name);

/** Formats a value in short form. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (typeof value !== "string" && typeof value !== "object") return String(value);
  if (isStage(value)) return `the ${value.kind} stage ${value.name}`;
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A value of a TypeScript pipeline may contain itself.
    return String(value);
  }
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | null | undefined)?.[key],
    value,
  );
}

/** Returns the keys that a map can have at a path within a schema. */
function keysOf(schema: z.ZodType, path: Path): string[] {
  return [...new Set(keysAt(schema, path))];
}

function* keysAt(schema: z.ZodType, path: Path): Iterable<string> {
  const def = schema.def as {
    readonly type: string;
    readonly innerType?: z.ZodType;
    readonly in?: z.ZodType;
    readonly out?: z.ZodType;
    readonly options?: readonly z.ZodType[];
    readonly keyType?: z.ZodType;
    readonly valueType?: z.ZodType;
    readonly element?: z.ZodType;
    readonly items?: readonly z.ZodType[];
    readonly left?: z.ZodType;
    readonly right?: z.ZodType;
    readonly getter?: () => z.ZodType;
  };
  const { innerType, left, right, getter, options = [] } = def;
  for (const inner of [innerType, def.in, def.out, left, right, ...options]) {
    if (inner) yield* keysAt(inner, path);
  }
  if (getter) yield* keysAt(getter(), path);
  const [key, ...rest] = path;
  if (def.type === "object") {
    const object = schema as z.ZodObject;
    if (key === undefined) yield* Object.keys(object.shape);
    else if (Object.hasOwn(object.shape, key)) {
      yield* keysAt(object.shape[key] as z.ZodType, rest);
    }
  } else if (key === undefined) {
    // The keys of a record may be limited to a list of choices.
    const { entries = {} } = (def.keyType?.def ?? {}) as { entries?: Record<string, unknown> };
    yield* Object.values(entries).map(String);
  } else {
    const inner = def.valueType ?? def.element ?? def.items?.[Number(key)];
    if (inner) yield* keysAt(inner, rest);
  }
}
