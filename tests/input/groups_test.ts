import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { passBatches, stepsOf } from "../../src/input/batches.ts";
import {
  divideGroups,
  groupRows,
  Groups,
  largestGroup,
  windowGroups,
} from "../../src/input/groups.ts";

/** The group of each row, in random order, and the size of a batch, which every group fits. */
const cases = fc.record({
  groupOf: fc.array(fc.oneof(fc.nat(4), fc.nat(60), fc.constant(7)), {
    minLength: 1,
    maxLength: 200,
  }),
  room: fc.nat(40),
  seed: fc.nat(1000),
}).map(({ groupOf, room, seed }) => ({
  groupOf,
  seed,
  size: Math.max(...countsOf(groupOf)) + room,
}));

function countsOf(groupOf: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const group of groupOf) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts.values()];
}

const epochOf = (groups: Groups, size: number, seed: number, epoch: number, training = true) => {
  const pass = { training, size, epoch };
  return Array.from(
    { length: groups.count(pass) },
    (_, batch) => [...groups.rows(pass, seed, batch)],
  );
};

function assertTogether(batches: readonly number[][], groupOf: readonly number[], size: number) {
  const rows = batches.flat();
  assertEquals(rows.toSorted((a, b) => a - b), [...groupOf.keys()]);
  const seen = new Set<number>();
  for (const batch of batches) {
    assert(batch.length > 0 && batch.length <= size, `a batch has ${batch.length} of ${size} rows`);
    const own = new Set(batch.map((row) => groupOf[row]!));
    for (const group of own) assert(!seen.has(group), `the group ${group} is in two batches`);
    for (const group of own) seen.add(group);
  }
}

Deno.test("Groups puts each row of random groups in one batch of an epoch, and each group in one batch", () => {
  fc.assert(fc.property(cases, ({ groupOf, size, seed }) => {
    const groups = new Groups(groupRows(groupOf));
    const epochs = [1, 2, 3].map((epoch) => epochOf(groups, size, seed, epoch));
    for (const batches of epochs) {
      assertTogether(batches, groupOf, size);
      assertEquals(batches.length, epochs[0]!.length);
    }
    assertTogether(epochOf(groups, size, seed, 0, false), groupOf, size);
    // Any batch can be made without those before it.
    const other = new Groups(groupRows(groupOf)), last = epochs[2]!.length - 1;
    const pass = { training: true, size, epoch: 3 };
    assertEquals([...other.rows(pass, seed, last)], epochs[2]![last]);
  }));
});

Deno.test("Groups makes nearly as few batches as possible, of nearly equal size", () => {
  const groupOf = Array.from({ length: 10_000 }, (_, row) => (row * 7919) % 1700);
  const groups = new Groups(groupRows(groupOf)), size = 256;
  const least = Math.ceil(groupOf.length / size), count = groups.count({ training: true, size });
  assert(count <= least + 1, `${count} batches for at least ${least}`);
  const sizes = groups.sizes(size);
  assert(sizes.most - sizes.least <= 8, JSON.stringify(sizes));
});

Deno.test("Groups makes batches of other groups in each epoch", () => {
  const groupOf = Array.from({ length: 600 }, (_, row) => row % 200);
  const groups = new Groups(groupRows(groupOf));
  const together = (epoch: number) =>
    new Set(epochOf(groups, 30, 1, epoch).map((batch) => batch.map((row) => groupOf[row]).join()));
  const [one, other] = [together(1), together(2)];
  assertEquals([...one].filter((batch) => other.has(batch)), []);
  assertNotEquals(epochOf(groups, 30, 2, 1), epochOf(groups, 30, 1, 1));
});

Deno.test("Groups evaluates groups in the order of their first rows, and a larger one by itself", () => {
  const groups = new Groups(groupRows([5, 5, 2, 5, 9, 9, 9, 9, 9, 2, 3]));
  assertEquals(epochOf(groups, 4, 0, 0, false), [[0, 1, 3], [2, 9], [4, 5, 6, 7, 8], [10]]);
});

Deno.test("divideGroups() divides only large groups, into parts of nearly equal size", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(5), { minLength: 1 }),
      fc.integer({ min: 1, max: 9 }),
      (groupOf, most) => {
        const whole = groupRows(groupOf), { bounds, rows } = divideGroups(whole, most);
        assertEquals(rows, whole.rows);
        const parts = countsOf(groupOf).map((count) => {
          const parts = Math.ceil(count / most);
          return Array.from(
            { length: parts },
            (_, part) => Math.floor((part + 1) * count / parts) - Math.floor(part * count / parts),
          );
        }).flat();
        assertEquals(Array.from(bounds.subarray(1), (end, at) => end - bounds[at]!), parts);
        assert(parts.every((part) => part > 0 && part <= most));
      },
    ),
  );
});

Deno.test("largestGroup() finds the number of rows and the first row of the largest group", () => {
  assertEquals(largestGroup(groupRows([4, 1, 1, 4, 1])), { rows: 3, first: 1 });
});

Deno.test("windowGroups() keeps each row once, and reads each record batch once if groups are not scattered", () => {
  fc.assert(fc.property(cases, fc.nat(80), ({ groupOf, size, seed }, room) => {
    const sorted = groupOf.toSorted((a, b) => a - b);
    const bounds = Array.from(
      { length: Math.ceil(sorted.length / 8) + 1 },
      (_, batch) => Math.min(8 * batch, sorted.length),
    );
    const windowing = { bounds, sourceRow: (row: number) => row, rows: 8 + room, seed };
    const { groups: windowed, reads } = windowGroups(groupRows(sorted), windowing);
    const batches = bounds.length - 1;
    assert(reads >= batches && reads <= 2 * batches, `${reads} reads of ${batches} batches`);
    const groups = new Groups(windowed);
    for (const epoch of [1, 2]) assertTogether(epochOf(groups, size, seed, epoch), sorted, size);
  }));
});

Deno.test("windowGroups() accepts a record batch with 200,000 groups", () => {
  const rows = 200_000, windowing = { bounds: [0, rows], sourceRow: (row: number) => row, seed: 1 };
  const { groups, reads } = windowGroups(
    groupRows(Uint32Array.from({ length: rows }, (_, row) => row)),
    { ...windowing, rows },
  );
  assertEquals([groups.windows!.map(({ length }) => length), reads], [[rows], 1]);
  assertEquals(new Groups(groups).count({ training: true, size: 1000 }), 200);
});

Deno.test("stepsOf() and passBatches() count batches with and without groups", () => {
  const groups = new Groups(groupRows([0, 0, 0, 1, 1, 1])),
    cut = { size: 4, last: "keep" } as const;
  assertEquals(stepsOf({ rows: 6, groups: undefined }, cut), 2);
  assertEquals(stepsOf({ rows: 6, groups }, { ...cut, size: 5 }), 2);
  assertEquals(passBatches({ rows: 6, groups }, { ...cut, size: 6, training: false }), 1);
});
