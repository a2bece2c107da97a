import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { drawFaults, ends } from "./faults.ts";
import { judge, type Observed } from "./judge.ts";
import type { Ended } from "./process.ts";
import { soakTable } from "./report.ts";
import { damage, differences, newestCheckpoint } from "./run_folder.ts";
import { soak } from "./soak.ts";
import { makeSubjects } from "./subjects.ts";
import { createRandom, deriveSeed } from "../../src/base/random.ts";
import { flags, inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

/** There are no signals to send on Windows. */
const ignore = Deno.build.os === "windows";

Deno.test({
  name: "soak() stops runs, resumes them, and finds the bytes of one that was never stopped",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const [subject] = await makeSubjects(["mlp-wasm"], folder);
      const train = { epochs: 1, batch: 64, baseline: "light-alone" };
      const lines: string[] = [];
      const counts = await soak({
        subjects: [{ ...subject!, pipeline: { ...subject!.pipeline, train } }],
        ...{ seed: 1, first: 0, milliseconds: 60_000, runs: 1, folder, flags },
        disk: { folder, own: false, fill() {}, free() {}, close: () => Promise.resolve() },
        report: (line) => lines.push(line),
      });
      assertEquals(counts.problems, [], lines.join("\n"));
      assertEquals([counts.runs, counts.references, counts.lost], [1, 1, 0]);
      assertEquals(counts.differing, 0);
      assert(counts.compared > 100_000 && counts.resumes > 0, lines.join("\n"));
      assert(Object.keys(counts.ends).length > 0, lines.join("\n"));
    }),
});

Deno.test("drawFaults() draws the same faults from the same seed, of all kinds", () => {
  const draw = (seed: number) => {
    const random = createRandom(seed);
    return Array.from(
      { length: 200 },
      () => drawFaults(random, { steps: 40, ends, last: false }),
    );
  };
  assertEquals(draw(7), draw(7));
  assertEquals(new Set(draw(7).map(({ end }) => end!.kind)), new Set(ends));
  assert(draw(7).every(({ end }) => end!.at.steps <= 16));
});

const quiet: Ended = {
  code: 0,
  stderr: "",
  events: [
    { event: "runStart", job: "rocket", resumed: { step: 7 } },
    { event: "step", job: "rocket", step: 8 },
    { event: "step", job: "rocket", step: 9 },
    { event: "runEnd" },
  ],
  ...{ struck: false, training: false, listening: false },
  ...{ paused: false, hung: false, inputThread: false },
};

const good: Observed = {
  ended: quiet,
  faults: { damage: undefined, pause: undefined, end: undefined, launcher: false },
  before: { job: "rocket", step: 7 },
  after: { job: "rocket", step: 9 },
  ...{ damaged: false, resumes: true, drafts: [] },
};

const struck = (kind: typeof ends[number], ended: Partial<Ended>): Partial<Observed> => ({
  ended: { ...quiet, struck: true, training: true, ...ended },
  faults: { ...good.faults, end: { kind, at: { steps: 1, milliseconds: 0 }, room: 0 } },
});

Deno.test("judge() finds no problem with a process that behaves as promised", () => {
  assertEquals(judge(good), { problems: [], lost: 0, again: 0 });
  const killed = struck("kill", { code: 137 });
  const after = { job: "rocket", step: 7 };
  assertEquals(judge({ ...good, ...killed, after }), { problems: [], lost: 0, again: 2 });
  const message = "error: x.json cannot be written: the disk is full\n hint: y\n";
  const full = struck("full disk", { code: 1, stderr: message });
  assertEquals(judge({ ...good, ...full, after }).problems, []);
  const unprepared = struck("SIGTERM", {
    code: 143,
    training: false,
    listening: false,
    events: [],
  });
  assertEquals(judge({ ...good, ...unprepared, drafts: [".x"] }).problems, []);
});

Deno.test("judge() finds broken promises, and counts lost steps", () => {
  const cases: [string, number, Partial<Observed>][] = [
    ["it resumed from rocket 7; expected rocket 14", 7, {
      before: { job: "rocket", step: 14 },
      after: { job: "rocket", step: 14 },
    }],
    ["its newest checkpoint is older than before: the start", 0, { after: undefined }],
    ["it reached rocket 9, but its newest checkpoint is from rocket 1", 1, {
      before: undefined,
      after: { job: "rocket", step: 1 },
    }],
    ["its exit code is 1", 0, { ended: { ...quiet, code: 1, stderr: "error: x\n" } }],
    ["its message is", 0, struck("full disk", { code: 1, stderr: "error: x is not defined" })],
    ["it did not report after which step it stopped", 0, struck("SIGTERM", { code: 130 })],
    ["it stopped after rocket 9, but its newest checkpoint is from rocket 7", 2, {
      ...struck("SIGINT", { code: 130, stderr: "stopped after step 9 of rocket\n" }),
      after: { job: "rocket", step: 7 },
    }],
    ["step rocket 11 follows rocket 9", 0, {
      ended: { ...quiet, events: [...quiet.events, { event: "step", job: "rocket", step: 11 }] },
    }],
    ["it did not report a damaged checkpoint", 0, { damaged: true }],
    ["it did not end", 0, { ended: { ...quiet, hung: true } }],
    ["it left the drafts .x", 0, { drafts: [".x"] }],
    ["its exit code is 143", 0, struck("SIGTERM", { code: 143, training: false, listening: true })],
    ["it left the drafts .x", 0, {
      ...struck("SIGTERM", { code: 130, training: false, listening: true }),
      drafts: [".x"],
    }],
    ["its exit code is 0, but it has no result", 0, {
      ended: { ...quiet, events: quiet.events.slice(0, 3) },
    }],
  ];
  for (const [words, lost, parts] of cases) {
    const verdict = judge({ ...good, ...parts });
    assertStringIncludes(verdict.problems.join("; "), words);
    if (lost > 0) assertEquals(verdict.lost, lost, words);
  }
});

Deno.test("newestCheckpoint() skips checkpoints that damage() has damaged, and differences() counts bytes", () =>
  withPipeline(
    digitsPipeline({ train: { epochs: 2, batch: 256 }, outputs: ["checkpoint"] }),
    async (file, folder) => {
      const out = join(folder, "run");
      const ended = await rocket([file, "--engine", "wasm", "--quiet", "--out", out]);
      assertEquals(ended.code, 0, ended.stderr);
      const stand = newestCheckpoint(out, new Set());
      assertEquals(stand, { job: "rocket", step: 12, name: "rocket-000012" });
      const random = createRandom(deriveSeed(1, "damage"));
      damage(out, "flipped checkpoint", stand, random);
      const before = newestCheckpoint(out, new Set());
      assertEquals(before, { job: "rocket", step: 6, name: "rocket-000006" });
      damage(out, "torn checkpoint JSON", before, random);
      assertEquals(newestCheckpoint(out, new Set()), undefined);
      const of = (...bytes: number[]) => ({ files: { a: Uint8Array.from(bytes) } });
      assertEquals(differences(of(1, 2, 3), of(1, 2, 3)), {});
      assertEquals(differences(of(1, 2, 3), of(1, 5, 3, 4)), { a: 2 });
      assertEquals(differences(of(1, 2), { files: {} }), { a: 2 });
    },
  ));

Deno.test("soakTable() reports lost steps and failures", () => {
  const counts = {
    ...{ runs: 3, references: 1, processes: 9, resumes: 6, inputThreads: 2, launched: 4 },
    ...{ steps: 1234, again: 5, lost: 0, halfWritten: 1, differing: 0, compared: 1000 },
    ...{ ends: { kill: 2, SIGINT: 1 }, others: {}, subjects: { "mlp-wasm": 3 }, problems: [] },
  };
  const machine = { processor: "Abacus 9", cores: 2, memory: 8, system: "linux", deno: "2" };
  const report = {
    ...{ command: "deno task soak", date: "2030-01-02", seconds: 90, ownDisk: true },
    ...{ machine, counts },
  };
  const table = soakTable(report);
  assertStringIncludes(table, "| **steps lost** | **none** |");
  assertStringIncludes(table, "| **bytes differing** | **none** of 1,000 |");
  assertStringIncludes(table, "| kills, signals and full disks | 3: SIGINT 1, kill 2 |");
  const problem = { subject: "mlp-wasm", run: 2, what: "it hung", faults: "kill", folder: "x" };
  const bad = { ...counts, differing: 7, problems: [problem] };
  const withProblem = soakTable({ ...report, counts: bad });
  assertStringIncludes(withProblem, "**7** of 1,000");
  assertStringIncludes(withProblem, "Run 2 (mlp-wasm): it hung (kill)");
});
