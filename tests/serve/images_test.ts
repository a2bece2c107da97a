import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Binary, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { openModel } from "../../src/model/load_model.ts";
import { ARROW_STREAM } from "../../src/serve/arrow_rows.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { defaultLimits } from "../../src/serve/limits.ts";
import { inFolder } from "../support/command_line.ts";
import { pngOf } from "../support/images.ts";
import { runFile } from "../support/pipelines.ts";
import { ask } from "../support/serve_requests.ts";

const pipeline = `name: pictures
data:
  train: { use: arrow, path: rows.arrow }
  test: { use: arrow, path: rows.arrow }
  features: { image: { shape: [2, 2, 1], image: { resize: stretch } } }
  label: label
network: { use: mlp, light: [2], booster: [2] }
losses: [{ use: cross-entropy, on: light }, { use: cross-entropy, on: booster }]
optimizer: { use: sgd, learningRate: 0.01 }
train: { epochs: 1, batch: 2 }
outputs: [checkpoint]
`;

/** A gray image with as many pixels in each direction. */
const square = (size: number) => pngOf([size, size], 0, 8, new Uint8Array((size + 1) * size));

Deno.test("ServeHandler decodes large images one by one, and refuses what takes too long", async () => {
  await openEngine("wasm", () => {});
  await inFolder(async (folder) => {
    const small = square(4);
    const table = new Table({
      image: vectorFromArray([small, small], new Binary()),
      label: vectorFromArray(["a", "b"], new Utf8()),
    });
    await Deno.writeFile(join(folder, "rows.arrow"), tableToIPC(table, "file"));
    await Deno.writeTextFile(join(folder, "p.yaml"), pipeline);
    const out = join(folder, "run");
    await runFile(join(folder, "p.yaml"), out, "wasm");
    const { loaded, model } = await openModel(out, { threads: 1 });
    const faults: unknown[] = [];
    const handler = (answerTime: number) =>
      new ServeHandler(
        { name: "pictures", loaded, model },
        (error) => faults.push(error),
        { ...defaultLimits, answerTime },
      );
    const body = (images: readonly Uint8Array[]) => {
      const table = new Table({ image: vectorFromArray([...images], new Binary()) });
      const headers = { "content-type": ARROW_STREAM };
      return {
        method: "POST",
        headers,
        body: tableToIPC(table, "stream") as Uint8Array<ArrayBuffer>,
      };
    };
    const infer = "/v2/models/pictures/infer";
    // Each of the images takes longer than the server has for an answer.
    const large = square(3000), own = handler(20);
    let answered = 0;
    const slow = ask(own, infer, body(Array(8).fill(large))).then((answer) => {
      answered++;
      return answer;
    });
    const metadata = await ask(own, "/v2");
    assertEquals([metadata.status, answered], [200, 0]);
    const { status, bytes } = await slow;
    const text = new TextDecoder().decode(bytes);
    assertEquals(status, 503, text);
    assertStringIncludes(text, "was not ready within 0.02 seconds");
    const { status: good } = await ask(handler(30_000), infer, body([small, large, small]));
    assertEquals(good, 200);
    assert(faults.length === 0, String(faults));
    // Large images of several requests are decoded in different turns of the event loop as well.
    const crowd = handler(30_000),
      decode = loaded.decode.bind(loaded),
      turnsOfDecoding: number[] = [];
    let ended = 0, turns = 0;
    Object.defineProperty(loaded, "decode", {
      value: (...args: Parameters<typeof decode>) => {
        turnsOfDecoding.push(turns);
        return decode(...args);
      },
    });
    const requests = Array.from({ length: 4 }, async () => {
      const { status } = await ask(crowd, infer, body([large]));
      ended++;
      return status;
    });
    for (; ended < 4; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(await Promise.all(requests), [200, 200, 200, 200]);
    assertEquals(new Set(turnsOfDecoding).size, 4, String(turnsOfDecoding));
    const parts = [
      ...loaded.cut(
        new Table({ image: vectorFromArray([small, small, large, large, small], new Binary()) })
          .batches[0]!,
      ),
    ];
    assertEquals(parts.map(({ numRows }) => numRows), [2, 1, 1, 1]);
    await loaded.close();
  });
});
