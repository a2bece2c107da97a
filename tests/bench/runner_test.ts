import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { lastWord, Runner, type RunnerOptions } from "../../bench/runner.ts";

const worker = new URL("../../bench/worker.ts", import.meta.url).href;

/** Runs a test with a program in a folder of its own. */
async function withProgram(
  text: string,
  test: (start: () => Promise<Runner>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-bench-" });
  try {
    await Deno.writeTextFile(`${folder}/program.ts`, text);
    await test(() => start("program.ts", { folder: pathToFileURL(`${folder}/`) }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function start(program: string, options: Partial<RunnerOptions> = {}): Promise<Runner> {
  const contestant = { name: "Some program", program, args: [] };
  return Runner.start(contestant, { flags: ["--no-config"], python: undefined, ...options });
}

Deno.test("Runner times as many steps as each turn has, after a warm-up of five", () =>
  withProgram(
    `import { serve } from "${worker}";
     let count = 0;
     await serve(() => ++count, { detail: "Counter 1", parameters: 7 });`,
    async (start) => {
      const runner = await start();
      try {
        await runner.turn(3);
        await runner.turn(1);
        assertEquals(runner.measured.length, 4);
        assert(runner.measured.every(({ milliseconds }) => milliseconds >= 0));
        assertEquals(runner.facts, { detail: "Counter 1", parameters: 7, losses: [1, 2, 3, 4, 5] });
      } finally {
        await runner.stop();
      }
    },
  ));

Deno.test("Runner hides GPUs from programs by default", () =>
  withProgram(
    `import { serve } from "${worker}";
     await serve(() => 1, { detail: Deno.env.get("CUDA_VISIBLE_DEVICES") ?? "all" });`,
    async (start) => {
      const runner = await start();
      await runner.stop();
      assertEquals(runner.facts.detail, "-1");
    },
  ));

Deno.test("Runner takes over what steps measured themselves", () =>
  withProgram(
    `import { serve } from "${worker}";
     let peakMemory = 0;
     await serve(() => ({ milliseconds: 7, auc: 0.5, peakMemory: ++peakMemory }), {}, { warmUp: 0 });`,
    async (start) => {
      const runner = await start();
      try {
        await runner.turn(2);
        assertEquals(runner.measured, [
          { milliseconds: 7, auc: 0.5, peakMemory: 1 },
          { milliseconds: 7, auc: 0.5, peakMemory: 2 },
        ]);
        assertEquals(await runner.peakMemory(), 2);
        assertEquals(runner.facts, { losses: [] });
      } finally {
        await runner.stop();
      }
    },
  ));

Deno.test("Runner accepts a ready line without facts, and skips lines that libraries print before it", () =>
  withProgram(
    `console.log("loading");
     console.log("ready");
     for await (const _ of Deno.stdin.readable) console.log('[{"milliseconds":1.5}]');`,
    async (start) => {
      const runner = await start();
      await runner.turn(1);
      await runner.stop();
      assertEquals(runner.measured, [{ milliseconds: 1.5 }]);
      assertEquals(runner.facts, {});
    },
  ));

Deno.test("Runner.start() rejects with the last message of a program that dies before it is ready", () =>
  withProgram(`console.error("hello");\nthrow new Error("no such kernel");`, async (start) => {
    await assertRejects(start, Error, "no such kernel");
  }));

Deno.test("Runner.start() rejects with the exit code of a program that says nothing", () =>
  withProgram(`Deno.exit(3);`, async (start) => {
    await assertRejects(start, Error, "the program ended with exit code 3");
  }));

Deno.test("Runner.start() rejects a program whose losses are not finite", () =>
  withProgram(`import { serve } from "${worker}"; await serve(() => NaN);`, async (start) => {
    await assertRejects(start, Error, "expected finite losses in the warm-up, got NaN");
  }));

Deno.test("Runner.turn() rejects with the last message of a program that dies in its turn", () =>
  withProgram(
    `import { serve } from "${worker}";
     let count = 0;
     await serve(() => { if (++count > 6) throw new Error("out of memory"); });`,
    async (start) => {
      const runner = await start();
      await runner.turn(1);
      await assertRejects(() => runner.turn(1), Error, "out of memory");
    },
  ));

Deno.test("Runner.start() rejects a program that does not exist, and a Python program without Python", async () => {
  await assertRejects(
    () => start("peers/nothing.ts"),
    Error,
    "the program peers/nothing.ts does not exist",
  );
  await assertRejects(() => start("peers/ctr_torch.py"), Error, "Python is not available");
});

Deno.test({
  name: "Runner.peakMemory() is in bytes, where the system tells",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram(`import { serve } from "${worker}"; await serve(() => {});`, async (start) => {
      const runner = await start();
      const peak = await runner.peakMemory();
      await runner.stop();
      // Deno itself needs some tens of megabytes.
      assertEquals(peak! > 1e7 && peak! < 1e9, true, `${peak}`);
    }),
});

Deno.test("lastWord() is the last line that is no stack frame, without Deno's preamble", () => {
  assertEquals(
    lastWord(
      "error: Uncaught (in promise) Error: no kernel\n    throw x;\n    ^\n    at f (a.ts)\n",
    ),
    "no kernel",
  );
  assertEquals(
    lastWord("Traceback:\n  File \"a.py\"\nModuleNotFoundError: No module named 'torch'\n"),
    "ModuleNotFoundError: No module named 'torch'",
  );
  assertEquals(lastWord("\n"), undefined);
});
