import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { openModel } from "../../src/model/load_model.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { blocks } from "../docs/documents.ts";
import { type Ended, inFolder, rocket } from "../support/command_line.ts";
import { picture, writePictures } from "../support/images.ts";
import { ask, jsonBody } from "../support/serve_requests.ts";

Deno.test("the pipeline of docs/own_data.md trains on a folder of images, and its net predicts, is evaluated, and is served", async () => {
  const { text } = blocks.find(({ path, text }) =>
    path === "docs/own_data.md" && text.startsWith("# flowers.yaml")
  )!;
  await inFolder(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "flowers.yaml"), text);
    await writePictures(join(cwd, "flowers"), 10);
    const well = ({ code, stdout, stderr }: Ended) => {
      assertEquals(code, 0, stdout + stderr);
      return stdout + stderr;
    };
    const run = ["flowers.yaml", "--engine", "wasm", "--epochs", "1", "--out", "run"];
    const next = well(await rocket(run, { cwd })).split("\n").map((line) => line.trim());
    // The proposed commands, as the user can copy them.
    const predict = next.find((line) => line.includes(" predict run "))!.split(" ").slice(3);
    assertEquals(predict, ["predict", "run", "flowers", "--out", "predictions.csv"]);
    well(await rocket(predict, { cwd }));
    const lines = (await Deno.readTextFile(join(cwd, "predictions.csv"))).trim().split("\n");
    assertEquals([lines.length, lines[0]], [31, "path,prediction,score"]);
    assert(/^rose\/2.png,(lily|rose|tulip),0\.\d+$/.test(lines[13]!), lines[13]);
    const measured = well(await rocket(["evaluate", "run", "flowers"], { cwd }));
    assertStringIncludes(measured, "run: 30 rows of flowers");

    const out = join(cwd, "run");
    await using model = await loadModel(out);
    const files = [picture(0, 3), picture(1, 4)];
    const { answers } = await model.predict(files.map((image) => ({ image })));
    const expected = answers.map((answer) => answer!.score);
    const opened = await openModel(out, {});
    await using _ = opened.loaded;
    const faults: unknown[] = [];
    const handler = new ServeHandler(
      { name: "run", ...opened },
      (error) => faults.push(error),
    );
    const scoresOf = ({ json }: Awaited<ReturnType<typeof ask>>) =>
      (json().outputs[0]!.data as number[]).map(Math.fround);
    const outputs = [{ name: "score" }], path = "/v2/models/run/infer";
    const about = { name: "image", shape: [2], datatype: "BYTES" };
    const data = files.map((bytes) => Buffer.from(bytes).toString("base64"));
    const json = await ask(handler, path, jsonBody({ inputs: [{ ...about, data }], outputs }));
    assertEquals(json.status, 200, new TextDecoder().decode(json.bytes));
    assertEquals(scoresOf(json), expected);
    const parts = files.flatMap((
      bytes,
    ) => [new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes]);
    const binary = Buffer.concat(parts), parameters = { binary_data_size: binary.length };
    const head = Buffer.from(JSON.stringify({ inputs: [{ ...about, parameters }], outputs }));
    const answer = await ask(handler, path, {
      method: "POST",
      headers: { "inference-header-content-length": `${head.length}` },
      body: new Uint8Array(Buffer.concat([head, binary])),
    });
    assertEquals(answer.status, 200, new TextDecoder().decode(answer.bytes));
    assertEquals(scoresOf(answer), expected);
    for (
      const [wrong, words] of [
        ["flowers/rose/1.png", "in row 1; expected the base64 text of a PNG or JPEG file"],
        ["AAAA", "row 1"],
      ]
    ) {
      const inputs = [{ ...about, data: [data[0], wrong] }];
      const refused = await ask(handler, path, jsonBody({ inputs, outputs }));
      assertEquals(refused.status, 400);
      assertStringIncludes(refused.json().error!, words!);
    }
    assertEquals(faults, []);
  });
});
