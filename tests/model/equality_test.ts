import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../../src/engine/engine.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { type Subject, subjects, trainedRuns, ways } from "../support/equality.ts";

/** The largest difference of logits, relative to the largest one. */
const TOLERANCE = 1e-5;

function distance(actual: Float32Array, expected: Float32Array): number {
  assertEquals(actual.length, expected.length);
  let top = 0, far = 0;
  expected.forEach((logit, at) => {
    const difference = Math.abs(logit - actual[at]!);
    assert(Number.isFinite(difference), `${logit} and ${actual[at]}`);
    top = Math.max(top, Math.abs(logit));
    far = Math.max(far, difference);
  });
  return far / top;
}

/** Scores rows in all ways, with all runs of a network. */
async function compareAll(subject: Subject, engine: "native" | "wasm"): Promise<void> {
  await inFolder(async (folder) => {
    const wrong: string[] = [];
    for await (const run of trainedRuns(folder, subject, engine)) {
      assertEquals(Object.keys(run.logits).sort(), ["booster", "light"], run.name);
      for (const { name, nets, score } of ways) {
        for (const net of nets) {
          const far = distance(await score(run, net), run.logits[net]!);
          if (!(far <= TOLERANCE)) wrong.push(`${run.name}: ${net} by ${name}: ${far}`);
        }
      }
      // A way may have opened another engine.
      await openEngine(engine);
    }
    assertEquals(wrong, []);
  });
}

for (const subject of subjects) {
  const name = `all ways to score rows agree with the run's own evaluation: ${subject.name}`;
  if (subject.isQuick) {
    Deno.test(`${name} [wasm]`, async () => {
      await openEngine("wasm");
      await compareAll(subject, "wasm");
    });
  } else {
    forEachEngine(
      name,
      () => compareAll(subject, tf.getBackend() === "wasm" ? "wasm" : "native"),
    );
  }
}
