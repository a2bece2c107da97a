import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { runPipeline, UserError } from "../../mod.ts";
import { inFolder } from "../support/command_line.ts";
import { exchanged } from "../support/exchanged.ts";

const rows = ["a,b,word,y"].concat(
  Array.from({ length: 40 }, (_, row) => `${row / 40},${row % 3},yes,${row % 2}`),
).join("\n");

const source = { use: "csv", path: "d.csv" };
const pipeline = stringify({
  name: "taught",
  data: {
    ...{ train: source, test: source, features: { a: {} } },
    label: { column: "y", kind: "binary" },
  },
  network: { use: "mlp", light: [4] },
  losses: [{ use: "kl", teacher: { onnx: "m.onnx", output: "logits" } }],
  optimizer: { use: "sgd", learningRate: 0.1 },
  train: { epochs: 1, batch: 20 },
  metrics: ["auc"],
});

Deno.test({
  name: "outputs of an ONNX teacher that was exchanged while it was loaded are not stored",
  // Windows does not replace a file that is open.
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const model = join(folder, "m.onnx"), cache = join(folder, "cache");
      await Deno.copyFile(new URL("../reference/teacher.onnx", import.meta.url), model);
      await Deno.writeTextFile(join(folder, "d.csv"), rows);
      await Deno.writeTextFile(join(folder, "p.yaml"), pipeline);
      const before = Deno.env.get("ROCKET_CACHE");
      Deno.env.set("ROCKET_CACHE", cache);
      const run = (out: string) =>
        runPipeline(join(folder, "p.yaml"), {
          ...{ out: join(folder, out), engine: "wasm", quiet: true },
        });
      const kept = () => {
        try {
          return [...Deno.readDirSync(join(cache, "teachers"))].length;
        } catch {
          return 0;
        }
      };
      try {
        // Another name of the producer: the model computes the same, but is another file.
        const other = new Uint8Array([...await Deno.readFile(model), 0x12, 1, 0x78]);
        await exchanged(model, other, async (isExchanged) => {
          await assertRejects(() => run("first"), UserError, "was changed while it was used");
          assertEquals(isExchanged(), true);
        });
        assertEquals(kept(), 0);
        await run("second");
        assertEquals(kept(), 1);
      } finally {
        if (before === undefined) Deno.env.delete("ROCKET_CACHE");
        else Deno.env.set("ROCKET_CACHE", before);
      }
    }),
});
