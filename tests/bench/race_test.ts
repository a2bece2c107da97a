import { assertEquals } from "@std/assert";
import { race, timesOf } from "../../bench/race.ts";
import type { Contestant, Row } from "../../bench/rows.ts";
import type { Runner } from "../../bench/runner.ts";
import type { Measured } from "../../bench/worker.ts";

const row = (...names: string[]): Row => ({
  id: "some-row",
  name: "some row",
  steps: 2,
  contestants: names.map((name) => ({ name, program: `${name}.ts`, args: [] })),
});

/** Programs that write down their turns; one may die in some turn. */
function programs(dies: Record<string, number> = {}, parameters: Record<string, number> = {}) {
  const log: string[] = [], stopped: string[] = [];
  const start = ({ name }: Contestant): Promise<Runner> => {
    if (dies[name] === 0) return Promise.reject(new Error(`${name} does not start`));
    let turns = 0;
    const measured: Measured[] = [];
    return Promise.resolve({
      name,
      measured,
      facts: { parameters: parameters[name] ?? 1 },
      turn(steps: number) {
        log.push(`${name} ${steps}`);
        if (++turns === dies[name]) return Promise.reject(new Error(`${name} dies`));
        measured.push(
          ...Array.from({ length: steps }, (_, index) => ({ milliseconds: turns + index })),
        );
        return Promise.resolve();
      },
      peakMemory: () => Promise.resolve(1000),
      stop: () => Promise.resolve(void stopped.push(name)),
    } as unknown as Runner);
  };
  return { log, stopped, start };
}

Deno.test("race() lets programs take at most as many turns as the row has", async () => {
  const { log, start } = programs();
  await race({ ...row("a"), rounds: 2 }, { rounds: 5, start, report: () => {} });
  assertEquals(log, ["a 2", "a 2"]);
});

Deno.test("race() lets programs take turns, another one first in each round, and ends them", async () => {
  const { log, stopped, start } = programs();
  const { entries } = await race(row("a", "b"), { rounds: 2, start, report: () => {} });
  assertEquals(log, ["a 2", "b 2", "b 2", "a 2"]);
  assertEquals(stopped, ["a", "b"]);
  assertEquals(entries[1], {
    name: "b",
    parameters: 1,
    steps: 4,
    milliseconds: 2,
    percentiles: { 10: 1, 90: 3, 99: 3 },
    peakMemory: 1000,
  });
});

Deno.test("race() continues without programs that fail, and reports the reason", async () => {
  const { stopped, start } = programs({ b: 0, c: 2 });
  const lines: string[] = [];
  const { entries, skipped } = await race(row("a", "b", "c"), {
    rounds: 3,
    start,
    report: (line) => lines.push(line),
  });
  assertEquals(entries.map(({ name, steps }) => [name, steps]), [["a", 6]]);
  assertEquals(skipped, [
    { name: "b", reason: "b does not start" },
    { name: "c", reason: "c dies" },
  ]);
  assertEquals(lines, ["  b: skipped: b does not start", "  c: skipped: c dies"]);
  assertEquals(stopped, ["a"]);
});

Deno.test("race() reports a program with a different number of parameters", async () => {
  const { start } = programs({}, { b: 2 });
  const lines: string[] = [];
  await race(row("a", "b", "c"), { rounds: 1, start, report: (line) => lines.push(line) });
  assertEquals(lines, ["  b: trains a different number of parameters than a"]);
});

Deno.test("timesOf() has the number of steps, the median, and the times that few steps exceed", () => {
  const times = Array.from({ length: 200 }, (_, index) => 200 - index);
  assertEquals(timesOf(times), {
    steps: 200,
    milliseconds: 100.5,
    percentiles: { 10: 20, 90: 180, 99: 198 },
  });
  assertEquals(timesOf([1.23456]).percentiles, { 10: 1.235, 90: 1.235, 99: 1.235 });
});
