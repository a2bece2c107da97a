import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { createRandom } from "../../src/base/random.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { pluginApi } from "../support/pipelines.ts";
import { arrowFile, type Column } from "../corpus/small_rows.ts";
import { type Process, startCluster } from "./processes.ts";

/** There are no signals and no native engine on Windows. */
const ignore = Deno.build.os === "windows";

const ROWS = 45, BATCH = 20, EPOCHS = 12, STEPS_PER_EPOCH = Math.ceil(ROWS / BATCH);

/** The number of rows of which a loss term tells whether they are in a batch: exact in float32. */
const ROWS_PER_TERM = 15;

/** A loss whose mean tells the rows of a batch: row n, whose label is n, contributes 2^(n − first). */
const bits = `
import { defineLoss, tf, z } from "${pluginApi}";

export default defineLoss({
  name: "bits",
  summary: "Tells which rows are in a batch.",
  form: "task",
  options: z.object({ first: z.number() }),
  create: ({ first }) => (output, label) => {
    const bit = tf.sub(label, first);
    const isOwn = tf.logicalAnd(tf.greaterEqual(bit, 0), tf.less(bit, ${ROWS_PER_TERM}));
    const codes = tf.where(isOwn, tf.pow(2, bit), tf.zerosLike(bit));
    return tf.add(codes, tf.mul(tf.sum(output, 1), 0));
  },
});
`;

/** An output that appends the step's losses to a file, and leaves time to kill a process. */
const trace = `
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { defineOutput, z } from "${pluginApi}";

export default defineOutput({
  name: "trace",
  summary: "Lists the steps.",
  options: z.object({}),
  create: (_options, { folder }) => ({
    async step({ step, losses }) {
      await appendFile(join(folder, "trace.jsonl"), JSON.stringify({ step, losses }) + "\\n");
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  }),
});
`;

function writePipeline(folder: string): void {
  const numbers = Array.from({ length: ROWS }, (_, row) => row);
  const columns: Record<string, Column> = {
    user: ["int", numbers.map((row) => row * 7 % 23)],
    n: ["float", numbers],
  };
  Deno.writeFileSync(join(folder, "rows.arrow"), arrowFile(columns));
  Deno.writeTextFileSync(join(folder, "bits.ts"), bits);
  Deno.writeTextFileSync(join(folder, "trace.ts"), trace);
  const terms = Array.from({ length: ROWS / ROWS_PER_TERM }, (_, term) => term * ROWS_PER_TERM);
  Deno.writeTextFileSync(
    join(folder, "p.yaml"),
    `name: rows
data:
  train: { use: arrow, path: rows.arrow }
  test: { use: arrow, path: rows.arrow }
  features: { user: { ids: { hash: 50 } } }
  label: { column: n, kind: number }
network: { use: ctr, embedding: 4, light: { hidden: [4] }, booster: { hidden: [4] } }
losses:
  - { use: mean-squared-error, on: light }
${
      terms.map((first) => `  - { use: ./bits.ts, name: b${first}, on: light, first: ${first} }`)
        .join("\n")
    }
optimizer: { use: adam, learningRate: 0.01 }
train: { epochs: ${EPOCHS}, batch: ${BATCH}, baseline: none }
metrics: [root-mean-squared-error]
outputs:
  - { use: checkpoint, everySteps: 2 }
  - ./trace.ts
`,
  );
}

/** The rows of the batches of a run in order. A resumed run may have taken a step several times. */
function tracedRows(out: string): { readonly steps: number[][]; readonly repeated: number } {
  const steps: number[][] = [];
  let repeated = 0;
  for (const line of Deno.readTextFileSync(join(out, "trace.jsonl")).trimEnd().split("\n")) {
    const { step, losses } = JSON.parse(line) as Traced;
    const rows = rowsOf(losses, (step - 1) % STEPS_PER_EPOCH);
    if (steps[step - 1]) {
      repeated++;
      assertEquals(rows, steps[step - 1], `step ${step} again`);
    }
    steps[step - 1] = rows;
  }
  return { steps, repeated };
}

interface Traced {
  readonly step: number;
  readonly losses: Readonly<Record<string, number>>;
}

function rowsOf(losses: Traced["losses"], batch: number): number[] {
  const size = Math.min(BATCH, ROWS - batch * BATCH), rows: number[] = [];
  for (let first = 0; first < ROWS; first += ROWS_PER_TERM) {
    const code = Math.round(losses[`b${first}`]! * size);
    for (let bit = 0; bit < ROWS_PER_TERM; bit++) if (code >> bit & 1) rows.push(first + bit);
  }
  assertEquals(rows.length, size, "a row counts more or less than once");
  return rows;
}

/** Kills a process as soon as the run has taken a number of steps more. */
async function killAfter(
  count: number,
  out: string,
  processes: readonly Process[],
  victim: number,
): Promise<void> {
  const lines = async () =>
    (await Deno.readTextFile(join(out, "trace.jsonl")).catch(() => "")).split("\n").length;
  // The processes before may have taken some steps after the last look.
  const before = await lines();
  const ended = Promise.all(processes.map(({ ended }) => ended));
  let isOver = false;
  ended.then(() => isOver = true);
  while (!isOver) {
    if (await lines() >= before + count) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert(!isOver, "the run was over before a process was killed");
  try {
    processes[victim]!.kill("SIGKILL");
  } catch (error) {
    const told = (await ended).map(({ code, stderr }) => `${code}: ${stderr}`);
    throw new Error(told.join("\n"), { cause: error });
  }
  const others = (await ended).filter((_, index) => index !== victim);
  for (const { code, stderr } of others) assertEquals(code, 75, stderr);
}

Deno.test({
  name: "4 processes killed at random, resumed as 2 and as 3, take each row of each epoch once",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writePipeline(folder);
      const native = ["--engine", "native"];
      const alone = await rocket(["p.yaml", "--out", "alone", ...native], { cwd: folder });
      assertEquals(alone.code, 0, alone.stderr);
      const { steps: expected } = tracedRows(join(folder, "alone"));
      const all = Array.from({ length: ROWS }, (_, row) => row);
      for (let epoch = 0; epoch < EPOCHS; epoch++) {
        const taken = expected.slice(epoch * STEPS_PER_EPOCH, (epoch + 1) * STEPS_PER_EPOCH);
        assertEquals(taken.flat().toSorted((one, other) => one - other), all, `epoch ${epoch + 1}`);
      }

      const seed = Math.floor(Math.random() * 1e6), random = createRandom(seed);
      const out = join(folder, "run");
      const four = startCluster(4, ["p.yaml", "--out", "run"], folder);
      await killAfter(random.integer(4, 10), out, four, random.integer(0, 3));
      const two = startCluster(2, ["resume", "run"], folder);
      await killAfter(random.integer(4, 10), out, two, random.integer(0, 1));
      const three = await Promise.all(
        startCluster(3, ["resume", "run"], folder).map(({ ended }) => ended),
      );
      assertEquals(three.map(({ code }) => code), [0, 0, 0], three[0]!.stderr);
      assertEquals(tracedRows(out).steps, expected, `seed ${seed}`);
    }),
});
