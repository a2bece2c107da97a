import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../mod.ts";
import { loadModel } from "../../model.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { assertClose, clicks, someRows, trained } from "../support/trained.ts";
import { inFolder } from "../support/command_line.ts";
import { exchanged } from "../support/exchanged.ts";

Deno.test({
  name: "loadModel() refuses a file that another program exchanges while the net is loaded",
  // Windows does not replace a file that is open.
  ignore: Deno.build.os === "windows",
  fn: refusesExchanged,
});

async function refusesExchanged(): Promise<void> {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, table, logits } = await trained(folder, someRows(1, 64), someRows(2, 40), clicks);
    const loaded = async (from: string, options: Parameters<typeof loadModel>[1] = {}) => {
      await using model = await loadModel(from, options);
      return (await model.predict(table)).logits;
    };

    // A checkpoint, of which a training engine reads the weights.
    const best = join(out, "checkpoints", "best.safetensors");
    const weights = await Deno.readFile(best), others = weights.slice();
    const first = 8 + Number(new DataView(weights.buffer).getBigUint64(0, true));
    for (let at = others.length - 1; at > first; at -= 4) others[at]! ^= 0x80;
    await exchanged(best, others, async () => {
      const changed = "was changed after the run wrote it";
      await assertRejects(() => loaded(out, { engine: "wasm" }), UserError, changed);
    });
    assertClose(await loaded(out, { engine: "wasm" }), logits.light!);

    // Nothing that was made of such a checkpoint is kept.
    await exchanged(best, others, async () => {
      await assertRejects(() => loaded(out), UserError, "was changed after the run wrote it");
    });
    assertClose(await loaded(out), logits.light!);

    // A converted net in the run folder.
    await loaded(out, { net: "booster" });
    const nets = [...Deno.readDirSync(join(out, "model"))].map(({ name }) => name);
    assertEquals(nets.length, 2);
    const paths = nets.map((name) => join(out, "model", name)) as [string, string];
    const contents = await Promise.all(paths.map((path) => Deno.readFile(path)));
    for (const [index, path] of paths.entries()) {
      await exchanged(path, contents[1 - index]!, async (isExchanged) => {
        for (const net of ["light", "booster"] as const) {
          const result = loaded(out, { net });
          const message = await result.then(() => "", (error: Error) => error.message);
          if (isExchanged()) {
            assertEquals(message, `${path} was exchanged while it was loaded`);
            break;
          }
        }
        assertEquals(isExchanged(), true);
      });
    }
    assertClose(await loaded(out), logits.light!);

    // An export folder.
    const [light, booster] = [join(folder, "light"), join(folder, "booster")];
    await exportModel(out, light, { engine: "wasm" });
    await exportModel(out, booster, { net: "booster", engine: "wasm" });
    const net = join(light, "model.onnx");
    await exchanged(net, await Deno.readFile(join(booster, "model.onnx")), async () => {
      await assertRejects(() => loaded(light), UserError, "model.json come from different exports");
    });
    assertClose(await loaded(light), logits.light!);
  });
}
