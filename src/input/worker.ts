/**
 * The entry point of the thread that makes batches while the main thread computes. It answers each
 * requested address with its batch, in the order of the requests.
 *
 * @module
 */

import { builtins } from "../../plugins/mod.ts";
import { restrictThread } from "../base/machine/restrict_thread.ts";
import { thrownMessage } from "../base/printable.ts";
import { codeThatWasChecked } from "../pipeline/allowed_code.ts";
import { createRegistry } from "../pipeline/registry.ts";
import type { TransformStage } from "../stages/transform.ts";
import type { Batch } from "../stages/batch.ts";
import { type BatchAddress, BatchMaker } from "./batches.ts";
import { listParts, mapBatch } from "../stages/parts.ts";
import { takeThread } from "./own_thread.ts";
import { openStored, type Rows } from "./rows.ts";
import { openStreamed } from "./streamed.ts";
import { TransformChain } from "./transforms.ts";
import type { Answer, InputSetup } from "./worker_input.ts";

let making: Promise<BatchMaker> | undefined;

/** The last answer: requests are answered one after the other. */
let last: Promise<void> = Promise.resolve();

const send = takeThread<InputSetup | BatchAddress, Answer>((message) => {
  last = last.then(() => answer(message));
});

// Transforms of other people run in this thread.
restrictThread();

async function answer(data: InputSetup | BatchAddress): Promise<void> {
  try {
    if ("splits" in data) {
      await (making = setUp(data));
      send({ ready: true });
    } else {
      const batch = copied(await (await making!).make(data));
      send({ batch }, buffersOf(batch));
    }
  } catch (error) {
    send({ failed: thrownMessage(error) });
  }
}

async function setUp({ splits, transforms, measured, seed }: InputSetup): Promise<BatchMaker> {
  // The main thread has checked these specifiers; nothing else is loaded here.
  const named = [
    ...transforms.map(({ specifier }) => specifier),
    ...Object.values(splits).flatMap((one) => "source" in one ? [one.source.specifier] : []),
  ];
  const registry = createRegistry(builtins, codeThatWasChecked("/", named));
  const rows: Record<string, Rows> = {};
  for (const [name, shared] of Object.entries(splits)) {
    rows[name] = "source" in shared ? await openStreamed(shared, registry) : openStored(shared);
  }
  const planned = [];
  for (const { specifier, ...transform } of transforms) {
    const at = { folder: "/", place: transform.reference.place };
    const stage = await registry.find("transform", specifier, at) as TransformStage;
    planned.push({ ...transform, stage });
  }
  const chain = TransformChain.of(planned, rows.train!.features);
  chain.restore(measured);
  return new BatchMaker(rows, chain, seed);
}

/** Copies a batch, because a transform may keep the arrays that it returned. */
const copied = (batch: Batch): Batch =>
  mapBatch(batch, ({ values, shape }) => ({ values: values.slice(), shape }));

const buffersOf = (batch: Batch) =>
  listParts(batch).map(({ values }) => values.buffer as ArrayBuffer);
