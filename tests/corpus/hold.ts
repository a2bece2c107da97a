import { assertEquals } from "@std/assert";
import { faultsOf } from "./expectation.ts";
import type { Runner } from "./outcome.ts";
import type { Case } from "./pipeline_cases.ts";

/**
 * Holds cases to what is expected of them, all before the first failure is told.
 *
 * @param cases The cases.
 * @param runner Runs their command lines.
 */
export async function hold(cases: Iterable<Case>, runner: Runner): Promise<void> {
  const faults: string[] = [];
  for (const one of cases) {
    const outcome = await runner.run(one).catch((error: Error) => error);
    const broken = outcome instanceof Error;
    const found = broken ? [outcome.message] : faultsOf(outcome, one.expected);
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
 */
export async function holdGroups(
  t: Deno.TestContext,
  cases: readonly Case[],
  runner: Runner,
): Promise<void> {
  const groups = Map.groupBy(cases, ({ name }) => /^[^:/]*/.exec(name)![0]);
  for (const [group, own] of groups) await t.step(group, () => hold(own, runner));
}
