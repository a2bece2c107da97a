import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { reductionFigures, stepFigures } from "../../bench/cluster/figures.ts";
import { allowedCores } from "../../bench/cluster/one_core.ts";
import { SIZES } from "../../bench/cluster/reductions.ts";
import { clusterTable } from "../../bench/cluster/table.ts";

const times = (...pairs: readonly (readonly [number, number])[]) => ({
  mean: pairs.map(([one, other]) => (one + other) / 2),
  slower: pairs.map((pair) => Math.max(...pair)),
});

const step = stepFigures({
  one: times([80, 80], [90, 90], [70, 70]),
  independent: times([80, 88]),
  leftOut: times([84, 96]),
  two: times([100, 100]),
});

Deno.test("stepFigures() divides the time of one process by that of two, and says where the time goes", () => {
  assertEquals(step, {
    one: 80,
    two: 100,
    efficiency: 0.8,
    more: { sharedMemory: 4, graph: 6, waiting: 6, exchange: 4 },
  });
  const parts = Object.values(step.more).reduce((sum, part) => sum + part, 0);
  assertAlmostEquals(parts, step.two - step.one);
});

Deno.test("reductionFigures() has the median of each size", () => {
  const cycle = (factor: number) => SIZES.map((_, at) => factor * (at + 1));
  const figures = reductionFigures([...cycle(1), ...cycle(5), ...cycle(3)]);
  assertEquals(
    figures.map(({ bytes, steps, milliseconds }) => [bytes, steps, milliseconds]),
    SIZES.map((bytes, at) => [bytes, 3, 3 * (at + 1)]),
  );
});

Deno.test("allowedCores() reads lists and ranges", () => {
  const status = (list: string) => `Threads:\t1\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`;
  assertEquals(allowedCores(status("3")), [3]);
  assertEquals(allowedCores(status("0-1,6,8-10")), [0, 1, 6, 8, 9, 10]);
  assertEquals(allowedCores("Threads:\t1\n"), []);
});

Deno.test("clusterTable() shows sums, efficiencies, and where the time goes", () => {
  const text = clusterTable({
    small: false,
    date: "2030-01-02T03:04:05.000Z",
    machine: {
      ...{ processor: "Abacus 9", cores: 2, memory: 8, system: "linux x86_64", deno: "2.9.6" },
    },
    ...{ detail: "Fast 1.0", rounds: 3, load: 0.25 },
    reductions: [{
      ...{ bytes: 4e6, steps: 60, milliseconds: 8 },
      percentiles: { 10: 7.5, 90: 9.25, 99: 20 },
    }],
    steps: [{ name: "nets", steps: 12, exchanged: 3_210_000, ...step }],
  });
  assertStringIncludes(text, "Medians of 3 turns");
  assertStringIncludes(text, "| 4 MB | 60 | 8.00 | 7.50 | 9.25 | 500 |");
  assertStringIncludes(text, "| nets | 12 | 80.0 | 100 | 80% |");
  assertStringIncludes(text, "| nets | 4.0 | 6.0 | 6.0 | 4.0 | 3.21 |");
  assertStringIncludes(
    text,
    "2030-01-02, Abacus 9, 2 cores, 8 GiB, linux x86_64, Deno 2.9.6, Fast",
  );
});
