import { assertEquals, assertStringIncludes } from "@std/assert";
import { resultsTable } from "../../bench/table.ts";
import { oneStep, result } from "./support.ts";

const linesOf = (...parameters: Parameters<typeof result>) =>
  resultsTable([result(...parameters)]).split("\n").slice(2);

Deno.test("resultsTable() divides a peer's time by Rocket's, and Rocket's memory by the peer's", () => {
  assertEquals(linesOf(), [
    "| step, WRN-16-1 in 40-1 | Rocket | 50.0 |  | 2000 |  |",
    "| step, WRN-16-1 in 40-1 | Peer | 75.0 | 1.50 | 1600 | 1.25 |",
  ]);
});

Deno.test("resultsTable() has memory only for the rows that compare it", () => {
  assertEquals(
    linesOf({ id: "infer-light-1", row: "inference" })[1],
    "| inference | Peer | 75.0 | 1.50 |  |  |",
  );
});

Deno.test("resultsTable() has images per second if a step is a batch of images", () => {
  assertStringIncludes(linesOf({ id: "input-pipeline" })[0]!, "| 50.0 (40,960 images/s) |");
});

Deno.test("resultsTable() writes long times without an exponent", () => {
  const entries = [{ name: "Rocket", ...oneStep(12803.4) }];
  assertStringIncludes(linesOf({ entries })[0]!, "| 12803 |");
});

Deno.test("resultsTable() reports why a program did not run, and has no ratio without Rocket", () => {
  const [peer, rocket] = linesOf({
    entries: [{ name: "Peer", ...oneStep(75) }],
    skipped: [{ name: "Rocket", reason: "a | b" }],
  });
  assertEquals(peer, "| step, WRN-16-1 in 40-1 | Peer | 75.0 |  |  |  |");
  assertEquals(rocket, "| step, WRN-16-1 in 40-1 | Rocket | skipped: a \\| b |  |  |  |");
});
