import { assert, assertEquals } from "@std/assert";
import checkpoint from "../../../plugins/outputs/checkpoint.ts";
import type { CheckpointRequest, EpochEvent, StepEvent } from "../../../src/stages/events.ts";
import type { Output } from "../../../src/stages/output.ts";
import { checkStage } from "../../../testing.ts";
import { epochEnd, make, runStart } from "./support.ts";

Deno.test("checkpoint fulfills the contract of an output", async () => {
  await checkStage(checkpoint);
  await checkStage(checkpoint, { options: { every: 7, everySteps: 2, keepEvery: 1 } });
});

/** What the output asks for after each of some epochs. */
async function afterEpochs(
  options: Record<string, unknown>,
  epochs: readonly Partial<EpochEvent>[],
): Promise<(CheckpointRequest | undefined)[]> {
  const output = make(checkpoint, "/nowhere", options);
  await output.runStart!(runStart(epochs.length));
  const asked: (CheckpointRequest | undefined)[] = [];
  for (const [index, parts] of epochs.entries()) {
    let request: CheckpointRequest | undefined;
    const ask = (one: CheckpointRequest = {}) => void (request = one);
    await output.epoch!({ ...epochEnd(index + 1, parts), checkpoint: ask });
    asked.push(request);
  }
  return asked;
}

Deno.test("checkpoint requests a checkpoint after each epoch and marks the best one", async () => {
  assertEquals(await afterEpochs({}, [{ best: true }, {}, { best: true }]), [
    { keep: 2, forever: false, best: true },
    { keep: 2, forever: false, best: false },
    { keep: 2, forever: false, best: true },
  ]);
});

Deno.test("checkpoint with `every` requests fewer checkpoints, but always those of the last and the best epoch", async () => {
  const asked = await afterEpochs({ every: 2, keep: 5 }, [{}, {}, { best: true }, {}, {}]);
  assertEquals(asked.map((request) => request?.keep), [undefined, 5, 5, 5, 5]);
});

Deno.test("checkpoint with `keepEvery` keeps some checkpoints permanently", async () => {
  const asked = await afterEpochs({ every: 10, keepEvery: 2 }, [{}, {}, {}, {}, {}]);
  assertEquals(asked.map((request) => request?.forever), [undefined, true, undefined, true, false]);
});

Deno.test("checkpoint marks no best epoch of the light net that is trained alone", async () => {
  const asked = await afterEpochs({}, [{ job: "light-alone", best: true }]);
  assertEquals(asked, [{ keep: 2, forever: false, best: false }]);
});

/** The steps of a hundred after which the output asks for a checkpoint. */
function steps(output: Output): number[] {
  const asked: number[] = [];
  for (let step = 1; step <= 100; step++) {
    const event: StepEvent = {
      ...{
        job: "rocket",
        epoch: 1,
        step,
        learningRate: 0.1,
        loss: 1,
        losses: {},
        gradientNorm: 1,
        skipped: false,
      },
      checkpoint: () => void asked.push(step),
    };
    output.step!(event);
  }
  return asked;
}

Deno.test("checkpoint with `everySteps` also requests checkpoints after steps", () => {
  assertEquals(steps(make(checkpoint, "/nowhere", {})), []);
  assertEquals(steps(make(checkpoint, "/nowhere", { everySteps: 40 })), [40, 80]);
});

Deno.test("checkpoint with `everyMinutes` requests a checkpoint after these minutes and starts counting again", () => {
  const { now } = performance;
  let minutes = 0;
  performance.now = () => (minutes += 0.5) * 60_000;
  try {
    // The clock, which moves half a minute whenever it is read, is read once a step.
    assertEquals(steps(make(checkpoint, "/nowhere", { everyMinutes: 25 })), [50, 100]);
  } finally {
    performance.now = now;
  }
});

Deno.test("checkpoint refuses numbers below 1", () => {
  for (const value of [0, -1, 1.5]) {
    for (const name of ["every", "everySteps", "keep", "keepEvery"]) {
      assert(!checkpoint.options.safeParse({ [name]: value }).success);
    }
  }
  assert(!checkpoint.options.safeParse({ everyMinutes: 0 }).success);
});
