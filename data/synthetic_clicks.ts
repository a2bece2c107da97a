import {
  type Data,
  type DataType,
  Field,
  Float32,
  Int32,
  Int8,
  List,
  makeData,
  type RecordBatch,
  Schema,
  Uint8,
} from "apache-arrow";
import { join } from "node:path";
import auc from "../plugins/metrics/auc.ts";
import gauc from "../plugins/metrics/gauc.ts";
import logLoss from "../plugins/metrics/log_loss.ts";
import { ArrowFileWriter } from "../src/base/files/arrow_writer.ts";
import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";
import { counted, table } from "../src/base/text_table.ts";
import { recordBatchOf } from "../src/base/wide_schema.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import { type Accumulator, formatMetric, type MetricValue } from "../src/stages/metric.ts";
import {
  ClickWorld,
  DAYS,
  HISTORY,
  type Impression,
  POSITIONS,
  PRODUCTS,
  type Request,
  SIGNS,
  type WorldOptions,
} from "./click_world.ts";
import type { DataSet } from "./data_set.ts";

/** The numbers of rows of a record batch in the files. */
const BATCH_ROWS = 2 ** 16;

const ranges = {
  rows: { least: 1000, most: 100_000_000, step: DAYS * POSITIONS, default: 1_000_000 },
  seed: { least: 0, most: 2 ** 32 - 1, step: 1, default: 1 },
  depth: { least: 1, most: SIGNS - 1, step: 1, default: 3 },
  strength: { least: 0, most: 10, step: undefined, default: 1 },
} as const;

/** Synthetic clicks, whose true probabilities are known. */
export const syntheticClicks: DataSet = {
  name: "synthetic-clicks",
  summary: "synthetic clicks and purchases with known probabilities, 1,000 to 100 million rows",
  folder: "synthetic-clicks",
  options: ["rows", "seed", "depth", "strength"],
  make({ options = {}, out, report }) {
    const world = {
      rows: numberOf("rows", options.rows),
      seed: numberOf("seed", options.seed),
      depth: numberOf("depth", options.depth),
      strength: numberOf("strength", options.strength),
    };
    const best = new BestPossible();
    const counts = writeSplits(out, world, (rows) => best.add(rows));
    for (const [file, rows] of Object.entries(counts)) report(`${file}: ${counted(rows, "row")}`);
    report("");
    report("the best possible results on the test split, by the true probabilities:");
    report("");
    best.table().forEach((line) => report(line));
    return Promise.resolve();
  },
};

function numberOf(name: keyof typeof ranges, text: string | undefined): number {
  const { least, most, step, default: standard } = ranges[name];
  if (text === undefined) return standard;
  const number = text.trim() === "" ? NaN : Number(text);
  const isValid = number >= least && number <= most && (step === undefined || number % step === 0);
  if (isValid) return number;
  const what = step === undefined
    ? "a number"
    : step === 1
    ? "a whole number"
    : `a multiple of ${step}`;
  throw new UserError(`--${name} expects ${what} from ${least} to ${most}, got ${text}`, {
    hint: hint("data/number", `the default is --${name} ${standard}`, {
      args: {
        replace: { [text]: `${standard}`, [`--${name}=${text}`]: `--${name}=${standard}` },
      },
    }),
    exitCode: 2,
  });
}

/**
 * Writes the impressions of a world to three Arrow files, with one record batch in memory at a
 * time.
 *
 * @param folder The folder, which exists.
 * @param options The world.
 * @param onTest Receives the rows of the test split.
 * @param batchRows The maximum number of rows of a record batch.
 * @returns The number of rows of each file, by its path.
 */
export function writeSplits(
  folder: string,
  options: WorldOptions,
  onTest: (rows: ClickRows) => void = () => {},
  batchRows: number = BATCH_ROWS,
): Record<string, number> {
  const schema = schemaOf(options), rows = new ClickRows(schema, batchRows);
  const counts: Record<string, number> = {};
  let path: string | undefined, writer: ArrowFileWriter | undefined;
  const flush = () => {
    if (rows.count === 0) return;
    if (path?.endsWith("test.arrow")) onTest(rows);
    writer!.write(rows.take());
  };
  try {
    for (const request of new ClickWorld(options).requests()) {
      const next = join(folder, `${splitOf(request.day)}.arrow`);
      if (next !== path) {
        flush();
        writer?.finish();
        [path, writer] = [next, new ArrowFileWriter(next, schema)];
        counts[next] = 0;
      }
      for (const impression of request.impressions) {
        rows.add(request, impression);
        counts[next]!++;
        if (rows.count === batchRows) flush();
      }
    }
    flush();
    writer?.finish();
  } catch (error) {
    writer?.abandon();
    throw error;
  }
  return counts;
}

const splitOf = (day: number) =>
  day < DAYS - 2 ? "train" : day === DAYS - 2 ? "validation" : "test";

const signs = Array.from({ length: SIGNS }, (_, index) => `f${index + 1}`);

function schemaOf({ rows, seed, depth, strength }: WorldOptions): Schema {
  const field = (name: string, type: DataType, nullable = false) => new Field(name, type, nullable);
  return new Schema(
    [
      field("day", new Uint8()),
      field("request", new Int32()),
      field("position", new Uint8()),
      field("user", new Int32()),
      field("item", new Int32()),
      field("category", new Uint8()),
      ...signs.map((name) => field(name, new Int8())),
      field("history", new List(new Field("item", new Int32(), false))),
      field("click", new Uint8()),
      field("buy", new Uint8()),
      field("dwell", new Float32(), true),
      field("affinity", new Float32()),
      field("click_probability", new Float32()),
      field("click_probability_without_position", new Float32()),
      field("buy_probability", new Float32()),
      field("buy_probability_with_dwell", new Float32(), true),
    ],
    new Map(Object.entries({
      name: "synthetic clicks with known probabilities",
      source: `deno task data synthetic-clicks --rows ${rows} --seed ${seed} --depth ${depth} ` +
        `--strength ${strength}`,
      interactions: `${PRODUCTS} products of ${counted(depth, "feature")}`,
    })),
  );
}

/** Collects impressions in columns, up to the size of a record batch. */
export class ClickRows {
  /** The number of rows. */
  count = 0;
  /** The numbers in the columns, by name; those of a null are NaN. */
  readonly columns: Readonly<Record<string, Uint8Array | Int8Array | Int32Array | Float32Array>>;
  readonly #schema: Schema;
  readonly #history: Int32Array;
  readonly #historyEnds: Int32Array;

  /**
   * Creates empty columns.
   *
   * @param schema The columns of the file.
   * @param rows The maximum number of rows.
   */
  constructor(schema: Schema, rows: number) {
    this.#schema = schema;
    this.#history = new Int32Array(rows * HISTORY);
    this.#historyEnds = new Int32Array(rows + 1);
    this.columns = Object.fromEntries(
      schema.fields.filter(({ name }) => name !== "history").map(({ name, type }) =>
        [name, new type.ArrayType(rows) as Float32Array] as const
      ),
    );
  }

  /**
   * Adds an impression.
   *
   * @param request The request to which it belongs.
   * @param impression The impression.
   */
  add({ day, number, user, history }: Request, impression: Impression): void {
    const row = this.count++, { columns } = this, { bits, dwell } = impression;
    columns.day![row] = day;
    columns.request![row] = number;
    columns.position![row] = impression.position;
    columns.user![row] = user;
    columns.item![row] = impression.item;
    columns.category![row] = impression.category;
    signs.forEach((name, index) => columns[name]![row] = bits >> index & 1 ? 1 : -1);
    columns.click![row] = impression.click;
    columns.buy![row] = impression.buy;
    columns.dwell![row] = dwell ?? NaN;
    columns.affinity![row] = impression.affinity;
    columns.click_probability![row] = impression.clickProbability;
    columns.click_probability_without_position![row] = impression.clickProbabilityAnywhere;
    columns.buy_probability![row] = impression.buyProbability;
    columns.buy_probability_with_dwell![row] = impression.buyProbabilityByDwell ?? NaN;
    const start = this.#historyEnds[row]!;
    this.#history.set(history, start);
    this.#historyEnds[row + 1] = start + history.length;
  }

  /** Returns the rows as a record batch with its own memory, and starts with no rows again. */
  take(): RecordBatch {
    const rows = this.count, ends = this.#historyEnds;
    const children = this.#schema.fields.map((field): Data => {
      if (field.name !== "history") {
        const data = this.columns[field.name]!.slice(0, rows);
        const nullBitmap = field.nullable ? validBits(data) : undefined;
        return makeData({ type: field.type as Float32, data: data as Float32Array, nullBitmap });
      }
      return makeData({
        type: field.type as List,
        length: rows,
        nullCount: 0,
        valueOffsets: ends.slice(0, rows + 1),
        child: makeData({ type: new Int32(), data: this.#history.slice(0, ends[rows]) }),
      });
    });
    this.count = 0;
    return recordBatchOf(this.#schema, children, rows) as RecordBatch;
  }
}

/** Returns a bit for each value, which is 1 if the value is not NaN, and sets others to 0. */
function validBits(values: Uint8Array | Int8Array | Int32Array | Float32Array): Uint8Array {
  // Arrow's own programs write bitmaps in multiples of 8 bytes.
  const bits = new Uint8Array(Math.ceil(values.length / 64) * 8);
  values.forEach((value, row) => {
    if (Number.isNaN(value)) values[row] = 0;
    else bits[row >> 3]! |= 1 << (row & 7);
  });
  return bits;
}

/** Computes the metrics of the true probabilities. They store 12 bytes for each test row. */
class BestPossible {
  readonly #predictions = [
    prediction("click", "click_probability_without_position"),
    prediction("click, position known", "click_probability"),
    prediction("purchase after a click", "buy_probability", true),
    prediction("purchase after a click, dwell time known", "buy_probability_with_dwell", true),
  ];

  /** Adds the rows of the test split. */
  add(rows: ClickRows): void {
    this.#predictions.forEach(({ add }) => add(rows));
  }

  /** Returns the lines of a table. */
  table(): string[] {
    return table(
      ["prediction", "AUC", "GAUC", "log loss"],
      this.#predictions.map(({ name, metrics }) => [
        name,
        ...metrics.map((metric) => {
          const value = metric.value() as MetricValue | Record<string, MetricValue>;
          const main = typeof value === "object" && "" in value ? value[""] : value;
          return formatMetric(main as MetricValue);
        }),
      ]),
    );
  }
}

function prediction(name: string, column: string, clicked = false) {
  const label: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "int32" };
  const context = { label, nets: ["light"] } as const;
  const metrics: readonly Accumulator[] = [
    auc.create({}, context).start(),
    gauc.create({ by: "user" }, context).start(),
    logLoss.create({}, context).start(),
  ];
  const add = ({ columns, count }: ClickRows) => {
    const kept = Array.from({ length: count }, (_, row) => row)
      .filter((row) => !clicked || columns.click![row] === 1);
    const pick = (values: ArrayLike<number>) => kept.map((row) => values[row]!);
    const probabilities = pick(columns[column]!);
    const values = Float32Array.from(probabilities, (value) => Math.log(value / (1 - value)));
    const logits = { values, shape: [1] };
    const batch = {
      size: kept.length,
      outputs: { logits },
      nets: { light: { logits } },
      label: Int32Array.from(pick(columns[clicked ? "buy" : "click"]!)),
      columns: { user: Int32Array.from(pick(columns.user!)) },
      losses: {},
    };
    metrics.forEach((metric) => metric.add(batch));
  };
  return { name, metrics, add };
}
