import { assert, assertEquals } from "@std/assert";
import { inFolder } from "../support/command_line.ts";
import { commandCases } from "./command_cases.ts";
import { dataCases } from "./data_cases.ts";
import { hold, holdGroups } from "./hold.ts";
import { HintRecord, hintsInSources, plainHints } from "./hint_record.ts";
import { Runner } from "./outcome.ts";
import { type Case, pipelineCases } from "./pipeline_cases.ts";
import { programCases } from "./program_cases.ts";
import { runCases } from "./run_cases.ts";
import { specialCases, withSpecialFiles } from "./special_files.ts";
import { trainingCases } from "./training_cases.ts";
import { warningCases } from "./warning_cases.ts";

const scratch = Deno.makeTempDirSync({ prefix: "rocket-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(scratch, { recursive: true }));

/**
 * Words of the names of the cases to run, where a person works on a few of them:
 * `CORPUS_CASES='sweep folder'`.
 */
const words = Deno.env.get("CORPUS_CASES");

const chosen = <T extends { readonly name: string }>(cases: Iterable<T>): T[] =>
  [...cases].filter(({ name }) => words === undefined || name.includes(words));

/** A corpus whose cases are not found is not a corpus that holds. */
const atLeast = (count: number, cases: readonly unknown[]) =>
  assert(words !== undefined || cases.length >= count, `${cases.length}`);

/**
 * The command lines that can be asked at once what they need: not those of folders that others make
 * first.
 */
const linesOf = (cases: readonly Case[]) => cases.map((one) => one.prepared ?? one);

/** One record for all cases, so that these are tests of one file. */
const hints = new HintRecord(scratch);

/** The cases by what is proved of them. Each is run once, by the first test that asks for it. */
const groups: Readonly<Record<string, (t: Deno.TestContext) => Promise<void>>> = {
  "each bad pipeline file of the corpus is refused as it says itself": async (t) => {
    const cases = chosen(pipelineCases());
    await using runner = new Runner(linesOf(cases));
    atLeast(300, cases);
    await holdGroups(t, cases, runner, hints);
  },
  "files that are no texts, or no files, are refused as pipelines": async () => {
    await withSpecialFiles(async (folder) => {
      const cases = chosen(specialCases(folder));
      await using runner = new Runner(linesOf(cases));
      await hold(cases, runner, hints);
    });
  },
  "each bad data file of the corpus is refused, with its name and its place": async (t) => {
    await inFolder(async (folder) => {
      const cases = chosen(dataCases(folder));
      await using runner = new Runner(linesOf(cases));
      atLeast(100, cases);
      await holdGroups(t, cases, runner, hints);
    });
  },
  "what goes wrong in the midst of training ends the run, with its place": async (t) => {
    await inFolder(async (folder) => {
      const cases = chosen(trainingCases(folder));
      await using runner = new Runner(linesOf(cases));
      atLeast(20, cases);
      await holdGroups(t, cases, runner, hints);
    });
  },
  "what no run can go on with, or begin with, is refused": async (t) => {
    await inFolder(async (folder) => {
      const cases = chosen(runCases(folder));
      await using runner = new Runner(linesOf(cases));
      await holdGroups(t, cases, runner, hints);
    });
  },
  "each wrong command line is refused, with what to write instead": async (t) => {
    await inFolder(async (folder) => {
      const cases = chosen(commandCases(folder));
      await using runner = new Runner(linesOf(cases));
      await holdGroups(t, cases, runner, hints);
    });
  },
  "warnings are given for what deserves them, and not for what is much like it": async (t) => {
    await inFolder(async (folder) => {
      const cases = chosen(warningCases(folder));
      await using runner = new Runner(cases);
      await holdGroups(t, cases, runner, hints);
    });
  },
  "what no command line reaches is refused by the functions behind them": () =>
    inFolder(async (folder) =>
      assertEquals(await hints.followPrograms(chosen(programCases(folder))), [])
    ),
};

const started = new Map<string, Promise<void>>();

for (const [name, run] of Object.entries(groups)) {
  Deno.test(name, (t) => {
    const done = run(t);
    started.set(name, done);
    return done;
  });
}

Deno.test({
  name: "hint() makes all hints, each is printed by a case, and following it ends its problem",
  ignore: words !== undefined,
  fn: allHints,
});

async function allHints(t: Deno.TestContext) {
  for (const [name, run] of Object.entries(groups)) {
    // What a group finds wrong, its own test tells.
    if (started.has(name)) await started.get(name)!.catch(() => {});
    else await t.step(name, run);
  }
  const inSources = hintsInSources();
  const twice = [...inSources].filter(([, files]) => files.length > 1).map(([id]) => id);
  assertEquals(twice, [], "two hints have the same id");
  assertEquals(plainHints(), [], "hints that hint() does not make");
  const ids = [...inSources.keys()];
  assertEquals(ids.filter((id) => !hints.printed.has(id)), [], "no case prints these hints");
  assertEquals(ids.filter((id) => !hints.followed.has(id)), [], "no case follows these hints");
}
