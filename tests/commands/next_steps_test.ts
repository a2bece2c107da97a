import { assertEquals } from "@std/assert";
import { nextSteps } from "../../src/commands/next_steps.ts";
import type { Plan } from "../../src/pipeline/plan.ts";

/** Returns the proposed commands of a run that ended after 8 epochs, without the first words. */
function steps(epochs: number, all: { specifier: string; path: unknown }): string[] {
  const { specifier, path } = all;
  const plan = {
    sources: { all: { specifier, options: { path }, folder: Deno.cwd() } },
    phases: [{ epochs }],
  } as unknown as Plan;
  return nextSteps(plan, "runs/a", 8).map((line) => line.replace(/^ *deno task pipeline /, ""));
}

Deno.test("nextSteps() proposes the rows of the run for predict, and more epochs unless it stopped early", () => {
  const predict = (input: string) => `predict runs/a ${input} --out predictions.csv`;
  const full = steps(8, { specifier: "images", path: "flowers" });
  assertEquals([full[1], full.at(-1)], [predict("flowers"), "resume runs/a --epochs 16"]);
  const early = steps(40, { specifier: "csv", path: ["a b.csv", "c.csv"] });
  assertEquals(early[1], predict("'a b.csv'"));
  assertEquals(early.at(-1), "export runs/a --format onnx --out runs/a-onnx");
  assertEquals(steps(8, { specifier: "sql", path: undefined })[1], predict("INPUT"));
});
