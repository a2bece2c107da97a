import type { RecordBatch, Schema } from "apache-arrow";
import type { Dataset, Source, SourceStage } from "../stages/source.ts";
import { describeValue } from "../base/describe_value.ts";
import { appendTo } from "../base/long_lists.ts";
import type { Findings } from "./findings.ts";
import { counted } from "./samples.ts";
import type { Subject } from "./subject.ts";

/** The number of rows per record batch whose values are compared. */
const comparedRows = 100;
/** The number of columns that are requested separately. */
const triedColumns = 4;

/**
 * Checks a source: it must return the same schema, rows, and fingerprint each time. Random access
 * must agree with sequential reading, and values must not depend on which columns are requested.
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
    return add(
      "returns { schema, fingerprint, recordBatches() } from open()",
      describeValue(dataset),
    );
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
      "has record batches that match its schema",
      `record batch ${index}`,
      `its columns are ${schema}; the schema has ${expected}`,
    );
  });
  // A reader that stops early must not affect the next one.
  for await (const _ of dataset.recordBatches()) break;
  compareBatches(
    "returns the same rows each time",
    "recordBatches() again",
    await readAll(dataset),
    first,
    findings,
  );

  const { rowCounts } = dataset;
  const counts = first.map(({ rows }) => rows);
  if (rowCounts && rowCounts.join() !== counts.join()) {
    findings.add(
      "has row counts that match its record batches",
      "rowCounts",
      `rowCounts is ${rowCounts.join(", ")}; the record batches have ${counts.join(", ")} rows`,
    );
  }
  await tryRows(dataset, first, findings);
  tryLocate(dataset, counts.reduce((sum, rows) => sum + rows, 0), findings);
  if (!dataset.recordBatch) return;
  // Read in reverse order, because only the index should matter.
  for (let index = first.length - 1; index >= 0; index--) {
    const batch = described(await dataset.recordBatch(index));
    compareBatches(
      "returns the same rows by random access as in sequence",
      `recordBatch(${index})`,
      [batch],
      [first[index]!],
      findings,
    );
  }
}

/** Checks rows that are read by number, in reverse order and with a repeated row. */
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
  appendTo(numbers, numbers.slice(0, 1));
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
    "returns the same rows by number as in sequence",
    `rows([${numbers.slice(0, 3).join(", ")}, …])`,
    read.numRows === numbers.length
      ? `row ${numbers[index]} has different values`
      : `${counted(read.numRows, "row")}; expected ${numbers.length}`,
  );
}

/** Checks that the first and last row have a location, and that the row after the last has none. */
function tryLocate(dataset: Dataset, rows: number, findings: Findings): void {
  if (!dataset.locate || rows === 0) return;
  for (const row of [0, rows - 1]) {
    const found = dataset.locate(row);
    if (found === undefined) continue;
    if (typeof found.file === "string" && Number.isInteger(found.row) && found.row <= row) continue;
    findings.add(
      "returns the file of a row and the row's number in it",
      `locate(${row})`,
      describeValue(found),
    );
  }
  const beyond = dataset.locate(rows);
  if (beyond === undefined) return;
  findings.add(
    "returns no location for a row that does not exist",
    `locate(${rows})`,
    describeValue(beyond),
  );
}

/**
 * Checks requests for single columns (only the first ones if there are many), and for columns next
 * to one that does not exist.
 */
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
      findings.add(
        "has the same schema for all requested columns",
        asked,
        `the schema is ${now}; expected ${all}`,
      );
    }
    if (dataset.fingerprint !== whole.fingerprint) {
      findings.add(
        "has the same fingerprint for all requested columns",
        asked,
        "the fingerprint differs",
      );
    }
    const wanted = names.filter((name) => request.includes(name));
    compareBatches(
      "returns the requested columns with the same values",
      asked,
      await readAll(dataset, wanted),
      await readAll(whole, wanted),
      findings,
    );
    if (dataset.recordBatch) {
      const [first] = await readAll(whole, wanted);
      const batch = described(await dataset.recordBatch(0), wanted);
      compareBatches(
        "returns the requested columns with the same values",
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
      "has the same fingerprint as long as the data does not change",
      "opening twice",
      `the fingerprint was ${dataset.fingerprint}, then ${again.fingerprint}`,
    );
  }
  const [before, now] = [columns(dataset.schema), columns(again.schema)];
  if (before === now) return;
  findings.add(
    "has the same schema each time",
    "opening twice",
    `the schema was ${before}, then ${now}`,
  );
}

/** A record batch as texts that can be compared. */
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

/**
 * Describes a record batch, or some of its columns. Missing columns are part of the description.
 */
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
