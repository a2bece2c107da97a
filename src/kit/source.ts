import type { RecordBatch, Schema } from "apache-arrow";
import type { Dataset, Source, SourceStage } from "../stages/source.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import { counted } from "./samples.ts";
import type { Subject } from "./subject.ts";

/** Rows that are compared value by value in each record batch. */
const comparedRows = 100;
/** Columns that are asked for by themselves. */
const triedColumns = 4;

/**
 * Holds a source to its contract: the same schema, rows and fingerprint each time, random access
 * that agrees with reading in order, and the same values where only some columns are asked for.
 *
 * @param subject The source.
 */
export async function checkSource(subject: Subject<SourceStage>): Promise<void> {
  const { checks, findings } = subject;
  const context = { folder: checks.folder ?? Deno.cwd() };
  const source = subject.create(context, "a source");
  const other = subject.create(context, "a source");
  subject.expectAccepted();
  if (!source || !other) return;
  if (typeof source.open !== "function") {
    findings.add("returns { open() }", "a source", `it returned ${describeValue(source)}`);
    return;
  }
  await findings.attemptAsync("its rows", async () => {
    const dataset: unknown = await source.open();
    if (!expectDataset(dataset, findings)) return;
    await tryDataset(dataset, findings);
    const again = await other.open();
    compareOpened(dataset, again, findings);
    await again.close?.();
    await trySomeColumns(source, dataset, findings);
    await dataset.close?.();
  });
}

function expectDataset(dataset: unknown, findings: Findings): dataset is Dataset {
  const { schema, fingerprint, recordBatches } = (dataset ?? {}) as Partial<Dataset>;
  const add = (promise: string, got: string) => {
    findings.add(promise, "open()", got);
    return false;
  };
  if (typeof recordBatches !== "function" || !Array.isArray(schema?.fields)) {
    return add("opens as { schema, fingerprint, recordBatches() }", describeValue(dataset));
  }
  if (schema.fields.length === 0) return add("has columns", "a schema without columns");
  if (typeof fingerprint !== "string" || fingerprint === "") {
    return add(
      "has a fingerprint, a text that changes when the data does",
      describeValue(fingerprint),
    );
  }
  return true;
}

async function tryDataset(dataset: Dataset, findings: Findings): Promise<void> {
  const first = await readAll(dataset);
  if (first.length === 0) {
    findings.add("has rows", "recordBatches()", "no record batch");
    return;
  }
  const expected = columns(dataset.schema);
  first.forEach(({ schema }, index) => {
    if (schema === expected) return;
    findings.add(
      "has record batches of its schema",
      `record batch ${index}`,
      `the columns ${schema}; the schema has ${expected}`,
    );
  });
  // A reader that was given up early must not change what the next one sees.
  for await (const _ of dataset.recordBatches()) break;
  compareBatches(
    "gives the same rows each time",
    "recordBatches() again",
    await readAll(dataset),
    first,
    findings,
  );

  const { rowCounts } = dataset;
  const counts = first.map(({ rows }) => rows);
  if (rowCounts && rowCounts.join() !== counts.join()) {
    findings.add(
      "has the row counts of its record batches",
      "rowCounts",
      `${rowCounts.join(", ")}; the record batches have ${counts.join(", ")}`,
    );
  }
  await tryRows(dataset, first, findings);
  tryLocate(dataset, counts.reduce((sum, rows) => sum + rows, 0), findings);
  if (!dataset.recordBatch) return;
  // Backwards, as nothing but the index should matter.
  for (let index = first.length - 1; index >= 0; index--) {
    const batch = described(await dataset.recordBatch(index));
    compareBatches(
      "gives the same rows at random as in order",
      `recordBatch(${index})`,
      [batch],
      [first[index]!],
      findings,
    );
  }
}

/** Some rows by their numbers, the last ones first and one of them twice. */
async function tryRows(
  dataset: Dataset,
  batches: readonly Described[],
  findings: Findings,
): Promise<void> {
  if (!dataset.rows) return;
  const total = batches.reduce((sum, { rows }) => sum + rows, 0);
  const step = Math.max(1, Math.floor(total / comparedRows));
  const numbers: number[] = [];
  for (let row = total - 1; row >= 0; row -= step) numbers.push(row);
  numbers.push(...numbers.slice(0, 1));
  const expected: string[] = [];
  let first = 0;
  const wanted = new Map<number, string>();
  for await (const batch of dataset.recordBatches()) {
    for (const number of new Set(numbers)) {
      const row = number - first;
      if (row >= 0 && row < batch.numRows) {
        wanted.set(number, described(batch.slice(row, row + 1)).values);
      }
    }
    first += batch.numRows;
  }
  for (const number of numbers) expected.push(wanted.get(number) ?? "");
  const read = await dataset.rows(numbers);
  const index = read.numRows === numbers.length
    ? expected.findIndex((values, row) => described(read.slice(row, row + 1)).values !== values)
    : 0;
  if (index < 0) return;
  findings.add(
    "gives the same rows by their numbers as in order",
    `rows([${numbers.slice(0, 3).join(", ")}, …])`,
    read.numRows === numbers.length
      ? `other values for row ${numbers[index]}`
      : `${counted(read.numRows, "row")}; expected ${numbers.length}`,
  );
}

/** The first row and the last one are somewhere, and the one after it is nowhere. */
function tryLocate(dataset: Dataset, rows: number, findings: Findings): void {
  if (!dataset.locate || rows === 0) return;
  for (const row of [0, rows - 1]) {
    const found = dataset.locate(row);
    if (found === undefined) continue;
    if (typeof found.file === "string" && Number.isInteger(found.row) && found.row <= row) continue;
    findings.add(
      "says the file of a row and the row's number there",
      `locate(${row})`,
      describeValue(found),
    );
  }
  const beyond = dataset.locate(rows);
  if (beyond === undefined) return;
  findings.add("finds no row that there is not", `locate(${rows})`, describeValue(beyond));
}

/** Each column alone, or of many the first ones, and one beside a column that there is not. */
async function trySomeColumns(
  source: Source,
  whole: Dataset,
  findings: Findings,
): Promise<void> {
  const names = whole.schema.fields.map(({ name }) => name).slice(0, triedColumns);
  const requests = [...names.map((name) => [name]), [names.at(-1)!, "no such column", names[0]!]];
  for (const request of requests) {
    const asked = `open({ columns: ${JSON.stringify(request)} })`;
    const dataset = await source.open({ columns: request });
    const [all, now] = [columns(whole.schema), columns(dataset.schema)];
    if (now !== all) {
      findings.add("keeps its schema whatever columns are asked for", asked, `${now}, not ${all}`);
    }
    if (dataset.fingerprint !== whole.fingerprint) {
      findings.add("keeps its fingerprint whatever columns are asked for", asked, "another one");
    }
    const wanted = names.filter((name) => request.includes(name));
    compareBatches(
      "gives the columns that are asked for, with the same values",
      asked,
      await readAll(dataset, wanted),
      await readAll(whole, wanted),
      findings,
    );
    if (dataset.recordBatch) {
      const [first] = await readAll(whole, wanted);
      const batch = described(await dataset.recordBatch(0), wanted);
      compareBatches(
        "gives the columns that are asked for, with the same values",
        `${asked}, recordBatch(0)`,
        [batch],
        [first!],
        findings,
      );
    }
    await dataset.close?.();
  }
}

function compareOpened(dataset: Dataset, again: Dataset, findings: Findings): void {
  if (again.fingerprint !== dataset.fingerprint) {
    findings.add(
      "keeps its fingerprint while the data is the same",
      "opening twice",
      `${dataset.fingerprint}, then ${again.fingerprint}`,
    );
  }
  const [before, now] = [columns(dataset.schema), columns(again.schema)];
  if (before === now) return;
  findings.add("keeps its schema", "opening twice", `${before}, then ${now}`);
}

/** A record batch as texts, to be compared. */
interface Described {
  readonly rows: number;
  readonly schema: string;
  readonly values: string;
}

async function readAll(dataset: Dataset, only?: readonly string[]): Promise<Described[]> {
  const batches: Described[] = [];
  for await (const batch of dataset.recordBatches()) batches.push(described(batch, only));
  return batches;
}

/** A record batch, or some columns of it; what it lacks of them shows. */
function described(
  batch: RecordBatch,
  only: readonly string[] = batch.schema.fields.map(({ name }) => name),
): Described {
  const values = only.map((name) => {
    const column = batch.schema.fields.findIndex((field) => field.name === name);
    if (column < 0) return `no column ${name}`;
    const vector = batch.getChildAt(column)!;
    return Array.from(
      { length: Math.min(batch.numRows, comparedRows) },
      (_, row) => JSON.stringify(vector.get(row), plainJson),
    ).join();
  });
  return { rows: batch.numRows, schema: columns(batch.schema), values: values.join("\n") };
}

function plainJson(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

function columns({ fields }: Schema): string {
  return fields.map(({ name, type }) => `${name}: ${type}`).join(", ");
}

function compareBatches(
  promise: string,
  asked: string,
  actual: readonly Described[],
  expected: readonly Described[],
  findings: Findings,
): void {
  const index = expected.findIndex((batch, index) =>
    batch.rows !== actual[index]?.rows || batch.values !== actual[index]?.values
  );
  if (index < 0 && actual.length === expected.length) return;
  const got = actual.length !== expected.length
    ? `${counted(actual.length, "record batch")}; expected ${expected.length}`
    : actual[index]!.rows !== expected[index]!.rows
    ? `${counted(actual[index]!.rows, "row")}; expected ${expected[index]!.rows}`
    : "other values";
  findings.add(promise, asked, got);
}
