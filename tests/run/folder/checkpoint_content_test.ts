import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SEAL } from "../../../src/base/files/sealed_json.ts";
import {
  type CheckpointFile,
  decodeContent,
  encodeContent,
} from "../../../src/run/folder/checkpoint_content.ts";

const test = { light: { accuracy: 0.5, auc: { undefined: "one class" } } };

const best = { epoch: 2, split: "test", metric: "light/accuracy", value: 0.5, test };

const gradients = [{ loss: "cross-entropy", norms: { light: Infinity } }];

const first = {
  ...{ name: "warm", nets: ["light" as const], frozen: [], epochs: 2, steps: 8, skipped: 1 },
  ...{ seconds: 1.5, test, best, gradients },
};

/** A checkpoint in the second phase. */
const file: CheckpointFile = {
  ...{ version: 1, job: "rocket", sha256: "ab", bytes: 12, forever: false, run: {}, gradients },
  position: {
    start: { phase: 1, epochs: 2, step: 8, skipped: 1, seconds: 1.5, optimizerSteps: 0 },
    phases: [first],
    ...{ epochs: 3, batches: 2, step: 14, skipped: 1, skippedInARow: 0, seconds: 2 },
    time: { training: 1, waiting: 0.1, rows: 56 },
    losses: { rows: 32, total: NaN, terms: { a: 1 }, gradientNorm: 2, learningRate: 0.1 },
    best: { epoch: 3, metric: "light/accuracy", value: 0.5, test: { "light/accuracy": 0.5 } },
    stop: { epoch: 3, metric: "light/accuracy", value: 0.5 },
    rollback: { phase: 0, times: 1, factor: 0.5, without: [3] },
    evaluations: { "light/accuracy": [0.5], "light/log-loss": [Infinity], "light/auc": [null] },
    metrics: {
      test: {
        "light/accuracy": 0.5,
        "light/log-loss": Infinity,
        "light/auc": { undefined: "one class" },
      },
    },
  },
};

Deno.test("decodeContent() reads what encodeContent() wrote", () => {
  const { [SEAL]: _, ...decoded } = decodeContent(encodeContent(file)) as CheckpointFile & {
    [SEAL]: string;
  };
  assertEquals(decoded, file);
});

Deno.test("decodeContent() refuses a sealed checkpoint that is not what a run writes", () => {
  const wrong: readonly [path: string, value: unknown, words?: string][] = [
    ...[1, null, undefined].map((value) => ["position", value] as [string, unknown]),
    ["position.start.epochs", 1e9, "contradict each other"],
    ["position.start.phase", 0, "contradict each other"],
    ["position.start.optimizerSteps", 1, "contradict each other"],
    ["position.epochs", 1, "contradict each other"],
    ["position.skipped", 15, "contradict each other"],
    ["position.epochs", -1e15],
    ["position.epochs", Infinity],
    ["position.batches", -1],
    ["position.step", 1.5],
    ["position.losses", 1.5],
    ["position.best.test", null],
    ["position.phases.0.best", {}],
    ["position.metrics", { test: 1 }],
    ["position.evaluations", undefined],
    ["position.evaluations", { "light/accuracy": [0.4] }, "contradict its epochs and metrics"],
    ["position.evaluations", { "light/accuracy": [0.4, 0.5] }, "contradict its epochs and metrics"],
    ["position.evaluations", { x: [0.5] }, "contradict its epochs and metrics"],
    ["position.rollback.without", 3],
    ["position.rollback.without", [3, 4], "rollback contradicts itself"],
    ["position.rollback.factor", -1, "rollback contradicts itself"],
    ["position.rollback.phase", 7, "rollback contradicts itself"],
    ["position.rollback.times", 0],
    ["position.best.epoch", 999, "best epochs contradict"],
    ["position.best.epoch", 2, "best epochs contradict"],
    ["position.stop.epoch", 4, "best epochs contradict"],
    ["position.phases.0.best.epoch", 3, "best epochs contradict"],
    ["position.seconds", -1e300],
    ["position.time.training", -5],
    ["position.skippedInARow", 500, "batches, rows, and skipped steps"],
    ["position.losses.rows", 1e15, "batches, rows, and skipped steps"],
    ["position.batches", 0, "batches, rows, and skipped steps"],
    ["gradients", [1]],
    ["gradients", {}],
    ["rocket", {}],
    ["job", "other"],
  ];
  for (const [path, value, words = path] of wrong) {
    const changed = structuredClone(file) as unknown as Record<string, unknown>;
    const names = path.split("."), last = names.pop()!;
    const within = names.reduce((part, name) => part[name] as Record<string, unknown>, changed);
    within[last] = value;
    const error = assertThrows(
      () => decodeContent(encodeContent(changed as unknown as CheckpointFile)),
      TypeError,
      "its JSON file has ",
    );
    assertStringIncludes(error.message, words);
  }
});
