import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { stepsOf } from "../../src/input/batches.ts";
import { openInput } from "../../src/input/open.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { loadModel } from "../../src/model/load_model.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { teachersOfRuns } from "../../src/run/teachers.ts";
import { parse } from "yaml";
import { inFolder, root } from "../support/command_line.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const onnx = new URL("../reference/teacher.onnx", import.meta.url);

const ROWS = 300;

/** Rows of the teacher: a key, its inputs, and the logit of `teacher_onnx.py`. */
const cells = Array.from({ length: ROWS }, (_, row) => {
  const a = row / ROWS, b = row % 3, word = row % 2 ? "yes" : "no";
  return { id: `k${row}`, a, b, word, logit: 2 * a + b - 1 + (word === "yes" ? 1 : 0) };
});

/** The teacher's file, in reverse order. */
const wide = (change: (lines: string[]) => string[] = (lines) => lines) =>
  ["id,a,b,word", ...change(cells.map(({ id, a, b, word }) => `${id},${a},${b},${word}`)).reverse()]
    .join("\n");

/** The training rows have other columns, and some of the keys, one of them twice. */
const ids = [...cells.filter((_, row) => row % 3 > 0).map(({ id }) => id), "k7"];
const narrow = (own: readonly string[] = ids) =>
  ["id,x,y", ...own.map((id, row) => `${id},${row / 7},${row % 2}`)].join("\n");

interface Files {
  readonly wide?: string;
  readonly narrow?: string;
}

async function prepared(folder: string, teacher: object = {}, files: Files = {}, data = {}) {
  await Deno.writeTextFile(join(folder, "wide.csv"), files.wide ?? wide());
  await Deno.writeTextFile(join(folder, "narrow.csv"), files.narrow ?? narrow());
  await Deno.copyFile(onnx, join(folder, "teacher.onnx"));
  const source = { use: "csv", path: join(folder, "narrow.csv"), batchRows: 50 };
  const plan = await readPlan(digitsPipeline({
    data: {
      ...{ train: source, test: source, features: "rest" },
      label: { column: "y", kind: "binary" },
      ...data,
    },
    network: { use: "mlp", light: [4] },
    losses: [{
      use: "kl",
      teacher: {
        onnx: join(folder, "teacher.onnx"),
        key: "id",
        rows: { use: "csv", path: join(folder, "wide.csv"), nullValues: [""] },
        ...teacher,
      },
    }],
    train: { epochs: 1, batch: 60 },
  }) as unknown as Pipeline);
  const reports: string[] = [];
  const compute = teachersOfRuns(plan, {
    engine: () => openEngine("wasm"),
    listener: { report: (line) => reports.push(line), debug: false },
    folder: join(folder, "cache"),
  });
  return { plan, reports, data: await prepareData(plan, () => {}, compute) };
}

async function logitsOf({ data, reports }: Awaited<ReturnType<typeof prepared>>) {
  const { train } = data.splits;
  assertEquals(Object.keys(train.features), ["x"]);
  const { teachers } = await train.slice(0, train.rows);
  const logits = [...Object.values(teachers!)[0]!.values];
  await data.close();
  return { logits, line: reports.join() };
}

const logitOf = new Map(cells.map(({ id, logit }) => [id, logit]));

function assertLogits(logits: readonly number[], own: readonly string[]): void {
  assertEquals(logits.length, own.length);
  for (const [row, id] of own.entries()) {
    const expected = logitOf.get(id);
    if (expected === undefined) assert(Number.isNaN(logits[row]), id);
    else assert(Math.abs(logits[row]! - expected) < 1e-4, `${id}: ${logits[row]}`);
  }
}

const messageOf = async (promise: Promise<unknown>) => {
  const error = await assertRejects(() => promise, UserError);
  return error.problems.map(formatProblem).join("\n");
};

Deno.test("a teacher's outputs for rows of another file, in another order, are joined by a key", () =>
  inFolder(async (folder) => {
    const first = await logitsOf(await prepared(folder));
    assertLogits(first.logits, ids);
    assertStringIncludes(first.line, "was computed for 300 rows with keys");
    // The cache is that of the teacher's rows: other training rows use it as well.
    const others = ["k299", "k0", "k5"];
    const second = await logitsOf(await prepared(folder, {}, { narrow: narrow(others) }));
    assertStringIncludes(second.line, "for the rows with keys is in the cache");
    assertLogits(second.logits, others);
    const changed = await logitsOf(
      await prepared(folder, {}, { wide: wide((lines) => lines.with(3, "k3,1,0,no")) }),
    );
    assertStringIncludes(changed.line, "was computed");
    // Numbers as keys, in columns of different widths.
    const numbers = (text: string) => text.replaceAll(/^k/gm, "");
    const third = await logitsOf(
      await prepared(folder, {}, { wide: numbers(wide()), narrow: numbers(narrow()) }),
    );
    assertLogits(third.logits, ids);
  }));

Deno.test("the teacher with a key of docs/methods.md teaches", () =>
  inFolder(async (folder) => {
    const text = await Deno.readTextFile(join(root, "docs", "methods.md"));
    const [, block] = /```yaml run-by: tests\/run\/teacher_key_test.ts\n([^`]*)```/.exec(text)!;
    const { losses: [{ teacher: { onnx: file, rows, ...teacher } }] } = parse(block!);
    assertEquals([file, rows.path], ["teacher.onnx", "wide.csv"]);
    const own = { ...rows, path: join(folder, rows.path) };
    assertLogits((await logitsOf(await prepared(folder, { ...teacher, rows: own }))).logits, ids);
  }));

Deno.test("a key without an output is an error with file, column, and row, or skipped", () =>
  inFolder(async (folder) => {
    const own = ids.with(4, "none"), files = { narrow: narrow(own) };
    const text = await messageOf(prepared(folder, {}, files));
    assertStringIncludes(text, "row 4 of");
    assertStringIncludes(
      text,
      "narrow.csv (train split), column id: the teacher has no output for",
    );
    assertStringIncludes(text, 'the key "none"');
    assertLogits((await logitsOf(await prepared(folder, { missing: "skip" }, files))).logits, own);
    // A row of the teacher without an output matters only if a training row has its key.
    const broken = (row: number) => wide((lines) => lines.with(row, `k${row},,1,yes`));
    assertLogits((await logitsOf(await prepared(folder, {}, { wide: broken(3) }))).logits, ids);
    const missing = await messageOf(prepared(folder, {}, { wide: broken(4) }));
    assertStringIncludes(missing, "row 2 of");
    assertStringIncludes(missing, "the teacher's output is missing");
  }));

Deno.test("keys of the teacher's rows must differ, and be texts or whole numbers", () =>
  inFolder(async (folder) => {
    const twice = wide((lines) => lines.with(10, "k20,1,0,no"));
    // The file has the reverse order.
    const text = await messageOf(prepared(folder, {}, { wide: twice }));
    assertStringIncludes(text, `row 289 of`);
    assertStringIncludes(text, 'wide.csv, column id: has the key "k20", as row 279 has');
    const none = wide((lines) => lines.with(299, ",1,0,no"));
    assertStringIncludes(
      await messageOf(prepared(folder, {}, { wide: none })),
      "column id: is null; expected a key",
    );
    assertStringIncludes(
      await messageOf(prepared(folder, { key: "a" }, { narrow: narrow().replace("x", "a") })),
      "the column a has the type Float64, which cannot be a key",
    );
    assertStringIncludes(
      await messageOf(prepared(folder, {}, { narrow: narrow(["1", "2", "3"]) })),
      "the key id consists of whole numbers in the training rows, and of texts",
    );
    assertStringIncludes(
      await messageOf(prepared(folder, { key: "idd" })),
      'the rows of the teacher have no column "idd", which is the key',
    );
  }));

Deno.test("without rows of its own, a teacher with a key is computed once for all splits", () =>
  inFolder(async (folder) => {
    const source = { use: "csv", path: join(folder, "wide.csv") };
    const data = (seed: number) => ({
      ...{ train: undefined, test: undefined, all: source },
      ...{ features: { a: {} }, label: { column: "b", kind: "class" } },
      split: { test: 0.2, validation: 0.1, seed },
    });
    const lines: string[] = [];
    for (const seed of [1, 2]) {
      const ran = await prepared(folder, { rows: undefined }, {}, data(seed));
      const { train } = ran.data.splits, { features, teachers } = await train.slice(0, train.rows);
      assertEquals(train.rows, 210);
      for (let row = 0; row < train.rows; row++) {
        const cell = cells[Math.round(features.a!.values[row]! * ROWS)]!;
        const logit = Object.values(teachers!)[0]!.values[row]!;
        assert(Math.abs(logit - cell.logit) < 1e-4, `${cell.id}: ${logit}`);
      }
      await ran.data.close();
      lines.push(ran.reports.join());
    }
    assertStringIncludes(lines[0]!, "was computed for 300 rows with keys");
    assertStringIncludes(lines[1]!, "is in the cache");
  }));

Deno.test("outputs that a key joins are those of streamed rows, in a thread or not", () =>
  inFolder(async (folder) => {
    const { data, plan } = await prepared(folder, {}, {}, { memory: "10kB" });
    const xs = new Map(ids.map((id, row) => [Math.fround(row / 7), logitOf.get(id)!]));
    for (const thread of ["never", "always"] as const) {
      const input = openInput(data, { thread, report: () => {} });
      const feed = input.feed([{ split: "train", training: true, epoch: 1, ...plan.cut }]);
      for (let batch = 0; batch < stepsOf(data.splits.train, plan.cut); batch++) {
        const { size, features, teachers } = await feed.next();
        const { values } = Object.values(teachers!)[0]!;
        for (let row = 0; row < size; row++) {
          const expected = xs.get(Math.fround(features.x!.values[row]!))!;
          assert(Math.abs(values[row]! - expected) < 1e-4, `row ${row}`);
        }
      }
      input.close();
    }
    await data.close();
  }));

Deno.test("a net of an earlier run teaches rows that lack its features, and the run is resumed", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    await Deno.writeTextFile(join(folder, "wide.csv"), wide());
    await Deno.writeTextFile(join(folder, "narrow.csv"), narrow());
    const sourceOf = (file: string) => ({ use: "csv", path: join(folder, file) });
    const label = { column: "y", kind: "binary" };
    // The teacher's run reads a and b, which the rows of the student do not have.
    await Deno.writeTextFile(
      join(folder, "big.csv"),
      ["a,b,y", ...cells.map(({ a, b, logit }) => `${a},${b},${Number(logit > 0.5)}`)].join("\n"),
    );
    const big = digitsPipeline({
      data: {
        ...{ train: sourceOf("big.csv"), test: sourceOf("big.csv") },
        ...{ features: ["a", "b"], label },
      },
      losses: ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on })),
      train: { epochs: 1, batch: 100 },
      metrics: ["auc"],
      outputs: ["checkpoint"],
    });
    await withPipeline(big, (file) => runFile(file, join(folder, "big"), "wasm"));
    const taught = digitsPipeline({
      data: {
        ...{ train: sourceOf("narrow.csv"), test: sourceOf("narrow.csv") },
        ...{ features: "rest", label },
      },
      network: { use: "mlp", light: [4] },
      losses: [
        { use: "binary-cross-entropy", on: "light" },
        {
          use: "mse-hint",
          teacher: { run: join(folder, "big"), key: "id", rows: sourceOf("wide.csv") },
        },
      ],
      train: { epochs: 2, batch: 60 },
      metrics: ["auc"],
      outputs: [{ use: "checkpoint", everySteps: 1 }],
    });
    const plan = await readPlan(taught as unknown as Pipeline);
    const compute = teachersOfRuns(plan, {
      engine: () => openEngine("wasm"),
      listener: { report: () => {}, debug: false },
      folder: join(folder, "cache"),
    });
    const data = await prepareData(plan, () => {}, compute);
    const { teachers } = await data.splits.train.slice(0, ids.length);
    const logits = Object.values(teachers!)[0]!.values;
    await using model = await loadModel(join(folder, "big"), { net: "booster", engine: "wasm" });
    const expected = await model.predict(ids.map((id) => {
      const { a, b } = cells.find((cell) => cell.id === id)!;
      return { a, b };
    }));
    expected.logits.forEach((logit, row) => assert(Math.abs(logit - logits[row]!) < 1e-4));
    await data.close();

    await withPipeline(taught, async (file, own) => {
      const whole = await runFile(file, join(own, "whole"), "wasm");
      const out = join(own, "run"), stop = new AbortController();
      await assertRejects(() =>
        runFile(file, out, "wasm", { step: ({ step }) => step === 4 ? stop.abort() : undefined }, {
          signal: stop.signal,
        })
      );
      const resumed = await runFile(file, out, "wasm", {}, { resume: true });
      assertEquals(resumed.result.test, whole.result.test);
      const again = new AbortController();
      const other = join(own, "other");
      await assertRejects(() =>
        runFile(
          file,
          other,
          "wasm",
          { step: ({ step }) => step === 4 ? again.abort() : undefined },
          {
            signal: again.signal,
          },
        )
      );
      await Deno.writeTextFile(
        join(folder, "wide.csv"),
        wide((lines) => lines.with(4, "k4,0.9,0,no")),
      );
      const text = await messageOf(runFile(file, other, "wasm", {}, { resume: true }));
      assertStringIncludes(text, "has changed");
    });
  }));
