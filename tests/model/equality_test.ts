import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { loadModel } from "../../model.ts";
import { resumeRun } from "../../mod.ts";
import { convert } from "../../data/convert.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { logitsOf, train, writeDay, writeRows } from "../support/hand_over.ts";
import { assertClose, clicks, someRows } from "../support/trained.ts";

type Train = Parameters<typeof train>[1];

/** Trains in a folder, and holds what the model says to what the run itself says. */
async function held(
  folder: string,
  name: string,
  parts: Record<string, unknown>,
  options: Train = {},
  change: (out: string) => Promise<unknown> = () => Promise.resolve(),
): Promise<string> {
  await writeRows(join(folder, "other.csv"), someRows(2, 20));
  const day = await writeDay(folder, name, someRows(1, 48), parts);
  const data = parts.data as Record<string, Record<string, unknown>>;
  const pipeline = JSON.parse(await Deno.readTextFile(day));
  pipeline.data.train = { ...data.train, path: `${name}.csv` };
  await Deno.writeTextFile(day, JSON.stringify(pipeline));
  const { out } = await train(day, options);
  await change(out);
  const { logits } = await logitsOf(day, join(out, "checkpoints", "best.safetensors"));
  await convert({ from: join(folder, "other.csv"), to: join(folder, "other.arrow") });
  const table = tableFromIPC(await Deno.readFile(join(folder, "other.arrow")));
  for (const net of ["light", "booster"] as const) {
    if (!logits[net]) continue;
    await using model = await loadModel(out, { net });
    assertClose((await model.predict(table)).logits, logits[net]);
  }
  return out;
}

forEachEngine(
  "loadModel() gives the logits of runs with phases, resumed, and from initial weights",
  () =>
    inFolder(async (folder) => {
      const engine = tf.getBackend() === "wasm" ? "wasm" : "native";
      const first = await held(
        folder,
        "first",
        clicks,
        {},
        (out) => resumeRun(out, { engine, quiet: true, set: ["train.epochs=2"] }),
      );
      const initial = { run: first };
      const { network } = JSON.parse(await Deno.readTextFile(join(folder, "first.json")));
      await held(folder, "second", { ...clicks, network: { ...network, initial } });
      await held(folder, "phases", {
        ...clicks,
        train: { batch: 16 },
        losses: undefined,
        phases: [
          { name: "teacher", epochs: 1, losses: [{ use: "binary-cross-entropy", on: "booster" }] },
          {
            name: "student",
            epochs: 1,
            freeze: ["booster"],
            losses: [{ use: "binary-cross-entropy", on: "light" }, { use: "mse-hint" }],
          },
        ],
      });
    }),
);

forNative(
  "loadModel() gives the logits of a run that was trained in bfloat16",
  () =>
    inFolder(async (folder) => {
      await held(folder, "low", clicks, { precision: "bfloat16" });
    }),
);
