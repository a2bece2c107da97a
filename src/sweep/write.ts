import {
  Float64,
  Int32,
  type RecordBatch,
  type Schema,
  Table,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import type { MetricValue } from "../stages/metric.ts";
import { writeArrowFile } from "../base/files/arrow_writer.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { drawPicture } from "./picture.ts";
import { sweepFiles } from "../base/files/sweep_files.ts";
import { htmlText, markdownText } from "./render.ts";
import type { RunOutcome } from "./results.ts";
import type { SweepTable } from "./table.ts";

/**
 * Writes the results of a sweep to its folder: `table.md`, `table.html`, `table.arrow` with a row
 * per setting, `runs.arrow` with a row per run, and `picture.svg` if latency was measured.
 *
 * @param out The sweep's folder.
 * @param table The table.
 * @param outcomes The results of the finished runs.
 * @param report Prints a line for the user.
 * @returns The paths of the files.
 */
export async function writeTable(
  out: string,
  table: SweepTable,
  outcomes: readonly RunOutcome[],
  report: (line: string) => void,
): Promise<string[]> {
  const picture = await drawPicture(table, report);
  const texts: [name: string, text: string][] = [
    [sweepFiles.markdown, markdownText(table)],
    [sweepFiles.page, htmlText(table, picture)],
    ...(picture === undefined ? [] : [[sweepFiles.picture, picture] as [string, string]]),
  ];
  for (const [name, text] of texts) {
    await writeFileWhole(join(out, name), new TextEncoder().encode(text));
  }
  writeArrow(join(out, sweepFiles.settings), settingColumns(table));
  writeArrow(join(out, sweepFiles.runs), runColumns(table, outcomes));
  return [...texts.map(([name]) => name), sweepFiles.settings, sweepFiles.runs]
    .map((name) => join(out, name));
}

/** The types and values of columns, by name. */
type Columns = Record<
  string,
  { readonly type: Utf8 | Int32 | Float64; readonly values: readonly (string | number | null)[] }
>;

/** Converts a metric to a value of a table, which is null if the metric is not a finite number. */
const finite = (value: MetricValue | undefined) =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

function settingColumns({ rows, keys, hasBooster }: SweepTable): Columns {
  const numbers = (of: (row: SweepTable["rows"][number]) => number | undefined) => ({
    type: new Float64(),
    values: rows.map((row) => finite(of(row))),
  });
  const counts = (of: (row: SweepTable["rows"][number]) => number | undefined) => ({
    type: new Int32(),
    values: rows.map((row) => of(row) ?? null),
  });
  const texts = (values: readonly string[]) => ({ type: new Utf8(), values });
  const columns: Columns = {
    setting: texts(rows.map(({ setting }) => setting)),
    reference: texts(rows.map(({ reference }) => reference)),
    seeds: counts(({ seeds }) => seeds.length),
  };
  for (const key of keys) {
    for (const when of ["last", "best"] as const) {
      const of = (row: SweepTable["rows"][number]) => row.metrics[when][key];
      const name = `${key}/${when}`;
      columns[`${name}/mean`] = numbers((row) => of(row)?.spread?.mean);
      columns[`${name}/deviation`] = numbers((row) => of(row)?.spread?.deviation);
      columns[`${name}/difference`] = numbers((row) => of(row)?.difference?.mean);
      columns[`${name}/difference_low`] = numbers((row) => of(row)?.difference?.low);
      columns[`${name}/difference_high`] = numbers((row) => of(row)?.difference?.high);
      if (rows.some((row) => of(row)?.resampled)) {
        columns[`${name}/bootstrap_low`] = numbers((row) => of(row)?.resampled?.low);
        columns[`${name}/bootstrap_high`] = numbers((row) => of(row)?.resampled?.high);
      }
      if (hasBooster) {
        columns[`${name}/transfer`] = numbers((row) => {
          const transfer = of(row)?.transfer;
          return transfer === "no gap" ? undefined : transfer;
        });
      }
    }
  }
  return {
    ...columns,
    light_parameters: counts(({ parameters }) => parameters.light),
    booster_parameters: counts(({ parameters }) => parameters.booster),
    light_latency_milliseconds: numbers(({ latency }) => latency),
    light_latency_ratio: numbers(({ latencyRatio }) => latencyRatio),
  };
}

function runColumns({ keys }: SweepTable, outcomes: readonly RunOutcome[]): Columns {
  const columns: Columns = {
    setting: { type: new Utf8(), values: outcomes.map(({ setting }) => setting) },
    // Seeds can be up to 2³² − 1, which an int32 cannot represent.
    seed: { type: new Float64(), values: outcomes.map(({ seed }) => seed) },
    best_epoch: { type: new Int32(), values: outcomes.map(({ result }) => result.best.epoch) },
    seconds: { type: new Float64(), values: outcomes.map(({ result }) => result.seconds) },
  };
  for (const key of keys) {
    for (const when of ["last", "best"] as const) {
      columns[`${key}/${when}`] = {
        type: new Float64(),
        values: outcomes.map(({ metrics }) => finite(metrics[when][key])),
      };
    }
  }
  return columns;
}

function writeArrow(path: string, columns: Columns): void {
  const vectors = Object.fromEntries(
    Object.entries(columns).map(([name, { type, values }]) => [
      name,
      vectorFromArray([...values], type),
    ]),
  );
  const table = new Table(vectors);
  writeArrowFile(path, table.schema as Schema, table.batches as RecordBatch[]);
}
