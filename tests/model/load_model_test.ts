import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { Table } from "apache-arrow";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { UserError } from "../../mod.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { hashOf } from "../../src/base/files/hash_of.ts";
import { SEAL, sealJson } from "../../src/base/files/sealed_json.ts";
import { openModel } from "../../src/model/load_model.ts";
import { LoadedModel } from "../../src/model/model.ts";
import { openRun } from "../../src/run/model/open_run.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import type { Rows } from "../support/hand_over.ts";
import { assertClose, clicks, someRows, trained } from "../support/trained.ts";

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
      // The second time the converted nets are there already.
      const kept = [...Deno.readDirSync(join(out, "model"))].map(({ name }) => name);
      assertEquals(kept.length, 2);
      {
        await using model = await loadModel(out, { batch: 7 });
        assertClose((await model.predict(table)).logits, logits.light!);
        // In a thread of its own, several parts wait at a time.
        const { loaded } = await openModel(out, { batch: 7, manyRows: true });
        await using _ = loaded;
        assertClose((await loaded.predict(table)).logits, logits.light!);
      }
      const best = join(out, "checkpoints", "best.safetensors");
      const weights = await Deno.readFile(best);
      await Deno.remove(best);
      await Deno.writeFile(best, new Uint8Array());
      await assertRejects(() => loadModel(out), UserError, "was changed after the run wrote it");
      await Deno.writeFile(best, weights);
      // Whoever sent the folder may have exchanged the stored nets, with hashes beside them.
      const [one, other] = kept.map((name) => join(out, "model", name)) as [string, string];
      const bytes = [await Deno.readFile(one), await Deno.readFile(other)] as const;
      for (const [path, content] of [[one, bytes[1]], [other, bytes[0]]] as const) {
        await Deno.writeFile(path, content);
        const hashes = `${JSON.stringify([(await hashOf(path)).sha256])}\n`;
        await Deno.writeTextFile(path.replace(".onnx", ".json"), hashes);
      }
      for (const net of ["light", "booster"] as const) {
        await using model = await loadModel(out, { net });
        assertClose((await model.predict(table)).logits, logits[net]!);
      }
      assertEquals([await Deno.readFile(one), await Deno.readFile(other)], [...bytes]);
      // The folder may come from someone else.
      const file = join(out, "model.json"), text = await Deno.readTextFile(file);
      const change = async (name: string) => {
        const { [SEAL]: _, ...model } = JSON.parse(text);
        model.inputs[0].name = name;
        await Deno.writeTextFile(file, sealJson(JSON.stringify(model, undefined, 2)));
        const { [SEAL]: modelSha256 } = JSON.parse(await Deno.readTextFile(file));
        const state = best.replace(".safetensors", ".json");
        const written = JSON.parse(await Deno.readTextFile(state));
        await Deno.writeTextFile(state, JSON.stringify({ ...written, modelSha256 }));
      };
      await change("nothing");
      await assertRejects(
        () => loadModel(out),
        UserError,
        'model.json cannot be read: inputs: the feature "city" (int32, shape []) is missing',
      );
      await change("city");
      await loadModel(out).then((model) => model[Symbol.asyncDispose]());
      await Deno.remove(join(out, "model"), { recursive: true });
      await Deno.symlink(folder, join(out, "model"));
      await assertRejects(() => loadModel(out), UserError, "is a link that leads out of ");
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
    // Columns may be in another order, with others between them.
    const others = ["y", "time", "item", "price", "city", "shelf", "day", "page"];
    const mixed = new Table(
      Object.fromEntries(others.map((name) => [name, table.getChild(name)!])),
    );
    assertClose((await model.predict(mixed)).logits, logits.light!);
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
    await assertRejects(() => model.predict(less), UserError, "the array city is missing");
    await assertRejects(
      () => model.predict([{ ...rows[0], price: "much" }]),
      UserError,
      "the column price of row 0 has the string much; expected a number",
    );
    assertEquals((await model.predict([])).rows, 0);
    // Rows are counted from the first one of each call.
    for (const before of [1, 2]) {
      const wrong = [...Array(before).fill(rows[0]), { ...rows[0], day: 99 }];
      await assertRejects(() => model.predict(wrong), UserError, `row ${before}, column day: `);
      assertClose((await model.predict(rows)).logits, logits.light!);
    }
  });
});

Deno.test("Model.predict() gives no answer for rows that training leaves out, for no rows, and for infinite logits", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { features, ...data } = clicks.data as Record<string, Record<string, unknown>>;
    const parts = {
      ...clicks,
      data: { ...data, features: { ...features, time: { nulls: "drop" } } },
    };
    const { out, table, logits } = await trained(folder, someRows(1, 64), someRows(2, 3), parts);
    await using model = await loadModel(out);
    const rows = table.toArray().map((row) => row!.toJSON());
    const without = { ...rows[1], time: null };
    const { answers, answered } = await model.predict([rows[0], without, rows[2]]);
    assertEquals(answered, Uint8Array.of(1, 0, 1));
    assertEquals(answers[1], undefined);
    const score = (row: number) => 1 / (1 + Math.exp(-logits.light![row]![0]!));
    assertAlmostEquals(answers[0]!.score!, score(0), 1e-6);
    assertAlmostEquals(answers[2]!.score!, score(2), 1e-6);
    assertEquals((await model.predict([without])).answers, [undefined]);
    assertEquals((await model.predict(table.slice(0, 0))).answers, []);
    const run = await openRun(out, {});
    const computing = (...logits: number[]) => {
      const runner = {
        ...{ engine: "", run: () => Promise.resolve(Float32Array.from(logits)) },
        close: () => Promise.resolve(),
      };
      return new LoadedModel({ ...run, runner, inputs: model.inputs, batch: undefined });
    };
    const wrong = await computing(NaN, 0, Infinity).predict(rows);
    assertEquals([wrong.answers, wrong.notFinite], [[undefined, { score: 0.5 }, undefined], 2]);
    assertEquals((await computing(NaN, 0).predict([rows[0], without, rows[2]])).notFinite, 1);
    await assertRejects(
      () => computing(1, 2).predict(rows),
      UserError,
      "the net returned 2 logits for 3 rows; expected 3",
    );
  });
});
