import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { Table, tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { convert } from "../../data/convert.ts";
import { loadModel } from "../../model.ts";
import { UserError } from "../../mod.ts";
import { createRandom } from "../../src/base/random.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { logitsOf, type Rows, train, writeDay, writeRows } from "../support/hand_over.ts";

/** Every sort of column. */
function someRows(seed: number, count: number): Rows {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]) => values[random.integer(0, values.length - 1)]!;
  const column = <T>(make: () => T) => Array.from({ length: count }, make);
  return {
    city: column(() => pick(["Rome", "Oslo", "Bonn"])),
    item: column(() => pick(["apple", "berry", "cherry", "date"])),
    shelf: column(() => pick([7, -1, 9007199254740993n, 12])),
    page: column(() => pick(["/", "/a", "/ä"])),
    day: column(() => random.integer(0, 7)),
    price: column(() => random.uniform() < 0.2 ? null : Math.round(random.uniform() * 1e4) / 100),
    time: column(() => 1_700_000_000 + random.integer(0, 86_400)),
    y: column(() => pick([0, 1])),
  };
}

const columns = { price: "float64", time: "int64", shelf: "int64", day: "int64", y: "int64" };

/** What reads them, with transforms that measure. */
const clicks = {
  data: {
    train: { use: "csv", path: "day.csv", columns },
    test: { use: "csv", path: "other.csv", columns },
    features: {
      city: { ids: "train" },
      item: { ids: { train: true, minCount: 2 } },
      last: { column: "item", ids: { of: "item" } },
      shelf: { ids: "train" },
      page: { ids: { hash: 5 } },
      day: { ids: { count: 8 } },
      price: { nulls: "mean" },
      time: {},
    },
    transforms: [{ use: "normalize", feature: ["price", "time"] }],
  },
  train: { epochs: 1, batch: 16 },
};

/** Trains on some rows and gives what the run itself makes of others. */
async function trained(folder: string, rows: Rows, others: Rows, parts: Record<string, unknown>) {
  await writeRows(join(folder, "other.csv"), others);
  const file = await writeDay(folder, "day", rows, parts);
  const { out } = await train(file);
  const { logits } = await logitsOf(file, join(out, "checkpoints", "best.safetensors"));
  await convert({ from: join(folder, "other.csv"), to: join(folder, "other.arrow") });
  const table = tableFromIPC(await Deno.readFile(join(folder, "other.arrow")));
  await Deno.remove(join(folder, "day.csv"));
  return { out, table, logits };
}

function assertClose(actual: Float32Array, expected: readonly number[][]): void {
  const flat = expected.flat(), top = Math.max(...flat.map(Math.abs));
  assertEquals(actual.length, flat.length);
  flat.forEach((logit, index) => assertAlmostEquals(actual[index]!, logit, 1e-5 * top));
}

forEachEngine(
  "loadModel() gives the logits of the run, on all engines, without its training data",
  async () => {
    await inFolder(async (folder) => {
      const others: Rows = { ...someRows(2, 40), city: Array(40).fill("Paris") };
      const { out, table, logits } = await trained(folder, someRows(1, 64), others, clicks);
      for (const engine of ["auto", "wasm"] as const) {
        for (const net of ["light", "booster"] as const) {
          await using model = await loadModel(out, { engine, net });
          const predictions = await model.predict(table);
          assertClose(predictions.logits, logits[net]!);
          assertEquals(predictions.unknown, 40);
          const [answer] = predictions.answers;
          assertAlmostEquals(answer!.score!, 1 / (1 + Math.exp(-logits[net]![0]![0]!)), 1e-6);
        }
      }
      // The second time the converted net is there already.
      const kept = [...Deno.readDirSync(join(out, "model"))].map(({ name }) => name);
      assertEquals(kept.length, 2);
      await Deno.remove(join(out, "checkpoints", "best.safetensors"));
      await Deno.writeFile(join(out, "checkpoints", "best.safetensors"), new Uint8Array());
      await using model = await loadModel(out, { batch: 7 });
      assertClose((await model.predict(table)).logits, logits.light!);
    });
  },
);

forEachEngine("Model.predict() answers rows, record batches and typed arrays alike", async () => {
  await inFolder(async (folder) => {
    const { out, table, logits } = await trained(folder, someRows(1, 64), someRows(2, 9), clicks);
    await using model = await loadModel(out);
    assertEquals(model.kind, "binary");
    assertEquals(model.classes, [0, 1]);
    assertEquals(model.columns, ["city", "item", "shelf", "page", "day", "price", "time"]);
    const rows = table.toArray().map((row) => row!.toJSON());
    assertClose((await model.predict(rows)).logits, logits.light!);
    const parts: number[] = [];
    const stream = (async function* () {
      yield* new Table([...table.slice(0, 4).batches, ...table.slice(4).batches]).batches;
    })();
    for await (const { logits } of model.predict(stream)) parts.push(...logits);
    assertClose(Float32Array.from(parts), logits.light!);
    const arrays = Object.fromEntries(
      model.inputs.map(({ name, dtype }) => [
        name,
        dtype === "int32" ? Int32Array.of(0, 1) : Float32Array.of(0.5, -0.5),
      ]),
    );
    const two = await model.predict(arrays);
    assertEquals([two.rows, two.units], [2, 1]);
    assert(two.logits.every(Number.isFinite));
    const { city: _, ...less } = arrays;
    await assertRejects(() => model.predict(less), UserError, "there is no array city");
    await assertRejects(
      () => model.predict([{ ...rows[0], price: "much" }]),
      UserError,
      "the column price of row 0 has the string much; expected a number",
    );
    assertEquals((await model.predict([])).rows, 0);
  });
});
