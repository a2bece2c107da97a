import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { readRecords } from "../../../plugins/outputs/event_file.ts";
import tensorboard from "../../../plugins/outputs/tensorboard.ts";
import { UserError } from "../../../src/base/errors.ts";
import type { StepEvent } from "../../../src/stages/events.ts";
import { checkStage } from "../../../testing.ts";
import { rocket } from "../../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../../support/pipelines.ts";
import { evaluation, filesIn, make, runStart, withRunFolder } from "./support.ts";

/** The CRC of RFC 3720 (Castagnoli), bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Decodes a protobuf message: its fields by number, by the rules of the wire format alone. */
function fields(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint(), type = tag & 7;
    let value: number | Uint8Array;
    if (type === 0) value = varint();
    else if (type === 1) value = view.getFloat64((at += 8) - 8, true);
    else if (type === 5) value = view.getFloat32((at += 4) - 4, true);
    else {
      assertEquals(type, 2);
      const length = varint();
      value = bytes.subarray(at, at += length);
    }
    found.set(tag >>> 3, [...(found.get(tag >>> 3) ?? []), value]);
  }
  return found;
}

const text = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);

/** Reads an event file with both checksums of each record: `[step, numbers by tag]` per event. */
async function eventsOf(folder: string, name: string) {
  const bytes = await Deno.readFile(
    join(folder, "tensorboard", name, "events.out.tfevents.rocket"),
  );
  const view = new DataView(bytes.buffer), events: [number, Record<string, number>][] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    assertEquals(view.getUint32(at + 8, true), masked(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assertEquals(view.getUint32(at + 12 + length, true), masked(data));
    at += 16 + length;
    const event = fields(data);
    assert(Math.abs(Number(event.get(1)![0]) - Date.now() / 1000) < 600);
    if (events.length === 0 && event.has(3)) assertEquals(text(event.get(3)![0]), "brain.Event:2");
    if (!event.has(5)) continue;
    const values = fields(event.get(5)![0] as Uint8Array).get(1)!.map((value) => {
      const parts = fields(value as Uint8Array);
      return [text(parts.get(1)![0]), parts.get(2)![0] as number];
    });
    events.push([event.get(2)![0] as number, Object.fromEntries(values)]);
  }
  return events;
}

const step = (number: number, parts: Partial<StepEvent> = {}): StepEvent => ({
  job: "rocket",
  epoch: Math.ceil(number / 5),
  step: number,
  learningRate: 0.125,
  loss: 1 / number,
  losses: {},
  gradientNorm: 2,
  skipped: false,
  checkpoint: () => {},
  ...parts,
});

Deno.test("tensorboard starts a file with an event of 20,000 metrics", () =>
  withRunFolder(async (folder) => {
    const output = make(tensorboard, folder);
    await output.runStart!(runStart(1));
    const keys = Array.from({ length: 20_000 }, (_, index) => `light/recall/class-${index}`);
    await output.evaluation!(
      evaluation({ metrics: Object.fromEntries(keys.map((key) => [key, 1])) }),
    );
    const bytes = await Deno.readFile(
      join(folder, "tensorboard", "light-test", "events.out.tfevents.rocket"),
    );
    const found = readRecords(bytes);
    assertEquals(found.map(({ scalars }) => scalars.size), [0, 20_001]);
    assertEquals(found[1]!.scalars.get("recall/class-19999"), 1);
  }));

Deno.test("crc32c() of this test gives the value that RFC 3720 names", () => {
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
});

Deno.test("tensorboard fulfills the contract of an output", () => checkStage(tensorboard));

Deno.test("tensorboard writes metrics by net and split, losses, and every Nth step", () =>
  withRunFolder(async (folder) => {
    const output = make(tensorboard, folder, { everySteps: 2 });
    await output.runStart!(runStart(1));
    assertEquals(await filesIn(folder), []);
    for (let number = 1; number <= 4; number++) await output.step!(step(number));
    await output.evaluation!(
      evaluation({ split: "train", metrics: { loss: 0.75, "loss/mse-hint(→light)": 0.5 } }),
    );
    await output.evaluation!(evaluation({
      step: 2 ** 40,
      metrics: {
        "light/accuracy": 0.5,
        "light/gauc/users": 3,
        "booster/accuracy": 1e300,
        "booster/auc": { undefined: "one class" },
        agreement: 0.25,
      },
    }));
    await output.evaluation!(evaluation({ job: "light-alone" }));
    assertEquals(await eventsOf(folder, "steps"), [
      [2, { "learning-rate": 0.125, loss: 0.5, "gradient-norm": 2 }],
      [4, { "learning-rate": 0.125, loss: 0.25, "gradient-norm": 2 }],
    ]);
    assertEquals(await eventsOf(folder, "train"), [
      [5, { loss: 0.75, "loss/mse-hint(→light)": 0.5, epoch: 1 }],
    ]);
    assertEquals(await eventsOf(folder, "light-test"), [
      [2 ** 40, { accuracy: 0.5, "gauc/users": 3, epoch: 1 }],
    ]);
    assertEquals(await eventsOf(folder, "booster-test"), [
      [2 ** 40, { accuracy: Infinity, epoch: 1 }],
    ]);
    assertEquals(await eventsOf(folder, "test"), [[2 ** 40, { agreement: 0.25, epoch: 1 }]]);
    assertEquals(await eventsOf(folder, "light-alone-test"), [[5, { accuracy: 0.5, epoch: 1 }]]);
  }));

Deno.test("tensorboard removes what will occur again when a run is resumed", () =>
  withRunFolder(async (folder) => {
    const first = make(tensorboard, folder, { everySteps: 1 });
    await first.runStart!(runStart(3));
    for (const epoch of [1, 2]) {
      for (let number = 5 * epoch - 4; number <= 5 * epoch; number++) {
        await first.step!(step(number));
      }
      await first.evaluation!(evaluation({ epoch, step: 5 * epoch }));
    }
    await first.evaluation!(evaluation({ job: "light-alone" }));
    const path = join(folder, "tensorboard", "steps", "events.out.tfevents.rocket");
    // A killed process leaves an incomplete record.
    const whole = await Deno.readFile(path);
    await Deno.writeFile(path, whole.subarray(0, 20), { append: true });
    // The checkpoint is from the last step of epoch 2, before its evaluation.
    const resumed = { epochs: 1, step: 10, checkpoint: "checkpoints/rocket-000010.safetensors" };
    const output = make(tensorboard, folder, { everySteps: 1 });
    await output.runStart!({ ...runStart(3), resumed });
    assertEquals(await Deno.readFile(path), whole);
    // Another program wrote a record that is no event.
    const data = Uint8Array.of(0x10, 0xff, 0xff), record = new Uint8Array(16 + data.length);
    const view = new DataView(record.buffer);
    view.setBigUint64(0, BigInt(data.length), true);
    view.setUint32(8, masked(record.subarray(0, 8)), true);
    record.set(data, 12);
    view.setUint32(12 + data.length, masked(data), true);
    await Deno.writeFile(path, record, { append: true });
    await output.runStart!({ ...runStart(3), resumed });
    assertEquals(await Deno.readFile(path), whole);
    assertEquals((await eventsOf(folder, "light-test")).map(([step]) => step), [5]);
    await output.evaluation!(evaluation({ epoch: 2, step: 10 }));
    await output.step!(step(11));
    assertEquals((await eventsOf(folder, "light-test")).map(([step]) => step), [5, 10]);
    assertEquals((await eventsOf(folder, "steps")).map(([step]) => step).at(-1), 11);
    assertEquals((await eventsOf(folder, "light-alone-test")).length, 1);
    // The baseline starts from the beginning, and the joint training keeps its events.
    await output.runStart!(runStart(3, "light-alone"));
    assertEquals(await eventsOf(folder, "light-alone-test"), []);
    assertEquals((await eventsOf(folder, "steps")).length, 11);
  }));

Deno.test("a resumed run has the events of an uninterrupted run in its event files", () =>
  withPipeline(
    digitsPipeline({
      train: { epochs: 2, batch: 512 },
      outputs: ["metrics", "checkpoint", { use: "tensorboard", everySteps: 1 }],
    }),
    async (file, folder) => {
      const run = join(folder, "run"), options = ["--engine", "wasm", "--quiet"];
      const { code, stderr } = await rocket([file, ...options, "--out", run]);
      assertEquals(code, 0, stderr);
      const resumed = await rocket(["resume", run, ...options, "--epochs", "3"]);
      assertEquals(resumed.code, 0, resumed.stderr);
      const lines = (await Deno.readTextFile(join(run, "metrics.jsonl"))).trim().split("\n")
        .map((line) => JSON.parse(line));
      const test = lines.filter(({ split }) => split === "test");
      assertEquals(
        await eventsOf(run, "light-test"),
        test.map((line) => [
          line.step,
          { accuracy: Math.fround(line["light/accuracy"]), epoch: line.epoch },
        ]),
      );
      const steps = (await eventsOf(run, "steps")).map(([step]) => step);
      assertEquals(steps, Array.from({ length: lines.at(-1)!.step }, (_, at) => at + 1));
    },
  ));

Deno.test("tensorboard writes to no file that has another hard link", () =>
  withRunFolder(async (folder) => {
    const events = join(folder, "tensorboard", "light-test");
    await Deno.mkdir(events, { recursive: true });
    await Deno.writeTextFile(join(folder, "mine"), "");
    await Deno.link(join(folder, "mine"), join(events, "events.out.tfevents.rocket"));
    const output = make(tensorboard, folder);
    await output.runStart!(runStart(1));
    await assertRejects(() => Promise.resolve(output.evaluation!(evaluation())), UserError);
    assertEquals(await Deno.readTextFile(join(folder, "mine")), "");
  }));
