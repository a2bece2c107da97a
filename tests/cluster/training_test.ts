import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";
import { assertSame, readTrained, runCluster, startCluster, writeClicks } from "./processes.ts";

/** There are no signals and no native engine on Windows. */
const ignore = Deno.build.os === "windows";

const native = ["--engine", "native"];

Deno.test({
  name: "a run of 2 processes, resumed as 3, comes to the weights and metrics of one process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 2, batch: 20, clip: { norm: 0.5 }, baseline: none }");
      const alone = await rocket(["p.yaml", "--out", "alone", ...native], { cwd: folder });
      assertEquals(alone.code, 0, alone.stderr);
      const command = ["p.yaml", "--out", "run", "--epochs", "1"];
      const [first, second] = await runCluster(2, command, folder);
      assertEquals(first!.code, 0, first!.stderr);
      assertStringIncludes(first!.stderr, "TensorFlow listens on 127.0.0.1:");
      assertStringIncludes(first!.stderr, " outside of these permissions");
      assertStringIncludes(first!.stdout, "run folder: run");
      assertEquals(second, { code: 0, stdout: "", stderr: "" });
      const resumed = await runCluster(3, ["resume", "run", "--epochs", "2"], folder);
      assertEquals(resumed.map(({ code }) => code), [0, 0, 0], resumed[0]!.stderr);
      assertEquals(resumed.slice(1).map(({ stdout, stderr }) => stdout + stderr), ["", ""]);
      assertSame(readTrained(join(folder, "alone")), readTrained(join(folder, "run")));
    }),
});

Deno.test({
  name:
    "a signal to one process stops all with a checkpoint, and a killed one ends all with code 75",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 100000, batch: 20, baseline: none }");
      const asked = startCluster(2, ["p.yaml", "--out", "run"], folder);
      await asked[0]!.until("epoch 2/");
      asked[1]!.kill("SIGTERM");
      const [first, second] = await Promise.all(asked.map(({ ended }) => ended));
      assertEquals([first!.code, second!.code], [130, 130], first!.stderr + second!.stderr);
      assertStringIncludes(first!.stderr, "resume run");
      assertEquals(second!.stdout + second!.stderr, "");
      const killed = startCluster(2, ["resume", "run"], folder);
      await killed[0]!.until("epoch ");
      killed[1]!.kill("SIGKILL");
      const { code, stderr } = await killed[0]!.ended;
      await killed[1]!.ended;
      assertEquals(code, 75, stderr);
      const [, lost] = /error: the process at (127\.0\.0\.1:\d+) is gone\n hint: start all/.exec(
        stderr,
      ) ?? [];
      assert(lost, stderr);
      assertStringIncludes(stderr, "resume run");
    }),
});

Deno.test({
  name: "processes that would train something else are refused, with their addresses",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      writeClicks(folder, "{ epochs: 1, batch: 20, baseline: none }");
      const all = await runCluster(2, ["p.yaml", "--out", "run"], folder, ["--seed", "2"]);
      const message =
        /error: the process at 127\.0\.0\.1:\d+ has a pipeline other than the process at 127/;
      for (const { code, stderr } of all) {
        assertEquals(code, 1);
        assertMatch(stderr, message);
      }
      assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "run"), false);
    }),
});
