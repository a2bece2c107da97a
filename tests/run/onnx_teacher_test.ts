import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { parse } from "yaml";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import type { Column } from "../../src/stages/batch.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { teachersOfRuns } from "../../src/run/teachers.ts";
import { inFolder, root } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const onnx = new URL("../reference/teacher.onnx", import.meta.url);

/** The logit of `teacher_onnx.py`. */
const logitOf = (a: number, b: number, word: string) => 2 * a + b - 1 + (word === "yes" ? 1 : 0);

const cells = Array.from({ length: 300 }, (_, row) => ({
  a: row / 300,
  b: row % 3,
  word: row % 2 ? "yes" : "no",
}));

const lineOf = ({ a, b, word }: typeof cells[number], row: number) =>
  `${a},${b},${word},${row % 2}`;

async function prepared(
  folder: string,
  teacher: object | readonly object[],
  lines = cells.map(lineOf),
  head = "a,b,word,y",
) {
  await Deno.writeTextFile(join(folder, "rows.csv"), [head, ...lines].join("\n"));
  await Deno.copyFile(onnx, join(folder, "teacher.onnx"));
  const source = { use: "csv", path: join(folder, "rows.csv") };
  const plan = await readPlan(digitsPipeline({
    data: {
      ...{ train: source, test: source, features: { a: { nulls: "mean" } } },
      label: { column: "y", kind: "binary" },
    },
    network: { use: "mlp", light: [4] },
    losses: [teacher].flat().map((options, loss) => ({
      ...{ use: "kl", name: `kl${loss}` },
      teacher: { onnx: join(folder, "teacher.onnx"), ...options },
    })),
  }) as unknown as Pipeline);
  const reports: string[] = [];
  const compute = teachersOfRuns(plan, {
    engine: () => openEngine("wasm"),
    listener: { report: (line) => reports.push(line), debug: false },
    folder: join(folder, "cache"),
  });
  const data = await prepareData(plan, () => {}, compute);
  const { teachers } = await data.splits.train.slice(0, data.splits.train.rows);
  const all = (Object.values(teachers!) as Column[]).map(({ values }) => [...values]);
  await data.close();
  return { logits: all[0]!, all, line: reports.join() };
}

function assertLogits(logits: readonly number[], skipped: readonly number[] = []): void {
  assertEquals(logits.length, cells.length);
  for (const [row, { a, b, word }] of cells.entries()) {
    if (skipped.includes(row)) assert(Number.isNaN(logits[row]));
    else assert(Math.abs(logits[row]! - logitOf(a, b, word)) < 1e-4, `row ${row}: ${logits[row]}`);
  }
}

Deno.test("an ONNX model teaches with its logits or probabilities, which are cached", () =>
  inFolder(async (folder) => {
    const first = await prepared(folder, {});
    assertLogits(first.logits);
    assertStringIncludes(first.line, "was computed for 300 training rows");
    const second = await prepared(folder, {});
    assertStringIncludes(second.line, "is in the cache");
    assertEquals(second.logits, first.logits);
    const { line } = await prepared(folder, {}, cells.map(lineOf).with(3, "1,0,no,1"));
    assertStringIncludes(line, "was computed");
    // Another input may read the column.
    const named = await prepared(folder, { inputs: { b: "y" } });
    assert(Math.abs(named.logits[2]! - logitOf(2 / 300, 0, "no")) < 1e-4);
  }));

Deno.test("an ONNX model with different inputs teaches twice, whatever the data call a column", () =>
  inFolder(async (folder) => {
    const both = [{}, { inputs: { b: "y" } }];
    const [own, other] = (await prepared(folder, both)).all;
    assertLogits(own!);
    for (const [row, { a, word }] of cells.entries()) {
      assert(Math.abs(other![row]! - logitOf(a, row % 2, word)) < 1e-4, `row ${row}`);
    }
    const name = `output logits of ${join(folder, "teacher.onnx")}`;
    const lines = cells.map((cell, row) => `${lineOf(cell, row)},0.5`);
    const { all } = await prepared(folder, both, lines, `a,b,word,y,${name}`);
    assertEquals(all, [own, other]);
  }));

Deno.test("the ONNX model of docs/methods.md teaches", () =>
  inFolder(async (folder) => {
    const text = await Deno.readTextFile(join(root, "docs", "methods.md"));
    const [, block] = /```yaml run-by: tests\/run\/onnx_teacher_test.ts\n([^`]*)```/.exec(text)!;
    const { losses: [{ teacher: { onnx: file, ...teacher } }] } = parse(block!);
    assertEquals(file, "teacher.onnx");
    assertLogits((await prepared(folder, teacher)).logits);
  }));

Deno.test("an output of the ONNX model that has no values for each row is refused", () =>
  inFolder(async (folder) => {
    for (const output of ["across", "uneven"]) {
      const error = await assertRejects(() => prepared(folder, { output }), UserError);
      assertStringIncludes(
        error.message,
        `does not have the same number of floating point values for each row`,
      );
    }
  }));

Deno.test("rows with a null in an input of the ONNX model are skipped, or an error", () =>
  inFolder(async (folder) => {
    const lines = cells.map(lineOf).with(7, ",1,yes,1");
    const error = await assertRejects(() => prepared(folder, {}, lines), UserError);
    const text = error.problems.map(formatProblem).join("\n");
    assertStringIncludes(text, "row 7 of ");
    assertStringIncludes(text, "the teacher's output is missing");
    assertLogits((await prepared(folder, { missing: "skip" }, lines)).logits, [7]);
  }));
