import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readPlan } from "../../src/run/read_plan.ts";
import { formatProblem } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import type { Batch } from "../../src/stages/batch.ts";
import { type BatchAddress, BatchMaker, type Pass } from "../../src/input/batches.ts";
import { type Feed, Input, type InputOptions } from "../../src/input/input.ts";
import { openInput } from "../../src/input/open.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import type { Rows } from "../../src/input/rows.ts";
import { TransformChain } from "../../src/input/transforms.ts";
import { digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";

/** A transform in a file beside the pipeline; `apply` is the body of its function. */
const mine = (apply: string) => ({
  "mine.ts": `import { defineTransform, z } from "${pluginApi}";
export default defineTransform({
  name: "mine", summary: "A transform.", options: z.object({}),
  create: (_options, { features }) => ({ features, apply(batch, { random }) { ${apply} } }),
});
`,
});

const augmented = [
  { use: "normalize" },
  { use: "horizontal-flip" },
  { use: "random-crop", pad: 2 },
];

const digits = (transforms: unknown[]) => {
  const pipeline = digitsPipeline();
  return {
    ...pipeline,
    data: { ...pipeline.data as object, split: { validation: 0.1 }, transforms },
  };
};

const passes: readonly Pass[] = [1, 2].flatMap((epoch) => [
  { split: "train", training: true, epoch, size: 128, last: "keep" },
  { split: "validation", training: false, epoch: 0, size: 100, last: "keep" },
  { split: "test", training: false, epoch: 0, size: 100, last: "keep" },
]);

/** What is done with an input. */
interface Opened {
  readonly input: Input;
  readonly maker: BatchMaker;
  readonly reports: readonly string[];
}

/** Opens the input of a pipeline for a test. */
async function withInput<T>(
  pipeline: string | Pipeline,
  options: Pick<InputOptions, "thread" | "worth">,
  test: (opened: Opened) => Promise<T>,
): Promise<T> {
  const plan = await readPlan(pipeline);
  const data = await prepareData(plan);
  const reports: string[] = [];
  const input = openInput(data, { ...options, report: (line) => reports.push(line) });
  try {
    const maker = new BatchMaker(data.splits, data.transforms, plan.seed);
    return await test({ input, maker, reports });
  } finally {
    input.close();
    await data.close();
  }
}

/** The same, of a pipeline that is written to a file, with a transform of one's own beside it. */
const withFile = (
  transforms: unknown[],
  options: Pick<InputOptions, "thread" | "worth">,
  test: (opened: Opened) => Promise<void>,
  files: Readonly<Record<string, string>> = {},
) => withPipeline(digits(transforms), (file) => withInput(file, options, test), files);

/** Takes all batches of the passes. */
async function all({ input, maker }: Opened, each?: () => Promise<void>): Promise<Batch[]> {
  const feed = input.feed(passes);
  const batches: Batch[] = [];
  for (const pass of passes) {
    for (let batch = 0; batch < maker.count(pass); batch++) {
      batches.push(await feed.next());
      await each?.();
    }
  }
  await assertRejects(() => feed.next(), RangeError, "all batches of the job were taken");
  return batches;
}

/** What the maker makes of the passes in this thread. */
const expected = ({ maker }: Opened) =>
  Promise.all(
    passes.flatMap((pass) => [...maker.addresses(pass)]).map((address) => maker.make(address)),
  );

const ownThread = "input: a thread makes the batches ahead of the steps";

const noise = mine(`
  const { values, shape } = batch.features.image;
  const image = { values: Float32Array.from(values, (value) => value + random.uniform()), shape };
  return { ...batch, features: { ...batch.features, image } };
`);

for (const thread of ["always", "never"] as const) {
  Deno.test(`Feed returns the batches of all addresses in order, thread: ${thread}`, () =>
    withFile([...augmented, { use: "./mine.ts" }], { thread }, async (opened) => {
      const batches = await all(opened);
      assertEquals(batches, await expected(opened));
      assertEquals(opened.reports, thread === "always" ? [ownThread] : []);
    }, noise));
}

Deno.test("BatchMaker makes a batch from its address alone", () =>
  withFile(augmented, { thread: "never" }, async (opened) => {
    const addresses = passes.flatMap((pass) => [...opened.maker.addresses(pass)]);
    const backwards: Batch[] = [];
    for (const address of addresses.toReversed()) {
      backwards.push(await opened.maker.make(address));
    }
    assertEquals(backwards.toReversed(), await expected(opened));
  }));

Deno.test("Input starts a thread when it saves time, and the thread takes over between batches", () => {
  const worth = { milliseconds: 0, share: 0 };
  return withFile(augmented, { thread: "auto", worth }, async (opened) => {
    const { input } = opened;
    // If the other thread cannot start, there is a second report.
    const batches = await all(opened, async () => {
      while (!await input.worker() && opened.reports.length === 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    assert(await input.worker(), "no thread was started");
    assertEquals(opened.reports, [ownThread]);
    assertEquals(batches, await expected(opened));
  });
});

Deno.test("Input starts a thread early if the rest of a pass will take long enough", () => {
  const slow = mine(`
    const end = performance.now() + 5;
    while (performance.now() < end);
    return batch;
  `);
  // Three batches take 15 ms or more, and the 12 batches of the first pass 60 ms or more.
  const worth = { milliseconds: 50, share: 0 };
  return withFile([{ use: "./mine.ts" }], { thread: "auto", worth }, async (opened) => {
    const reports: number[] = [], feed = opened.input.feed(passes);
    for (let taken = 1; taken <= 4; taken++) {
      await feed.next();
      reports.push(opened.reports.length);
    }
    assertEquals(reports, [0, 0, 0, 1]);
  }, slow);
});

Deno.test("Input starts no thread for batches that take little time", async () => {
  const seldom = { milliseconds: Infinity, share: 0 }, little = { milliseconds: 0, share: 2 };
  for (const worth of [seldom, little]) {
    await withFile(augmented, { thread: "auto", worth }, async (opened) => {
      await all(opened);
      assertEquals(opened.reports, []);
    });
  }
});

Deno.test("Feed requests at most three batches ahead", () =>
  withFile(augmented, { thread: "always" }, async ({ input }) => {
    let asked = 0;
    function* counted(): Iterable<Pass> {
      while (true) {
        asked++;
        yield { split: "test", training: false, epoch: 0, size: 1000, last: "keep" };
      }
    }
    const feed = input.feed(counted());
    for (let taken = 1; taken < 10; taken++) {
      await feed.next();
      assertEquals(asked, taken + 3);
    }
  }));

/** A maker of batches that do nothing but say their numbers. */
class Numbers extends BatchMaker {
  constructor(rows: number) {
    super({ train: { rows } as Rows }, TransformChain.of([], {}), 1);
  }

  override make({ batch }: BatchAddress): Promise<Batch> {
    const label = { values: Float64Array.of(batch) as unknown as Float32Array, shape: [] };
    return Promise.resolve({ size: 1, features: {}, label });
  }
}

const numberOf = ({ label }: Batch) => label.values[0]!;

/** A feed of a pass over some rows, with a row in each batch. */
function feedOf(rows: number, skip = 0, more: Partial<Pass> = {}): Feed {
  const pass = {
    split: "train",
    training: true,
    epoch: 1,
    size: 1,
    last: "keep",
    ...more,
  } as const;
  const input = new Input(new Numbers(rows), {
    thread: "never",
    setup: () => "no thread",
    report: () => {},
  });
  return input.feed([pass], skip);
}

Deno.test("Feed takes all batches of an epoch with 200,000 batches", async () => {
  const feed = feedOf(200_000);
  for (let batch = 0; batch < 200_000; batch++) {
    const number = numberOf(await feed.next());
    if (number !== batch) assertEquals(number, batch);
  }
  await assertRejects(() => feed.next(), RangeError, "all batches of the job were taken");
});

Deno.test("Feed starts an epoch of a trillion batches anywhere, without a list of its batches", async () => {
  assertEquals(numberOf(await feedOf(1e12).next()), 0);
  const feed = feedOf(1e12, 1e12 - 2);
  assertEquals([numberOf(await feed.next()), numberOf(await feed.next())], [1e12 - 2, 1e12 - 1]);
  await assertRejects(() => feed.next(), RangeError, "all batches of the job were taken");
});

Deno.test("BatchMaker divides the batches of a pass evenly over the processes of a cluster", () => {
  for (const rows of [0, 1, 2, 3, 7]) {
    const maker = new Numbers(rows);
    const parts = [0, 1, 2].map((index): Pass => ({
      ...passes[0]!,
      size: 1,
      every: { index, count: 3 },
    }));
    const numbers = parts.map((pass) => Array.from(maker.addresses(pass), ({ batch }) => batch));
    assertEquals(parts.map((pass) => maker.count(pass)), numbers.map(({ length }) => length));
    assertEquals(
      numbers,
      [0, 1, 2].map((index) =>
        Array.from({ length: rows }, (_, row) => row).filter((row) => row % 3 === index)
      ),
    );
    assertEquals([...maker.addresses(parts[0]!, 1)], [...maker.addresses(parts[0]!)].slice(1));
  }
});

const failing: readonly (readonly [what: string, apply: string, message: string])[] = [
  ["throws", `if (batch.size < 128) throw new Error("no idea"); return batch;`, "Error: no idea"],
  ["loses rows", `return batch.size < 128 ? { ...batch, size: 1 } : batch;`, "returned 1 row for"],
];

for (const [what, apply, message] of failing) {
  Deno.test(`Feed throws the same error for a transform that ${what}, in either thread`, async () => {
    const errors: StageError[] = [];
    const files = mine(apply);
    await withPipeline(digits([{ use: "./mine.ts", on: "training" }]), async (file) => {
      for (const thread of ["never", "always"] as const) {
        await withInput(file, { thread }, async (opened) => {
          errors.push(await assertRejects(() => all(opened), StageError, message));
        });
      }
    }, files);
    const [here, there] = errors as [StageError, StageError];
    assertEquals(there.problems.map(formatProblem), here.problems.map(formatProblem));
    assertEquals(there.stage, here.stage);
    assert(there.problems[0]!.place?.line, "it has no place");
    assertEquals((there.cause as Error | undefined)?.message, (here.cause as Error)?.message);
  });
}

Deno.test("Feed continues without the thread if only the thread fails", () =>
  withFile(
    [...augmented, { use: "./mine.ts" }],
    { thread: "always" },
    async (opened) => {
      assertEquals(await all(opened), await expected(opened));
      assertEquals(opened.reports.length, 2);
      assertEquals(
        opened.reports[1],
        'input: batches are made between the steps, without a thread: the transform stage "./mine.ts" failed in ' +
          "apply(): Error: no threads here",
      );
    },
    mine(`
    if (typeof WorkerGlobalScope !== "undefined" && batch.size === 100) {
      throw new Error("no threads here");
    }
    return batch;
  `),
  ));

Deno.test("Feed is not affected by a transform that reuses the arrays that it returned", () =>
  withFile([{ use: "./mine.ts" }], { thread: "always" }, async (opened) => {
    assertEquals(
      await all(opened),
      (await expected(opened)).map((batch) => structuredClone(batch)),
    );
  }, {
    "mine.ts": `import { defineTransform, z } from "${pluginApi}";
const seven = new Float32Array(128 * 64).fill(7);
export default defineTransform({
  name: "mine", summary: "Sevens.", options: z.object({}),
  create: (_options, { features }) => ({ features, apply: (batch) => ({
    ...batch, features: { image: { values: seven.subarray(0, batch.size * 64), shape: [8, 8, 1] } },
  }) }),
});
`,
  }));

Deno.test("Input makes batches without a thread if a stage is not in a file", () =>
  withPipeline({}, async (_file, folder) => {
    const { default: stage } = await import(pathToFileURL(join(folder, "mine.ts")).href);
    const pipeline = digits([...augmented, { use: stage }]) as unknown as Pipeline;
    await withInput(pipeline, { thread: "always" }, async (opened) => {
      assertEquals(await all(opened), await expected(opened));
      assertEquals(opened.reports, [
        "input: batches are made between the steps, without a thread: the stage mine is not in a file that a thread can load",
      ]);
    });
  }, noise));

Deno.test("Input ends its thread when it is closed, and requested batches are rejected", () =>
  withFile(augmented, { thread: "always" }, async ({ input, maker }) => {
    const [address] = maker.addresses(passes[0]!);
    const worker = await input.worker();
    const batch = worker!.ask(address!);
    input.close();
    await assertRejects(() => batch, Error, "the thread was ended");
    await assertRejects(() => worker!.ask(address!), Error, "the thread was ended");
  }));
