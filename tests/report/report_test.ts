import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { report } from "../../src/commands/report.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { readOptions } from "../../src/launch/command_line/options.ts";
import { bitmapOf } from "../../src/report/bitmap.ts";
import { confusionChart, lineChart } from "../../src/report/charts.ts";
import { html, Markup } from "../../src/report/markup.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

async function page(...args: string[]): Promise<string> {
  const parsed = parseArguments(["report", ...args, "--quiet"]);
  assertEquals(await report(parsed.words.slice(1), readOptions(parsed)), 0);
  return await Deno.readTextFile(parsed.out!);
}

/** Holds a page to what a report promises: nothing runs in it, and nothing is loaded. */
function assertAlone(text: string): void {
  assert(!/<script|<link|<iframe|<object|\son\w+=|javascript:/i.test(text));
  const addresses = [...text.matchAll(/(?:src|href|xlink:href|url)\s*[=(]\s*["']?([^"')\s>]+)/gi)]
    .map(([, address]) => address!).filter((address) => !/^(data:|#)/.test(address));
  assertEquals(addresses, []);
  assertStringIncludes(text, "default-src 'none'");
}

Deno.test("report shows a run's result, curves, confusion matrices and wrong rows in one page", async () => {
  await openEngine("wasm");
  const pipeline = digitsPipeline({
    train: { epochs: 2, batch: 256, baseline: "light-alone" },
    metrics: ["accuracy", "loss"],
    outputs: ["checkpoint"],
  });
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { result } = await runFile(file, out, "wasm");
    const { code, stderr } = await rocket(["report", "run", "--out", "r.html"], { cwd: folder });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "r.html: a report of one run");
    const one = await Deno.readTextFile(join(folder, "r.html"));
    assertAlone(one);
    for (const metrics of [result.best.test.light, result.baseline!.best.test.light]) {
      assertStringIncludes(one, `<b>${Number(metrics!.accuracy).toFixed(4)}</b>`);
    }
    for (
      const title of [
        "accuracy, test split",
        "loss/cross-entropy, test split",
        "gradient norm, mean over an epoch",
        "learning rate, last step of an epoch",
        "confusion matrix, light",
        "confusion matrix, booster",
      ]
    ) {
      assertStringIncludes(one, `<h3>${title}</h3><svg role="img"`);
    }
    assert(!one.includes("did not record"));
    const { peakBytes } = result.memory!;
    assert(peakBytes > 2 ** 25 && peakBytes < 2 ** 40, `${peakBytes}`);
    const memory = Math.round(peakBytes / 2 ** 20).toLocaleString("en-US");
    assertMatch(one, RegExp(`<dt>most memory of the process</dt>\\s*<dd>${memory} MiB</dd>`));
    assertMatch(one, /<img src="data:image\/bmp;base64,/);
    assertStringIncludes(one, "360 rows, checkpoint best, computed by ONNX Runtime.");

    // Runs side by side, and one without its data and one without its checkpoints.
    const text = await Deno.readTextFile(join(out, "pipeline.json"));
    await Deno.writeTextFile(join(out, "pipeline.json"), text.replaceAll("digits-test", "gone"));
    const other = join(folder, "other");
    await Deno.mkdir(other);
    for (const name of ["pipeline.json", "model.json", "result.json", "metrics.jsonl"]) {
      await Deno.copyFile(join(out, name), join(other, name));
    }
    const both = await page(out, other, "--out", join(folder, "both.html"));
    assertAlone(both);
    assertMatch(both, /The nets were not evaluated for this report: [^<]*gone\.arrow/);
    assertMatch(both, /The nets were not evaluated for this report: [^<]*no checkpoint best/);
    assertStringIncludes(both, "<h3>accuracy by latency</h3>");
    assertStringIncludes(both, "<h3>accuracy of the light net, test split</h3>");

    // A page is passed on: it has no value of a variable, and only the engine that was asked for.
    Deno.env.set("ROCKET_TEST_PLACE", "hidden-place");
    await Deno.writeTextFile(
      join(out, "pipeline.json"),
      text.replaceAll("digits-test", "${env:ROCKET_TEST_PLACE}"),
    );
    const variable = await page(out, "--engine", "wasm", "--out", join(folder, "variable.html"));
    assert(!variable.includes("hidden-place"));
    assertStringIncludes(variable, "not evaluated for this report: the pipeline uses environment");
    assertStringIncludes(variable, "not used with --engine wasm");

    const picture = await page(out, "--out", join(folder, "run.svg"));
    assertMatch(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    assertStringIncludes(picture, "light alone");
    assertStringIncludes(picture, "@media (prefers-color-scheme: dark)");
    assert(!/#0001\d\d/.test(picture));

    const runs = await page(out, out, "--out", join(folder, "runs.svg"));
    const { test, baseline } = JSON.parse(await Deno.readTextFile(join(out, "result.json")));
    const [light, alone] = [test, baseline.test].map(({ light }) => light.accuracy.toFixed(4));
    assertMatch(runs, RegExp(`>light +${light} +0\\.0000<`));
    assertMatch(runs, RegExp(`>light alone +${alone} +0\\.0000<`));
    assertMatch(runs, /light − light alone: [+−]0\.\d{4}, 95 % interval \[/);
  });
});

Deno.test("report escapes everything from data, and draws calibration and lift of clicks", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    const bad = `</svg><script>alert("x")</script>&`;
    const rows = (count: number, shift: number) =>
      new Table({
        [bad]: vectorFromArray(
          Array.from({ length: count }, (_, row) => row % 3 === 0 ? bad : `b${row % 5}`),
          new Utf8(),
        ),
        y: vectorFromArray(
          Array.from({ length: count }, (_, row) => (row + shift) % 3 === 0 ? bad : "no"),
          new Utf8(),
        ),
      });
    for (const [name, count] of [["train", 60], ["test", 40]] as const) {
      await Deno.writeFile(join(folder, `${name}.arrow`), tableToIPC(rows(count, 0), "file"));
    }
    const train = async (kind: string, loss: string) => {
      const file = join(folder, `${kind}.json`), out = join(folder, kind);
      await Deno.writeTextFile(
        file,
        JSON.stringify({
          name: kind,
          data: {
            train: { use: "arrow", path: "train.arrow" },
            test: { use: "arrow", path: "test.arrow" },
            features: { word: { column: bad, ids: "train" } },
            label: { column: "y", kind },
          },
          network: { use: "ctr", embedding: 2, light: { hidden: [2] }, booster: { hidden: [3] } },
          losses: [{ use: loss, on: "light" }, { use: loss, on: "booster" }],
          optimizer: { use: "sgd", learningRate: 0.01 },
          train: { epochs: 1, batch: 32 },
          metrics: ["log-loss"],
          outputs: ["checkpoint"],
        }),
      );
      await runFile(file, out, "wasm");
      return out;
    };
    const clicks = await train("binary", "binary-cross-entropy");
    const one = await page(clicks, "--out", join(folder, "clicks.html"));
    assertAlone(one);
    assertStringIncludes(one, "&lt;/svg&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;");
    for (const title of ["calibration", "lift", "confusion matrix, light"]) {
      assertStringIncludes(one, `<h3>${title}</h3><svg role="img"`);
    }
    const classes = await train("class", "cross-entropy");
    assertAlone(await page(classes, clicks, "--out", join(folder, "both.html")));
  }));

Deno.test("charts accept any name of a class and of a run", async () => {
  const names = ["a\u2028b\u2029", "constructor", '"]\\', "toString", "valueOf", "two words"];
  const cells = [{ label: 0, predicted: 1, rows: 2 }, { label: 2, predicted: 2, rows: 1 }];
  const chart = await confusionChart(cells, names, "light");
  for (const name of ["construc…", "toString", "valueOf", "two words"]) {
    assertStringIncludes(chart, `>${name}<`);
  }
  const points = ["constructor", "toString", "__proto__"].map((name) => ({ name, x: 1, y: 2 }));
  assertStringIncludes(await lineChart(points, { title: "loss", x: "epoch" }), "toString");
});

Deno.test("html escapes texts and keeps parts of pages", () => {
  const text = `<a href="x">'&`;
  const { html: made } = html`<p title="${text}">${[
    text,
    html`<b>${1}</b>`,
    undefined,
    false,
  ]}</p>`;
  const escaped = "&lt;a href=&quot;x&quot;&gt;&#39;&amp;";
  assertEquals(made, `<p title="${escaped}">${escaped}<b>1</b></p>`);
  assertEquals(html`${new Markup("<i>")}`.html, "<i>");
});

Deno.test("bitmapOf() writes rows from the bottom, as blue, green and red", () => {
  const url = bitmapOf({ height: 2, width: 1, channels: 3, values: [1, 2, 3, 4, 5, 6] });
  const bytes = Uint8Array.fromBase64(url.replace("data:image/bmp;base64,", ""));
  assertEquals(new TextDecoder().decode(bytes.subarray(0, 2)), "BM");
  assertEquals(bytes.length, new DataView(bytes.buffer).getUint32(2, true));
  assertEquals([...bytes.subarray(54)], [6, 5, 4, 0, 3, 2, 1, 0]);
});
