import { assertEquals } from "@std/assert";
import { faultsOf } from "./expectation.ts";
import type { Following, HintRecord } from "./hint_record.ts";
import type { Runner } from "./outcome.ts";
import type { Case } from "./pipeline_cases.ts";

/**
 * Holds cases to what is expected of them, all before the first failure is told; then follows their
 * hints.
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
  const ready = await preparedCases(cases, runner);
  const { faults, followings } = await outcomesOf(ready, runner, hints);
  faults.push(...await hints?.follow(followings, runner) ?? []);
  assertEquals(faults, []);
}

/** What is wrong with how cases end, and the hints that are to be followed then. */
async function outcomesOf(
  cases: Iterable<Case>,
  runner: Runner,
  hints: HintRecord | undefined,
): Promise<{ faults: string[]; followings: Following[] }> {
  const faults: string[] = [], followings: Following[] = [];
  for (const one of cases) {
    using held = await one.before?.((args) => runner.run({ ...one, args }), one.folder) ??
      undefined;
    const outcome = await runner.run(one).catch((error: Error) => error);
    const broken = outcome instanceof Error;
    const found = broken ? [outcome.message] : faultsOf(outcome, one.expected);
    if (!broken && hints) {
      const noted = hints.note(one, outcome);
      found.push(...noted.faults);
      // What a case holds is let go at its end.
      if (held) found.push(...await hints.follow(noted.followings, runner));
      else followings.push(...noted.followings);
    }
    const said = broken ? "" : outcome.stderr.slice(0, MAX_SAID);
    if (found.length > 0) faults.push(`${one.name}: ${found.join("; ")}\n${said}`);
  }
  return { faults, followings };
}

/** Cases that have what they need in their folders. */
async function preparedCases(cases: Iterable<Case>, runner: Runner): Promise<Case[]> {
  const all = [...cases], before = new Set(all.map(({ prepared }) => prepared));
  before.delete(undefined);
  for (const line of before) {
    const { code, stderr } = await runner.run(line!);
    assertEquals(code, 0, stderr);
  }
  for (const one of all) {
    if (!one.prepared) continue;
    one.setUp?.();
    await runner.expect(one);
  }
  return all;
}

/** What a case says may be as long as a file of it. */
const MAX_SAID = 1500;

/**
 * Holds cases to what is expected of them, a step for each group: what their names begin with, up
 * to a colon or slash. A last step follows their hints.
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
  const groups = Map.groupBy(
    await preparedCases(cases, runner),
    ({ name }) => /^[^:/]*/.exec(name)![0],
  );
  const all: Following[] = [];
  for (const [group, own] of groups) {
    await t.step(group, async () => {
      const { faults, followings } = await outcomesOf(own, runner, hints);
      all.push(...followings);
      assertEquals(faults, []);
    });
  }
  await t.step("hints", async () => assertEquals(await hints?.follow(all, runner) ?? [], []));
}
