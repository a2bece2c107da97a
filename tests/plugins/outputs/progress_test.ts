import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import type { JobName, Metrics, StepEvent } from "../../../src/stages/events.ts";
import type { Output } from "../../../src/stages/output.ts";
import progress from "../../../plugins/outputs/progress.ts";
import { widthOf } from "../../../src/base/text_width.ts";
import { checkStage } from "../../../testing.ts";
import { epochEnd, make, result, runStart, splits } from "./support.ts";

/** What was written to each stream. */
interface Written {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Catches what is written to the streams while some work runs, as if they led to a terminal or not.
 */
async function captured(terminal: boolean, work: () => void | Promise<void>): Promise<Written> {
  const written = { stdout: "", stderr: "" };
  const { error, log } = console;
  const { isTerminal } = Deno.stderr;
  const streams = [process.stdout, process.stderr];
  const writes = streams.map(({ write }) => write);
  const catching = (name: keyof Written) => (chunk: unknown) => {
    written[name] += String(chunk);
    return true;
  };
  const shown = { isTTY: terminal, columns: 80 };
  const before = Object.keys(shown).map((name) =>
    [name, Object.getOwnPropertyDescriptor(process.stderr, name)] as const
  );
  for (const [name, value] of Object.entries(shown)) {
    Object.defineProperty(process.stderr, name, { value, configurable: true });
  }
  Deno.stderr.isTerminal = () => terminal;
  process.stdout.write = catching("stdout") as typeof process.stdout.write;
  process.stderr.write = catching("stderr") as typeof process.stderr.write;
  console.log = (...text) => void (written.stdout += text.join(" ") + "\n");
  console.error = (...text) => void (written.stderr += text.join(" ") + "\n");
  try {
    await work();
  } finally {
    Object.assign(console, { error, log });
    Deno.stderr.isTerminal = isTerminal;
    streams.forEach((stream, index) => stream.write = writes[index]!);
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(process.stderr, name, descriptor);
      else Reflect.deleteProperty(process.stderr, name);
    }
  }
  return written;
}

const step = (step: number, epoch: number, job: JobName = "rocket"): StepEvent => ({
  job,
  epoch,
  step,
  learningRate: 0.1,
  loss: 1,
  losses: {},
  checkpoint: () => {},
  gradientNorm: 1,
  skipped: false,
});

/** A job of two epochs of five steps. */
async function runJob(
  output: Output,
  job: JobName = "rocket",
  metrics: Readonly<Record<string, Metrics>> = splits,
): Promise<void> {
  await output.runStart?.(runStart(2, job));
  for (const epoch of [1, 2]) {
    for (let index = 1; index <= 5; index++) {
      await output.step?.(step(5 * (epoch - 1) + index, epoch, job));
    }
    await output.epoch?.(epochEnd(epoch, { job, metrics }));
  }
}

/** A whole run on standard streams that lead to a terminal or not. */
const run = (terminal: boolean, quiet = false) =>
  captured(terminal, async () => {
    const output = make(progress, ".", {}, quiet);
    await runJob(output);
    await runJob(output, "light-alone");
    await output.runEnd?.({ result });
  });

Deno.test("progress fulfills the contract of an output", () => checkStage(progress));

Deno.test("progress writes one line per epoch to standard error without a terminal", async () => {
  const { stdout, stderr } = await run(false);
  assertEquals(stdout, "");
  assertEquals(stderr.split("\n"), [
    "training the nets",
    "  epoch 1/2  1.3 s  loss 0.7500  light/accuracy 0.5000  booster/accuracy 0.6250",
    "  epoch 2/2  2.5 s  loss 0.7500  light/accuracy 0.5000  booster/accuracy 0.6250",
    "training the light net alone",
    "  epoch 1/2  1.3 s  loss 0.7500  light/accuracy 0.5000  booster/accuracy 0.6250",
    "  epoch 2/2  2.5 s  loss 0.7500  light/accuracy 0.5000  booster/accuracy 0.6250",
    "",
  ]);
});

Deno.test("progress shows the metrics of the validation split, if there is one, without the terms of the loss", async () => {
  const validation = { "light/accuracy": 0.125, "loss/cross-entropy(light)": 3 };
  const { stderr } = await captured(
    false,
    () => runJob(make(progress, "."), "rocket", { ...splits, validation }),
  );
  assertEquals(
    stderr.split("\n")[1],
    "  epoch 1/2  1.3 s  loss 0.7500  light/accuracy 0.1250",
  );
});

Deno.test("progress draws a bar on a terminal, on standard error, which is full at the end", async () => {
  const { stdout, stderr } = await run(true);
  assertEquals(stdout, "");
  const text = stripVTControlCharacters(stderr);
  assertStringIncludes(text, "training the nets\n");
  assertStringIncludes(text, "training the light net alone\n");
  const bars = [...text.matchAll(/([█░]+) (\d+)% {2}epoch (\S+)(?: {2}([^█░\n]*))?/g)];
  assertEquals(bars[0]!.slice(2, 4), ["0", "1/2"]);
  assertEquals(bars[0]![1], "░".repeat(20));
  const full = bars.filter(([, , percent]) => percent === "100");
  assert(full.length >= 2, "a bar for each job");
  for (const [, cells, , epoch, latest] of [full[0]!, full.at(-1)!]) {
    assertEquals([cells, epoch], ["█".repeat(20), "2/2"]);
    // The second accuracy does not fit the terminal's width.
    assertEquals(latest?.trimEnd(), "light/accuracy 0.5000  loss 0.7500");
  }
  assert(stderr.endsWith("\n"));
});

Deno.test("progress draws lines that fit the terminal, even with long names", async () => {
  const name = "a-very-long-name-of-a-metric-or-a-phase-that-has-many-words";
  const metrics = { train: { loss: 1e-9 }, test: { [name]: 1, [`数据${name}`]: 2, m: 3 } };
  const { stderr } = await captured(true, async () => {
    const output = make(progress, ".");
    await output.runStart!(runStart(1_000_000));
    output.step!({ ...step(1, 1), phase: name });
    output.epoch!(epochEnd(1, { metrics }));
    output.step!({ ...step(1_000_000, 999_999), phase: `${name}-2`, skipped: true });
    output.failure!({ error: new Error("the disk is full") });
  });
  // A bar starts where the cursor is set to the start of the line.
  // deno-lint-ignore no-control-regex
  const bars = stderr.split(/[\r\n]|\x1b\[\d*G/).map(stripVTControlCharacters);
  assert(bars.some((line) => /a-very-l….*, epoch 999999\/1000000/.test(line)), stderr);
  for (const line of bars) assert(widthOf(line) <= 80, line);
});

Deno.test("progress counts steps, and shows the metrics of an epoch after its end", async () => {
  const { stderr } = await captured(true, () => {
    const output = make(progress, ".");
    output.runStart!(runStart(2));
    for (let index = 1; index <= 5; index++) output.step!(step(index, 1));
    output.epoch!(epochEnd(1));
    output.step!(step(6, 2));
    output.step!(step(7, 2));
    // What is drawn in between depends on the time; the end is always drawn.
    output.failure!({ error: new Error("the disk is full") });
  });
  const text = stripVTControlCharacters(stderr);
  const last = text.slice(text.lastIndexOf("training the nets"));
  assertStringIncludes(last, "70%  epoch 2/2");
  assertStringIncludes(last, "loss 0.7500");
});

Deno.test("progress shows the metrics of the very last epoch", async () => {
  const { stderr } = await captured(true, async () => {
    const output = make(progress, ".");
    output.runStart!(runStart(1));
    for (let index = 1; index <= 5; index++) output.step!(step(index, 1));
    output.epoch!(epochEnd(1));
    await output.runEnd!({ result });
  });
  assertStringIncludes(stripVTControlCharacters(stderr), "100%  epoch 1/1");
  assertStringIncludes(stderr, "loss 0.7500");
});

Deno.test("progress restores the terminal even if the run is interrupted", async () => {
  const { stderr } = await run(true);
  // Modes of the terminal: ?25 is the cursor, ?7 the wrapping of lines.
  // deno-lint-ignore no-control-regex
  assertEquals([...stderr.matchAll(/\x1b\[\?\d+[hl]/g)].map(([mode]) => mode), []);
});

Deno.test("progress writes no colors, so NO_COLOR has no effect", async () => {
  const before = Deno.env.get("NO_COLOR");
  try {
    for (const value of ["1", undefined]) {
      if (value === undefined) Deno.env.delete("NO_COLOR");
      else Deno.env.set("NO_COLOR", value);
      for (const terminal of [true, false]) {
        const { stderr } = await run(terminal);
        assert(stderr.length > 0);
        // deno-lint-ignore no-control-regex
        assert(!/\x1b\[[\d;]*m/.test(stderr), JSON.stringify(stderr));
      }
    }
  } finally {
    if (before === undefined) Deno.env.delete("NO_COLOR");
    else Deno.env.set("NO_COLOR", before);
  }
});

Deno.test("progress writes no control characters without a terminal", async () => {
  const { stderr } = await run(false);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f]/.test(stderr), JSON.stringify(stderr));
});

Deno.test("progress writes nothing with --quiet", async () => {
  for (const terminal of [true, false]) {
    assertEquals(await run(terminal, true), { stdout: "", stderr: "" });
  }
});
