import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { containsRocket, isVersionRange } from "../../src/stages/rocket_range.ts";

const schedule = (rocket: string): ScheduleStage =>
  defineSchedule({
    name: "one",
    summary: "The whole rate.",
    rocket,
    options: z.object({}),
    create: () => () => 1,
  });

Deno.test("containsRocket() takes ranges as npm does, and counts prereleases", () => {
  // The rules of https://github.com/npm/node-semver#ranges.
  const inside = [
    ["^0.3", "0.3.0"],
    ["^0.3", "0.3.9"],
    ["^1.2", "1.9.0"],
    [">=0.1 <0.4", "0.3.5"],
    ["0.1 || 0.3", "0.3.1"],
    ["~1.2.3", "1.2.9"],
    ["*", "7.0.0"],
    ["^0.3", "0.3.0-rc.1"],
  ] as const;
  const outside = [
    ["^0.3", "0.4.0"],
    ["^0.3", "0.2.9"],
    ["^1.2", "2.0.0"],
    [">=0.1 <0.4", "0.4.0"],
    ["0.1 || 0.3", "0.2.0"],
    ["~1.2.3", "1.3.0"],
    ["^0.3.0", "0.3.0-rc.1"],
  ] as const;
  for (const [range, version] of inside) {
    assertEquals(containsRocket(range, version), true, `${range} has ${version}`);
  }
  for (const [range, version] of outside) {
    assertEquals(containsRocket(range, version), false, `${range} lacks ${version}`);
  }
});

Deno.test("defineStage() rejects a range that npm would not understand", () => {
  for (const range of ["^0.1", "0.x", ">=0.1"]) {
    assertEquals([isVersionRange(range), schedule(range).rocket], [true, range]);
  }
  for (const range of ["newest", "^", "0.1 and 0.2"]) {
    assertThrows(() => schedule(range), TypeError, "expected a range of Rocket's versions");
  }
});

Deno.test("checkStage() reports a stage that does not state the version that tests it", async () => {
  await checkStage(schedule("*"));
  await assertRejects(
    () => checkStage(schedule("^99")),
    Error,
    "works with the version of Rocket that tests it",
  );
});
