import { join, relative } from "node:path";
import { root } from "../support/command_line.ts";
import { changed, type ChangedLine, mended, withChangedFiles } from "./changed_input.ts";
import { commandName } from "../../src/base/command_name.ts";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { commands } from "../../src/launch/command_line/grammar.ts";
import type { Change, Hint } from "../../src/base/hints.ts";
import { hearHints } from "./heard_hints.ts";
import type { CommandLine, HintedProblem, Outcome, Runner } from "./outcome.ts";
import type { ProgramCase } from "./program_cases.ts";
import type { Case } from "./pipeline_cases.ts";

/** Cases that take longer, in seconds of a core, are not run again. */
const slow = 1;

/** A hint to follow: the input of the case that printed it, as the hint changes it. */
export interface Following {
  /** The case. */
  readonly name: string;
  /** The input. */
  readonly line: ChangedLine;
  /**
   * Says why the hint does not work, if so.
   *
   * @param after What the changed input printed.
   */
  readonly faultOf: (after: Outcome) => string | undefined;
}

/**
 * Finds a command of Rocket's in the text of a hint that would not start one of its commands.
 *
 * @param text The text.
 */
function wrongCommand(text: string): string | undefined {
  for (const [whole, name, word] of text.matchAll(/(deno (?:task|run) \S+) ([^\s`;]+)/g)) {
    // Data sets are made by a task of the repository.
    if (name === "deno task data") continue;
    const isWord = Object.hasOwn(commands, word!) ||
      /^--help$|^…$|\.(?:ya?ml|json|ts)'?$/.test(word!);
    if (name !== commandName() || !isWord) return whole;
  }
  return undefined;
}

/**
 * Which hints were printed, and whether they work: each is followed in the case that prints it,
 * which is run again with the changed input.
 */
export class HintRecord {
  /** The cases that print a hint, by its id. */
  readonly printed: Map<string, string[]> = new Map();
  /** The hints that were followed, or that no change of an input can follow. */
  readonly followed: Set<string> = new Set();
  readonly #scratch: string;
  readonly #copied = new Set<string>();

  /**
   * Makes an empty record.
   *
   * @param scratch A folder for copies of files that must not change.
   */
  constructor(scratch: string) {
    this.#scratch = scratch;
  }

  /**
   * Notes the hints that a case has printed.
   *
   * @param one The case.
   * @param outcome What it printed.
   * @returns What there is to follow, and a sentence for each hint that is none.
   */
  note(one: Case, outcome: Outcome): { followings: Following[]; faults: string[] } {
    const faults: string[] = [], followings: Following[] = [];
    for (const hinted of outcome.hinted) {
      const { problem, hints } = hinted;
      if (hints.length === 0 && !one.ownHints) faults.push(`no hint() made: ${problem.hint}`);
      for (const hint of hints) {
        this.printed.set(hint.id, [...this.printed.get(hint.id) ?? [], one.name]);
        const wrong = wrongCommand(hint.text);
        if (wrong !== undefined) faults.push(`${one.name}: there is no command ${wrong}`);
        // What an enormous file prints, a small one prints as well.
        for (const change of outcome.seconds > slow ? [] : hint.changes) {
          const following = this.#following(one, outcome, hinted, hint, change);
          if (following) followings.push(following);
        }
      }
    }
    return { followings, faults };
  }

  /**
   * Follows hints.
   *
   * @param followings The hints.
   * @param runner Runs their command lines.
   * @returns A sentence for each that does not work.
   */
  async follow(followings: readonly Following[], runner: Runner): Promise<string[]> {
    // All needs first, so that the process starts once.
    for (const { line } of followings) {
      await withChangedFiles(line, () => runner.expect(line));
    }
    const faults: string[] = [];
    for (const { name, line, faultOf } of followings) {
      removeRun(line);
      const after = await withChangedFiles(line, () => runner.run(line))
        .catch((error: Error) => error);
      const fault = after instanceof Error ? after.message : faultOf(after);
      if (fault !== undefined) faults.push(`${name}: ${fault}`);
    }
    return faults;
  }

  /**
   * Follows the hints of cases that are functions of the project rather than command lines.
   *
   * @param cases The cases.
   * @returns A sentence for each that is not refused, or whose hint does not work.
   */
  async followPrograms(cases: Iterable<ProgramCase>): Promise<string[]> {
    const faults: string[] = [];
    for (const { name, run, mended = {} } of cases) {
      const before = await printedBy(run);
      if (before.length === 0) faults.push(`${name}: it is not refused`);
      for (const { problem, hints } of before) {
        if (hints.length === 0) faults.push(`${name}: no hint() made: ${problem.hint}`);
        for (const { id, changes } of hints) {
          this.printed.set(id, [...this.printed.get(id) ?? [], name]);
          if (changes.some(({ outside }) => outside !== undefined)) this.followed.add(id);
          const mend = mended[id];
          if (!mend) continue;
          this.followed.add(id);
          const after = await printedBy(mend);
          if (after.some((one) => one.problem.message === problem.message)) {
            faults.push(`${name}: the hint ${id} does not work: ${problem.message}`);
          }
        }
      }
    }
    return faults;
  }

  #following(
    one: Case,
    before: Outcome,
    { problem }: HintedProblem,
    { id }: Hint,
    change: Change,
  ): Following | undefined {
    const mend = one.mended?.[id];
    if (!mend && (change.edit !== undefined || change.outside !== undefined)) {
      if (change.outside !== undefined) this.followed.add(id);
      return undefined;
    }
    const movable = { ...one, folder: this.#writable(one.folder) };
    const line = mend ? mended(movable, mend) : changed(movable, change, problem.place);
    if (!line) return undefined;
    this.followed.add(id);
    const times = ({ stderr }: Outcome) =>
      ["error", "warning"].reduce((sum, kind) => {
        const first = `${kind}: ${problem.message}`;
        return sum + stderr.split(`${first}\n`).length + Number(stderr.endsWith(first));
      }, 0);
    const faultOf = (after: Outcome) => {
      if (change.tells) {
        const more = after.stderr.length > before.stderr.length;
        return more ? undefined : `the hint ${id} tells nothing more`;
      }
      const gone = times(after) < times(before);
      if (gone && !/bug in Rocket/.test(after.stderr)) return undefined;
      const inputs = [...line.files].map(([path, content]) =>
        `${path}:\n${typeof content === "string" ? content.slice(0, 3000) : "bytes"}\n`
      );
      return `the hint ${id} does not work: ${line.args.join(" ")}\n${inputs.join("")}` +
        `says again:\n${after.stderr.slice(0, 1500)}`;
    };
    return { name: one.name, line, faultOf };
  }

  /**
   * A folder that may be changed: of the repository a copy is made, with the same paths from file
   * to file.
   */
  #writable(folder: string): string {
    const own = relative(root, folder);
    if (own.startsWith("..")) return folder;
    const [tests, corpus, pipelines] = own.split(/[/\\]/);
    const top = join(tests!, corpus!, pipelines!);
    if (!this.#copied.has(top)) {
      copyFolder(join(root, top), join(this.#scratch, top));
      if (this.#copied.size === 0) {
        Deno.symlinkSync(join(root, "data"), join(this.#scratch, "data"));
      }
      this.#copied.add(top);
    }
    return join(this.#scratch, own);
  }
}

/** What a call prints with hints; nothing if it is not refused. */
async function printedBy(run: () => unknown): Promise<HintedProblem[]> {
  const heard = hearHints();
  try {
    await run();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    error.problems.forEach(formatProblem);
  }
  return heard();
}

/** The case ends with a run folder, maybe; it is to run again. */
function removeRun({ args, folder }: CommandLine): void {
  const out = args.lastIndexOf("--out");
  if (out < 0 || args[0] !== "run") return;
  try {
    Deno.removeSync(join(folder, args[out + 1]!), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else if (isFile) Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/**
 * The places of the project's sources where a hint is a text that {@linkcode hint} did not make.
 */
export function plainHints(): string[] {
  const converted = [...sources(root)].filter((path) =>
    // Templates become users' files, which may write hints as plain text. src/kit/output.ts tests
    // stages with events of any text. examples/packages/ contains packages as users write them.
    !/^(src\/(commands\/templates(\/|\.ts)|kit\/output\.ts)|examples\/packages\/)/.test(
      relative(root, path),
    )
  );
  return converted.flatMap((path) => {
    const text = Deno.readTextFileSync(path).replaceAll(/^ *(\*|\/\/).*$/gm, "");
    const plain = text.matchAll(/\bhint:(?:.* [?:] *|\s*(?:[^;{}()"'`]*[?:]\s*)?)["'`].*/g);
    return Array.from(plain, ({ 0: found, index }) => {
      const line = text.slice(0, index).split("\n").length;
      return `${relative(root, path)}:${line}: ${found.replaceAll(/\s+/g, " ")}`;
    });
  });
}

/** The ids of all hints in the project's sources, with the file of each. */
export function hintsInSources(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of sources(root)) {
    const text = Deno.readTextFileSync(path);
    for (const [, id] of text.matchAll(/^(?! *\*).*\b(?:hint|nameHint)\(\s*"([\w/.-]+)"/gm)) {
      found.set(id!, [...found.get(id!) ?? [], relative(root, path)]);
    }
  }
  return found;
}

/** The files of the project that may make hints. */
export function* sources(folder: string): Iterable<string> {
  const skipped = ["tests", "bench", "node_modules", "runs", "docs", "schema"];
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    if (name.startsWith(".") || folder === root && skipped.includes(name)) continue;
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (isFile && name.endsWith(".ts")) yield path;
  }
}
