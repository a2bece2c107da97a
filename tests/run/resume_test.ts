import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import { Interruption, UserError } from "../../src/base/errors.ts";
import { decodeContent, encodeContent } from "../../src/run/folder/checkpoint_content.ts";
import type { RunStartEvent } from "../../src/stages/events.ts";
import type { Output } from "../../src/stages/output.ts";
import type { RunPlanOptions } from "../../src/run/run.ts";
import { current, Death, diesAndGoesOn, dyingAt, endOf, wholeEnd } from "../support/deaths.ts";
import { forEachEngine } from "../support/engines.ts";
import {
  dataFolder,
  digitsPipeline,
  pluginApi,
  type Ran,
  runFile,
  withPipeline,
} from "../support/pipelines.ts";

/**
 * Images are moved about at random, the rate changes with the position, a loss has variables
 * and a weight that changes.
 */
const all = digitsPipeline({
  data: {
    ...digitsPipeline().data as object,
    split: { validation: 0.2 },
    transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
  },
  network: { use: "mlp", shared: [16], light: [8], booster: [32] },
  losses: [
    ...digitsPipeline().losses as object[],
    {
      use: "fitnet",
      from: "booster.hidden1",
      to: "light.hidden1",
      weight: 0.1,
      schedule: { use: "delay", for: 3, unit: "steps", then: "ramp" },
    },
  ],
  optimizer: { use: "adam", learningRate: 0.01, schedule: "cosine" },
  train: { epochs: 2, batch: 250, baseline: "light-alone" },
  outputs: [{ use: "checkpoint", everySteps: 2 }],
});

/** A net whose batch norm keeps statistics. */
const withBatchNorm = digitsPipeline({
  network: { use: "./normed.ts" },
  train: { epochs: 2, batch: 359 },
  outputs: [{ use: "checkpoint", everySteps: 1 }],
});
const normed = {
  "normed.ts": `import { defineNetwork, layers as parts, tf, z } from "${pluginApi}";
const { batchNormalization, convolution, dense } = parts;
export default defineNetwork({
  name: "normed", summary: "A convolution and a batch norm.", options: z.object({}), batchNorm: true,
  create: (_options, { variables, units }) => {
    const net = (owner, to) => {
      const shape = { size: 3, from: 1, to, stride: 4, padding: 1 };
      const layers = [
        convolution(variables, owner + "/convolution", shape, owner),
        batchNormalization(variables, owner + "/norm", to, owner),
        (x) => tf.reshape(tf.relu(x), [-1, 4 * to]),
        dense(variables, owner + "/head", 4 * to, units, owner),
      ];
      return ({ image }, scope) => ({ logits: layers.reduce((x, layer) => layer(x, scope), image) });
    };
    return { light: net("light", 4), booster: net("booster", 8) };
  },
});
`,
};

/** A net with dropout on a table, which steps write to in place. */
const withTable = {
  ...digitsPipeline({
    network: { use: "./table.ts" },
    optimizer: { use: "adam", learningRate: 0.01 },
    train: { epochs: 2, batch: 179 },
    outputs: [{ use: "checkpoint", everySteps: 3 }],
  }),
  data: {
    train: { use: "arrow", path: join(dataFolder, "digits-train.arrow") },
    test: { use: "arrow", path: join(dataFolder, "digits-test.arrow") },
    features: { image: { shape: [64] } },
    label: "digit",
  },
};
const table = {
  "table.ts": `import { defineNetwork, ops, tf, z } from "${pluginApi}";
export default defineNetwork({
  name: "table", summary: "Pixels by their place and value.", options: z.object({}),
  create: (_options, { variables, units }) => {
    const places = variables.add({ name: "places", owner: "shared", table: true, shape: [64 * 17, 4],
      initializer: { kind: "normal", deviation: 0.1 } });
    const net = (owner, width) => {
      const kernel = variables.add({ name: owner + "/kernel", owner, shape: [256, width],
        initializer: { kind: "normal", deviation: 0.1 } });
      const head = variables.add({ name: owner + "/head", owner, shape: [width, units],
        initializer: { kind: "normal", deviation: 0.1 } });
      return ({ image }, scope) => {
        const place = tf.range(0, 64 * 17, 17, "int32");
        const ids = tf.add(tf.cast(image, "int32"), place);
        const found = tf.reshape(scope.lookup(places, ids), [-1, 256]);
        const rows = scope.training ? ops.dropout(found, 0.2, scope.seed("rows")) : found;
        return { logits: tf.matMul(tf.relu(tf.matMul(rows, scope.read(kernel))), scope.read(head)) };
      };
    };
    return { light: net("light", 8), booster: net("booster", 16) };
  },
});
`,
};

forEachEngine("a run that is killed at any step and resumed ends like an uninterrupted one", () =>
  // Before the first step; in the first epoch, at its end, in the second; in the light net alone.
  diesAndGoesOn(all, [0, 4, 6, 13, 20]));

forEachEngine(
  "a resumed run ends the same with an input thread",
  () => diesAndGoesOn(all, [9], {}, { inputThread: "always" }),
);

forEachEngine(
  "a resumed run continues with the statistics of batch norm",
  () => diesAndGoesOn(withBatchNorm, [2], normed),
);

/** TensorFlow runs a graph otherwise than op by op, and so few rows are not traced with fewer. */
forEachEngine("a resumed run ends the same with batches of a few rows", () =>
  diesAndGoesOn({
    ...all,
    train: { epochs: 1, batch: 7 },
    outputs: [{ use: "checkpoint", everySteps: 40 }],
  }, [50]));

forEachEngine(
  "a resumed run continues with tables and their slots",
  () => diesAndGoesOn(withTable, [4, 9, 15], table),
);

forEachEngine("a resumed run continues with tables whose rows are all updated", () => {
  const optimizer = { use: "adam", learningRate: 0.01, weightDecay: 0.01, tables: "exact" };
  return diesAndGoesOn({ ...withTable, optimizer }, [9], table);
});

forEachEngine("a run that is killed repeatedly ends the same", async () => {
  await withPipeline(all, async (file, folder) => {
    const out = join(folder, "died");
    for (let time = 0;; time++) {
      assert(time < 30);
      try {
        await runFile(file, out, current(), dyingAt(6), { resume: time > 0 });
        break;
      } catch (error) {
        if (!(error instanceof Death)) throw error;
      }
    }
    assertEquals(await endOf(out), await wholeEnd(file, all));
  });
});

/** Runs until some event, then asks the run to end. */
async function interruptedAt(
  file: string,
  out: string,
  hook: keyof Output,
  count: number,
  options: Partial<RunPlanOptions> = {},
): Promise<Interruption> {
  const controller = new AbortController();
  let left = count;
  const listener = { [hook]: () => void (--left === 0 && controller.abort()) };
  const run = () =>
    runFile(file, out, current(), listener, { signal: controller.signal, ...options });
  return await assertRejects(run, Interruption);
}

const plain = { ...all, outputs: [] };

forEachEngine(
  "a run that is interrupted writes a checkpoint even without the output checkpoint",
  async () => {
    await withPipeline(plain, async (file, folder) => {
      const whole = await runFile(file, join(folder, "whole"), current());
      for (
        const [hook, count, step] of [
          ["step", 2, "rocket-000002"],
          ["step", 5, "rocket-000005"],
          ["epoch", 1, "rocket-000005"],
          ["epoch", 2, "light-alone-000000"],
          ["step", 13, "light-alone-000003"],
        ] as const
      ) {
        const out = join(folder, `${hook}-${count}`);
        const { checkpoint } = await interruptedAt(file, out, hook, count);
        assertStringIncludes(checkpoint!, step);
        const resumed = await runFile(file, out, current(), {}, { resume: true });
        assertEquals(comparable(resumed), comparable(whole), out);
      }
    });
  },
);

/** Phases of one epoch each, of which the second begins with other weights or another optimizer. */
const boundaries: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  "the best weights": [{ name: "one", epochs: 2 }, { name: "two", epochs: 1, from: "best" }],
  "frozen variables": [
    { name: "one", epochs: 1, losses: [{ use: "cross-entropy", on: "booster" }] },
    { name: "two", epochs: 1, freeze: ["booster"] },
  ],
  "another optimizer": [
    { name: "one", epochs: 1 },
    { name: "two", epochs: 1, optimizer: { use: "sgd", learningRate: 0.1 } },
  ],
};

for (const [what, phases] of Object.entries(boundaries)) {
  forEachEngine(
    `a run that is interrupted between phases continues with ${what} of the next phase`,
    async () => {
      const { epochs: _, baseline: __, ...train } = all.train as Record<string, unknown>;
      const pipeline = { ...all, train, phases, outputs: [{ use: "checkpoint", everySteps: 2 }] };
      await withPipeline(pipeline, async (file, folder) => {
        const whole = join(folder, "whole"), out = join(folder, "run");
        const expected = await runFile(file, whole, current());
        const last = phases[0]!.epochs as number;
        const { checkpoint } = await interruptedAt(file, out, "epoch", last);
        assertStringIncludes(checkpoint!, `rocket-${String(5 * last).padStart(6, "0")}.`);
        const { metadata } = decodeSafetensors(await Deno.readFile(checkpoint!));
        assertEquals(metadata.phase, "one");
        const resumed = await runFile(file, out, current(), {}, { resume: true });
        assertEquals(comparable(resumed), comparable(expected));
        const weights = (folder: string) => Deno.readFile(checkpointsIn(folder)[0]!);
        assertEquals(await weights(out), await weights(whole));
      });
    },
  );
}

/** A metric of which the first epoch is the best one. */
const falls = {
  "falls.ts": `import { defineMetric, z } from "${pluginApi}";
let value = 0;
export default defineMetric({ name: "falls", summary: "Falls.", per: "run", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => --value }) }) });
`,
};

forEachEngine("the next phase does not start from damaged weights of the best epoch", async () => {
  const phases = boundaries["the best weights"]!;
  const { epochs: _, baseline: __, ...rest } = all.train as Record<string, unknown>;
  const pipeline = { ...all, phases, metrics: ["./falls.ts"], train: { ...rest, select: "falls" } };
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run"), best = join(out, "checkpoints", "best-one.safetensors");
    await interruptedAt(file, out, "epoch", 2);
    const bytes = await Deno.readFile(best);
    bytes[bytes.length - 5]! ^= 4;
    await Deno.writeFile(best, bytes);
    const resume = () => runFile(file, out, current(), {}, { resume: true });
    const { message } = await assertRejects(resume, UserError);
    assertMatch(message, /best-one\.safetensors, from which .* is damaged: its checksum differs$/);
  }, falls);
});

const comparable = ({ result: { test, best, steps, baseline } }: Ran) => [
  test,
  best,
  steps,
  baseline?.test,
  baseline?.best,
];

forEachEngine("a run that is interrupted during an evaluation repeats the evaluation", async () => {
  await withPipeline(plain, async (file, folder) => {
    const out = join(folder, "run"), whole = await runFile(file, join(folder, "whole"), current());
    // The losses of training are told of, and the first split is not measured any more.
    const { checkpoint } = await interruptedAt(file, out, "evaluation", 1);
    assertStringIncludes(checkpoint!, "rocket-000005");
    const starts: RunStartEvent[] = [];
    const resumed = await runFile(file, out, current(), {
      runStart: (event) => void starts.push(event),
    }, { resume: true });
    assertEquals(starts[0]!.resumed!.epochs, 0);
    assertEquals(comparable(resumed), comparable(whole));
  });
});

forEachEngine(
  "a checkpoint describes its own epoch, even if an earlier one has the same step",
  async () => {
    const pipeline = { ...plain, outputs: [{ use: "checkpoint", everySteps: 1 }] };
    await withPipeline(pipeline, async (file, folder) => {
      const out = join(folder, "run"), checkpoints = join(out, "checkpoints");
      const told = async (path: string) => {
        const { metadata } = decodeSafetensors(await Deno.readFile(path));
        return [metadata.epoch, metadata.metrics !== "{}"];
      };
      const { checkpoint } = await interruptedAt(file, out, "evaluation", 1);
      assertStringIncludes(checkpoint!, "rocket-000005-unmeasured");
      assertEquals(await told(checkpoint!), ["0", false]);
      const stop: Output = {
        step: () => {
          throw new Death();
        },
      };
      const resume = () => runFile(file, out, current(), stop, { resume: true });
      await assertRejects(resume, Death);
      assertEquals([...Deno.readDirSync(checkpoints)].map(({ name }) => name).sort(), [
        "best.json",
        "best.safetensors",
        "rocket-000004.json",
        "rocket-000004.safetensors",
        "rocket-000005.json",
        "rocket-000005.safetensors",
      ]);
      assertEquals(await told(join(checkpoints, "rocket-000005.safetensors")), ["1", true]);
      assertEquals(await told(join(checkpoints, "best.safetensors")), ["1", true]);
    });
  },
);

/** What a run of two epochs left that died in the second one, by engine: it is made once. */
const dead = new Map<string, Map<string, Uint8Array>>();

/** That run in a folder of its own, and what is done with it. */
function withRun(test: (file: string, out: string) => Promise<void>): Promise<void> {
  return withPipeline(all, async (file, folder) => {
    const out = join(folder, "run"), left = dead.get(current());
    if (left) {
      await Deno.mkdir(join(out, "checkpoints"), { recursive: true });
      for (const [name, bytes] of left) await Deno.writeFile(join(out, name), bytes);
    } else {
      await assertRejects(() => runFile(file, out, current(), dyingAt(11)), Death);
      dead.set(current(), filesOf(out));
    }
    await test(file, out);
  });
}

/** All files below a folder, by their paths in it. */
function filesOf(folder: string, within = ""): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { name, isDirectory } of Deno.readDirSync(join(folder, within))) {
    const path = join(within, name);
    if (!isDirectory) files.set(path, Deno.readFileSync(join(folder, path)));
    else for (const [inner, bytes] of filesOf(folder, path)) files.set(inner, bytes);
  }
  return files;
}

/** Newest first. */
const checkpointsIn = (out: string) =>
  [...Deno.readDirSync(join(out, "checkpoints"))].map(({ name }) => name)
    .filter((name) => name.startsWith("rocket-") && name.endsWith(".safetensors")).sort().reverse()
    .map((name) => join(out, "checkpoints", name));

forEachEngine("a damaged checkpoint is detected, and the one before it is used", async () => {
  const damages: Record<string, (path: string) => Promise<void>> = {
    "its checksum differs": async (path) => {
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 5]! ^= 4;
      await Deno.writeFile(path, bytes);
    },
    "bytes; expected": (path) => Deno.truncate(path, 1000),
    "its JSON file has": (path) => Deno.truncate(path.replace(".safetensors", ".json"), 100),
    "JSON file has a wrong checksum": (path) =>
      Deno.writeTextFile(path.replace(".safetensors", ".json"), "{}"),
    // A number that is another number, which nothing but a hash can tell.
    "has a wrong checksum": async (path) => {
      const json = path.replace(".safetensors", ".json");
      const text = await Deno.readTextFile(json);
      const changed = text.replace(/("rows": \d*)(\d)/, (_, start, last) => start + (last ^ 1));
      assert(changed !== text);
      await Deno.writeTextFile(json, changed);
    },
  };
  for (const [words, damage] of Object.entries(damages)) {
    await withRun(async (file, out) => {
      const [newest, before] = checkpointsIn(out);
      await damage(newest!);
      const reports: string[] = [];
      const report = (line: string) => void reports.push(line);
      // Which one is taken shows before the first step.
      const resume = () => runFile(file, out, current(), dyingAt(0), { resume: true, report });
      await assertRejects(resume, Death);
      const said = reports.find((line) => line.includes("is damaged"));
      assertStringIncludes(said!, newest!);
      assertStringIncludes(said!, words);
      assert(reports.some((line) => line.includes(`from ${before}`)));
      await Deno.stat(`${newest}.damaged`);
    });
  }
});

forEachEngine(
  "a run without a checkpoint starts from scratch when it is resumed, and logs it",
  async () => {
    await withRun(async (file, out) => {
      await Deno.remove(join(out, "checkpoints"), { recursive: true });
      const reports: string[] = [];
      const report = (line: string) => void reports.push(line);
      await runFile(file, out, current(), {}, { resume: true, report });
      assert(reports.includes("the run has no checkpoint yet: it starts from scratch"));
      assertEquals(await endOf(out), await wholeEnd(file, all));
    });
  },
);

forEachEngine("partly written files of a killed process are removed", async () => {
  await withRun(async (file, out) => {
    const draft = `.rocket-000009.safetensors.${crypto.randomUUID()}`;
    const path = join(out, "checkpoints", draft);
    await Deno.writeTextFile(path, "half of i");
    const other = join(out, `.metrics.jsonl.${crypto.randomUUID()}`);
    await Deno.writeTextFile(other, "half of i");
    await Deno.writeTextFile(join(out, "metrics.jsonl"), `{"epoch":1,"st`, { append: true });
    await runFile(file, out, current(), {}, { resume: true });
    for (const left of [path, other]) {
      await assertRejects(() => Deno.stat(left), Deno.errors.NotFound);
    }
    await endOf(out);
  });
});

forEachEngine("a run is not resumed with another seed, other nets or other rows", async () => {
  await withRun(async (file, out) => {
    const text = await Deno.readTextFile(file);
    const refused = async (from: string, to: string, words: string) => {
      assertStringIncludes(text, from);
      await Deno.writeTextFile(file, text.replace(from, to));
      const resume = () => runFile(file, out, current(), {}, { resume: true });
      assertStringIncludes((await assertRejects(resume, UserError)).message, words);
    };
    await refused("seed: 1", "seed: 2", "seed cannot change when a run is resumed: it was 1");
    await refused("use: adam", "use: sgd", "optimizer.use cannot change");
    await refused("batch: 250", "batch: 25", "train.batch cannot change");
    await refused("batch: 250", "batch: 250\n  lastBatch: drop", "train.lastBatch cannot change");
    await refused("data:", "data:\n  rows: 100", "data.rows cannot change");
    await refused("data:", "data:\n  nulls: { fill: 1 }", "data.nulls cannot change");
    await refused("use: arrow", "use: csv\n    nullValues: [a]", "data.train.use cannot change");
    await refused("epochs: 2", "epochs: 1", "is from epoch 2, but `epochs` is 1");
    await refused("digits-train", "digits-test", "had 1,150 rows and now has");
  });
});

forEachEngine("a finished run can be made longer, and its learning rate may change", async () => {
  await withPipeline(all, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, current());
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      text.replace("epochs: 2", "epochs: 3").replace("learningRate: 0.01", "learningRate: 0.001"),
    );
    const rates: number[] = [];
    const { result } = await runFile(file, out, current(), {
      step: ({ learningRate }) => void rates.push(learningRate),
    }, { resume: true });
    assertEquals([result.epochs, result.steps, rates.length], [3, 15, 10]);
    assert(rates.every((learningRate) => learningRate <= 0.001));
    const { pipeline } = JSON.parse(await Deno.readTextFile(join(out, "pipeline.json")));
    assertEquals(pipeline.train.epochs, 3);
  });
});

forEachEngine(
  "a checkpoint whose weights have another position than its JSON file is refused",
  () =>
    withRun(async (file, out) => {
      const json = checkpointsIn(out)[0]!.replace(/\.safetensors$/, ".json");
      const content = decodeContent(await Deno.readTextFile(json));
      const { position } = content, start = { ...position.start, optimizerSteps: 1 };
      const changed = { ...content, position: { ...position, start } };
      await Deno.writeTextFile(json, encodeContent(changed));
      const error = await assertRejects(
        () => runFile(file, out, current(), {}, { resume: true }),
        UserError,
      );
      assertMatch(
        error.message,
        /contradicts its JSON file: its optimizerSteps is 8; expected 9$/,
      );
    }),
);

forEachEngine("old checkpoints are removed, and others are kept", async () => {
  const outputs = [{ use: "checkpoint", everySteps: 1, keep: 3, keepEvery: 1 }];
  const pipeline = { ...all, train: { epochs: 3, batch: 250 }, outputs };
  await withPipeline(pipeline, async (file, folder) => {
    await runFile(file, join(folder, "run"), current());
    const names = [...Deno.readDirSync(join(folder, "run", "checkpoints"))].map(({ name }) => name);
    assertEquals(
      names.filter((name) => /^rocket-.*\.json$/.test(name)).sort(),
      // The ends of epochs stay, and of the others those that were among the latest three.
      [5, 10, 13, 14, 15].map((step) => `rocket-${String(step).padStart(6, "0")}.json`),
    );
    assert(names.includes("best.safetensors"));
  });
});

forEachEngine(
  "weights of a checkpoint that was removed or written in part are removed",
  async () => {
    const pipeline = (epochs: number) => ({
      ...all,
      ...{ train: { epochs, batch: 250 }, outputs: [{ use: "checkpoint", keep: 1 }] },
    });
    await withPipeline(pipeline(1), async (file, folder) => {
      const out = join(folder, "run"), checkpoints = join(out, "checkpoints");
      await runFile(file, out, current());
      const strays = ["rocket-000002", "light-alone-000009", "rocket-000003-unmeasured"];
      for (const name of [...strays, "own", "own-000001"]) {
        await Deno.writeTextFile(join(checkpoints, `${name}.safetensors`), "");
      }
      await Deno.writeTextFile(file, JSON.stringify(pipeline(2)));
      await runFile(file, out, current(), {}, { resume: true });
      const names = [...Deno.readDirSync(checkpoints)].map(({ name }) => name);
      assertEquals(
        names.filter((name) => /^(own|.*0\d\d\d\d).*\.safetensors$/.test(name)).sort(),
        ["own-000001.safetensors", "own.safetensors", "rocket-000010.safetensors"],
      );
    });
  },
);

/** A loss that is not finite in the steps after one, as long as the rate is not lower. */
const failing = (after: string) => ({
  "failing.ts": `import { defineOptimizer, tf, z } from "${pluginApi}";
export default defineOptimizer({
  name: "failing", summary: "Goes wrong.", options: z.object({}), slots: {},
  create: () => ({ value, gradient, learningRate, step }) => {
    const wrong = tf.logicalAnd(tf.equal(step, ${after}), tf.greaterEqual(learningRate, 0.1));
    const factor = tf.where(wrong, tf.scalar(NaN), learningRate);
    return { value: tf.sub(value, tf.mul(gradient, factor)), slots: {} };
  },
});
`,
});

/** How a run goes whose weights become NaN in its seventh step. */
const wrong = (nonFinite: string, everySteps = 2, after = "7") =>
  [{
    ...digitsPipeline({
      optimizer: { use: "./failing.ts", learningRate: 0.1 },
      train: { epochs: 2, batch: 250, nonFinite },
      outputs: [{ use: "checkpoint", everySteps }],
    }),
  }, failing(after)] as const;

forEachEngine("nonFinite: stop names the loss, the step and the last good checkpoint", async () => {
  const [pipeline, files] = wrong("stop");
  await withPipeline(pipeline, async (file, folder) => {
    const run = () => runFile(file, join(folder, "run"), current());
    const { message } = await assertRejects(run, UserError);
    assertStringIncludes(message, "before the batch at step 8 (epoch 2)");
    assertStringIncludes(message, "the last good checkpoint is ");
    assertStringIncludes(message, "rocket-000006.safetensors");
  }, files);
});

forEachEngine(
  "nonFinite: stop names an intact checkpoint, which may be best.safetensors",
  async () => {
    const [pipeline, files] = wrong("stop", 5, "9");
    await withPipeline(pipeline, async (file, folder) => {
      const out = join(folder, "run"), checkpoints = join(out, "checkpoints");
      /**
       * What is called the last good one when all numbered ones have lost a bit, and perhaps the
       * best one.
       */
      const good = async (event: number, damaged: readonly string[]) => {
        const damage = ({ step }: { step: number }) => {
          if (step !== event) return;
          for (const { name } of Deno.readDirSync(checkpoints)) {
            if (
              !damaged.some((start) => name.startsWith(start)) || name.endsWith(".json")
            ) continue;
            // Another file: the best one shares its bytes with its first name.
            const bytes = Deno.readFileSync(join(checkpoints, name));
            bytes[bytes.length - 5]! ^= 4;
            Deno.removeSync(join(checkpoints, name));
            Deno.writeFileSync(join(checkpoints, name), bytes);
          }
        };
        await Deno.remove(out, { recursive: true }).catch(() => {});
        const run = () => runFile(file, out, current(), { step: damage });
        return (await assertRejects(run, UserError)).message;
      };
      assertStringIncludes(
        await good(8, ["rocket-"]),
        "good checkpoint is " + join(checkpoints, "best"),
      );
      assertEquals((await good(8, ["rocket-", "best"])).includes("good checkpoint is"), false);
    }, files);
  },
);

forEachEngine("nonFinite: stop writes no checkpoint that is not finite", async () => {
  const [pipeline, files] = wrong("stop", 7);
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { message } = await assertRejects(() => runFile(file, out, current()), UserError);
    assertStringIncludes(message, "the optimizer has made ");
    assertEquals(checkpointsIn(out).length, 1);
    assertEquals([...Deno.readDirSync(join(out, "checkpoints"))].map(({ name }) => name).sort(), [
      "best.json",
      "best.safetensors",
      "rocket-000006.json",
      "rocket-000006.safetensors",
    ]);
  }, files);
});

forEachEngine(
  "nonFinite: back continues from the last checkpoint with half the learning rate",
  async () => {
    const [pipeline, files] = wrong("back");
    await withPipeline(pipeline, async (file, folder) => {
      const out = join(folder, "run"), rates: [number, number][] = [], starts: RunStartEvent[] = [];
      const listener: Output = {
        runStart: (event) => void starts.push(event),
        step: ({ step, learningRate }) => void rates.push([step, learningRate]),
      };
      const { result, reports } = await runFile(file, out, current(), listener);
      assertEquals(starts.map(({ resumed }) => resumed?.step), [undefined, 6]);
      const before = [1, 2, 3, 4, 5, 6, 7].map((step) => [step, 0.1]);
      const after = [7, 9, 10, 11, 12].map((step) => [step, 0.05]);
      assertEquals(rates, [...before, ...after]);
      assertEquals(result.steps, 12);
      assert(reports.some((line) => line.includes("back to the checkpoint after step 6")));
      const lines = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n");
      assertEquals(lines.map((line) => JSON.parse(line).epoch), [1, 1, 2, 2]);
      // One that died after it had gone back comes to the same end.
      const died = join(folder, "died");
      await assertRejects(() => runFile(file, died, current(), dyingAt(12)), Death);
      await runFile(file, died, current(), {}, { resume: true });
      assertEquals(await endOf(died), await endOf(out));
    }, files);
  },
);

/** A loss that is finite, and has no gradient in batches whose first label is one. */
const trap = {
  "trap.ts": `import { defineLoss, tf, z } from "${pluginApi}";
export default defineLoss({
  name: "trap", summary: "Has no gradient now and then.", form: "task", options: z.object({}),
  create: () => (output, label) => {
    const factor = tf.cast(tf.notEqual(tf.slice(label, [0], [1]), 2), "float32");
    return tf.sum(tf.sqrt(tf.mul(tf.square(output), factor)), -1);
  },
});
`,
};

forEachEngine(
  "nonFinite: back skips batches whose gradients are not finite although the loss is",
  async () => {
    const pipeline = digitsPipeline({
      losses: [
        ...digitsPipeline().losses as object[],
        { use: "./trap.ts", on: "light", weight: 1e-3 },
      ],
      train: { epochs: 2, batch: 128, nonFinite: "back" },
      outputs: [{ use: "checkpoint", everySteps: 4 }],
    });
    await withPipeline(pipeline, async (file, folder) => {
      const out = join(folder, "run"), norms: number[] = [];
      const { result, reports } = await runFile(file, out, current(), {
        step: ({ loss, gradientNorm }) => void norms.push(loss, gradientNorm),
      });
      const back = reports.filter((line) => line.includes("goes back to "));
      assert(back.length > 0, "no batch is of the kind");
      for (const line of back) {
        assertStringIncludes(line, "the loss trap(light) has a gradient that is not finite");
      }
      assert(norms.every(Number.isFinite));
      assertEquals([result.steps, result.skipped], [24, 0]);
      const died = join(folder, "died");
      await assertRejects(
        () => runFile(file, died, current(), dyingAt(norms.length / 2 - 3)),
        Death,
      );
      await runFile(file, died, current(), {}, { resume: true });
      assertEquals(await endOf(died), await endOf(out));
    }, trap);
  },
);

forEachEngine(
  "nonFinite: back returns to the start without a checkpoint, and gives up after 3 rollbacks",
  async () => {
    // Wrong whatever the learningRate: half of it, half of that, half of that.
    const [pipeline, files] = wrong("back", 100, "2");
    const always = { "failing.ts": files["failing.ts"].replace("0.1)", "0)") };
    await withPipeline({ ...pipeline, outputs: [] }, async (file, folder) => {
      const reports: string[] = [];
      const run = () =>
        runFile(file, join(folder, "run"), current(), {}, { report: (line) => reports.push(line) });
      const { message } = await assertRejects(run, UserError);
      assertStringIncludes(message, "(after 3 rollbacks)");
      const back = reports.filter((line) => line.includes("back to the start"));
      assertEquals(back.length, 3, reports.join("\n"));
    }, always);
  },
);

forEachEngine(
  "a checkpoint that cannot be written ends the run, and the one before it is kept",
  async () => {
    await withPipeline(all, async (file, folder) => {
      const out = join(folder, "run"), checkpoints = join(out, "checkpoints");
      const run = () =>
        runFile(file, out, current(), {
          // A folder stands in the way of the second one.
          runStart: () =>
            Deno.mkdir(join(checkpoints, "rocket-000004.safetensors", "x"), {
              recursive: true,
            }),
        });
      const { message } = await assertRejects(run, UserError);
      assertStringIncludes(message, "rocket-000004.safetensors cannot be written: ");
      await Deno.remove(join(checkpoints, "rocket-000004.safetensors"), { recursive: true });
      assertEquals([...Deno.readDirSync(checkpoints)].map(({ name }) => name).sort(), [
        "rocket-000002.json",
        "rocket-000002.safetensors",
      ]);
      const starts: RunStartEvent[] = [];
      const listener = { runStart: (event: RunStartEvent) => void starts.push(event) };
      await runFile(file, out, current(), listener, { resume: true });
      assertEquals(starts[0]!.resumed!.step, 2);
    });
  },
);
