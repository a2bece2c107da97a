import { assertEquals } from "@std/assert";
import { faultsOf } from "./expectation.ts";
import type { HintRecord } from "./hint_record.ts";
import type { Runner } from "./outcome.ts";
import type { Case } from "./pipeline_cases.ts";

/**
 * Holds cases to what is expected of them, all before the first failure is told.
 *
 * @param cases The cases.
 * @param runner Runs their command lines.
 * @param hints Follows the hints that they print.
 */
export async function hold(
  cases: Iterable<Case>,
  runner: Runner,
  hints?: HintRecord,
): Promise<void> {
  const faults: string[] = [];
  for (const one of cases) {
    using _held = await one.before?.((args) => runner.run({ ...one, args }), one.folder) ??
      undefined;
    const outcome = await runner.run(one).catch((error: Error) => error);
    const broken = outcome instanceof Error;
    const found = broken ? [outcome.message] : faultsOf(outcome, one.expected);
    if (!broken) found.push(...await hints?.follow(one, outcome, runner) ?? []);
    const said = broken ? "" : outcome.stderr.slice(0, MOST_SAID);
    if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${said}`);
  }
  assertEquals(faults, []);
}

/** What a case says may be as long as a file of it. */
const MOST_SAID = 1500;

/**
 * Holds cases to what is expected of them, a step for each group: what their names begin with, up to a colon or slash.
 *
 * @param t The test.
 * @param cases The cases.
 * @param runner Runs their command lines.
 * @param hints Follows the hints that they print.
 */
export async function holdGroups(
  t: Deno.TestContext,
  cases: readonly Case[],
  runner: Runner,
  hints?: HintRecord,
): Promise<void> {
  const groups = Map.groupBy(cases, ({ name }) => /^[^:/]*/.exec(name)![0]);
  for (const [group, own] of groups) await t.step(group, () => hold(own, runner, hints));
}
