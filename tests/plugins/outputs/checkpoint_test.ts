import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import checkpoint from "../../../plugins/outputs/checkpoint.ts";
import { checkStage } from "../../../testing.ts";
import { epochEnd, filesIn, make, runStart, splits, withRunFolder } from "./support.ts";

const last = "checkpoints/last.safetensors", best = "checkpoints/best.safetensors";

/** A file by the published layout of safetensors, without the project's own reader. */
async function parts(folder: string, file: string) {
  const bytes = await Deno.readFile(join(folder, file));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.slice(8, 8 + length)));
  return { header, data: bytes.slice(8 + length) };
}

/** The epoch that a file was written after. */
const epochOf = async (folder: string, file: string) =>
  Number((await parts(folder, file)).header.__metadata__.epoch);

Deno.test("checkpoint keeps the contract of an output", async () => {
  await checkStage(checkpoint);
  await checkStage(checkpoint, { options: { every: 7 } });
});

Deno.test("checkpoint writes the variables of both nets and the optimizer's slots as safetensors", () =>
  withRunFolder(async (folder) => {
    const output = make(checkpoint, folder);
    await output.runStart!(runStart(3));
    await output.epoch!(epochEnd(2));
    assertEquals(await filesIn(folder), [last]);
    const { header, data } = await parts(folder, last);
    const { __metadata__: metadata, ...tensors } = header;
    assertEquals(tensors, {
      "stem/kernel": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      "light/head/bias": { dtype: "F32", shape: [3], data_offsets: [24, 36] },
      "booster/head/bias": { dtype: "F32", shape: [1], data_offsets: [36, 40] },
      "optimizer/momentum/stem/kernel": { dtype: "F32", shape: [2, 3], data_offsets: [40, 64] },
    });
    assertEquals(data.length, 64);
    const values = new DataView(data.buffer);
    for (let offset = 0; offset < 64; offset += 4) assertEquals(values.getFloat32(offset, true), 2);
    assertEquals(metadata, { epoch: "2", step: "10", metrics: JSON.stringify(splits) });
  }));

Deno.test("checkpoint keeps the last epoch, and the best one beside it", () =>
  withRunFolder(async (folder) => {
    const output = make(checkpoint, folder);
    await output.runStart!(runStart(4));
    const found: [number, number][] = [];
    for (const [epoch, isBest] of [[1, true], [2, false], [3, true], [4, false]] as const) {
      await output.epoch!(epochEnd(epoch, { best: isBest }));
      found.push([await epochOf(folder, last), await epochOf(folder, best)]);
    }
    assertEquals(found, [[1, 1], [2, 1], [3, 3], [4, 3]]);
    assertEquals(await filesIn(folder), [best, last]);
  }));

Deno.test("checkpoint with `every` writes fewer last epochs, but the very last and the best always", () =>
  withRunFolder(async (folder) => {
    const output = make(checkpoint, folder, { every: 2 });
    await output.runStart!(runStart(5));
    const read: number[] = [];
    const end = async (epoch: number, best = false) => {
      const event = epochEnd(epoch, { best });
      await output.epoch!({ ...event, snapshot: () => (read.push(epoch), event.snapshot()) });
    };
    await end(1);
    assertEquals(await filesIn(folder), []);
    await end(2);
    assertEquals([await filesIn(folder), await epochOf(folder, last)], [[last], 2]);
    await end(3, true);
    assertEquals([await epochOf(folder, last), await epochOf(folder, best)], [2, 3]);
    await end(4);
    await end(5);
    assertEquals([await epochOf(folder, last), await epochOf(folder, best)], [5, 3]);
    // Variables are read back from the engine only where they are written, once.
    assertEquals(read, [2, 3, 4, 5]);
  }));

Deno.test("checkpoint keeps nothing of the light net that is trained alone", () =>
  withRunFolder(async (folder) => {
    const output = make(checkpoint, folder);
    await output.runStart!(runStart(1));
    await output.epoch!(epochEnd(1, { best: true }));
    await output.runStart!(runStart(2, "light-alone"));
    let read = false;
    const snapshot = () => {
      read = true;
      return epochEnd(2).snapshot();
    };
    await output.epoch!(epochEnd(2, { job: "light-alone", best: true, snapshot }));
    assert(!read);
    assertEquals([await epochOf(folder, last), await epochOf(folder, best)], [1, 1]);
  }));

Deno.test("checkpoint refuses to write every 0 epochs", () => {
  for (const every of [0, -1, 1.5]) assert(!checkpoint.options.safeParse({ every }).success);
});
