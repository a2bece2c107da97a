import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import {
  type Ended,
  inFolder,
  launch,
  launcher,
  rocket,
  userEnvironment,
} from "../support/command_line.ts";
import { dataFolder, digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";
import { onSmallDisk } from "../support/small_disk.ts";

const small = digitsPipeline({ train: { epochs: 3, batch: 256 }, outputs: ["checkpoint"] });

const run = (file: string, out: string, ...more: string[]) =>
  rocket([file, "--engine", "wasm", "--quiet", "--out", out, ...more]);

/** Lists all names below a folder. */
function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? namesIn(join(folder, name)).map((inner) => `${name}/${inner}`) : [name]
  ).sort();
}

/** Expects one message with a hint and without a stack trace. */
function assertTold({ code, stderr }: Ended, message: RegExp): void {
  assertEquals(code, 1, stderr);
  assertMatch(stderr, message);
  assertEquals(stderr.match(/^error: /gm)?.length, 1);
  assertMatch(stderr, /^ hint: /m);
  assert(!stderr.includes("    at "), stderr);
}

/** Expects that no file is incomplete. */
async function assertWhole(folder: string): Promise<void> {
  for (const name of namesIn(folder)) {
    assert(!/(^|\/)\./.test(name), `${name} was left`);
    const bytes = await Deno.readFile(join(folder, name)), text = new TextDecoder().decode(bytes);
    if (name.endsWith(".json")) JSON.parse(text);
    if (name.endsWith(".safetensors")) decodeSafetensors(bytes);
    if (name.endsWith(".jsonl")) {
      assert(text === "" || text.endsWith("\n"));
      for (const line of text.trim().split("\n")) if (line !== "") JSON.parse(line);
    }
  }
}

/** An output that creates a folder with the name of a file to be written, after the first epoch. */
const inTheWay = (name: string) => ({
  "mine.ts": `import { defineOutput, z } from "${pluginApi}";
export default defineOutput({
  name: "mine", summary: "Is in the way.", options: z.object({}),
  create: (_options, { folder }) => ({ epoch({ epoch }) {
    if (epoch !== 1) return;
    const path = folder + "/${name}";
    try { Deno.removeSync(path, { recursive: true }); } catch { /* It is not there yet. */ }
    Deno.mkdirSync(path);
    Deno.writeTextFileSync(path + "/inside", "");
  } }),
});
`,
});

for (const name of ["metrics.jsonl", "result.json"]) {
  Deno.test(`a run whose ${name} cannot be written ends with exit code 1 and a message`, async () => {
    const outputs = ["checkpoint", "./mine.ts"];
    await withPipeline({ ...small, outputs }, async (file, folder) => {
      const out = join(folder, "run");
      const ended = await run(file, out);
      assertTold(ended, new RegExp(`^error: .*/${name} cannot be written: `, "m"));
      await Deno.remove(join(out, name), { recursive: true });
      await assertWhole(out);
      assert(namesIn(out).some((name) => name.endsWith(".safetensors")));
      assert(!namesIn(out).includes("result.json"));
    }, inTheWay(name));
  });
}

Deno.test("a file instead of the checkpoints folder ends the run with exit code 1", async () => {
  const plugin = `import { defineOutput, z } from "${pluginApi}";
export default defineOutput({
  name: "mine", summary: "Is in the way.", options: z.object({}),
  create: (_options, { folder }) => ({
    step: () => Deno.writeTextFileSync(folder + "/checkpoints", ""),
  }),
});
`;
  const outputs = ["./mine.ts", "checkpoint"];
  await withPipeline({ ...small, outputs }, async (file, folder) => {
    const out = join(folder, "run");
    assertTold(await run(file, out), /^error: .*checkpoints.* cannot be written: /m);
    assert(!namesIn(out).includes("result.json"));
  }, { "mine.ts": plugin });
});

Deno.test({
  name: "a run folder without write permission ends the run with exit code 1",
  // Permissions do not apply to the superuser.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: () =>
    withPipeline(small, async (file, folder) => {
      const out = join(folder, "run");
      await Deno.mkdir(out, { mode: 0o500 });
      assertTold(await run(file, out), /^error: .*pipeline\.json cannot be written: /m);
      assertEquals(namesIn(out), []);
    }),
});

onSmallDisk("a read-only disk ends the run with exit code 1", 64, async (disk, remount) => {
  await Deno.mkdir(join(disk, "run"));
  await remount("ro");
  await withPipeline(small, async (file) => {
    const ended = await run(file, join(disk, "run"));
    assertTold(ended, /model\.json cannot be written: the disk is read-only$/m);
  });
});

for (const kilobytes of [4, 12, 28, 44]) {
  const name = `a disk of ${kilobytes} KB that fills ends the run and leaves what is whole`;
  onSmallDisk(name, kilobytes, async (disk) => {
    await withPipeline(small, async (file) => {
      const out = join(disk, "run");
      assertTold(await run(file, out), /^error: .* cannot be (written|made): .*(full|space)/m);
      await assertWhole(disk);
      assert(!namesIn(disk).includes("run/result.json"));
      // The largest limit allows one checkpoint, which remains, but not the next one.
      if (kilobytes === 44) assert(namesIn(disk).some((name) => name.endsWith(".safetensors")));
    });
  });
}

Deno.test({
  name: "a checkpoint above the maximum file size ends the run and leaves no partial file",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withPipeline(small, async (file, folder) => {
      const out = join(folder, "run");
      // A block is 512 bytes, or 1,024 in some shells; a pipeline.json has about 3,000.
      const script = 'trap "" XFSZ; ulimit -f 12; exec "$@"';
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          ...["-c", script, "sh", Deno.execPath(), ...launcher],
          ...[file, "--engine", "wasm", "--quiet", "--out", out],
        ],
        env: userEnvironment(),
        clearEnv: true,
        cwd: folder,
        stdin: "null",
      }).output();
      const ended = { code, stdout: "", stderr: new TextDecoder().decode(stderr) };
      assertTold(
        ended,
        /^error: .*checkpoints.* cannot be written: .*(maximum size|File too large)/m,
      );
      await assertWhole(out);
    }),
});

/** Runs `deno task data`. */
const data = (...args: string[]) => launch("data/main.ts", args);

onSmallDisk("data and data convert leave no files on a full disk", 64, async (disk) => {
  const to = join(disk, "digits.arrow");
  const converted = await data("convert", join(dataFolder, "digits-train.arrow"), to);
  assertTold(converted, /^error: .*digits\.arrow cannot be written: the disk is full$/m);
  assertEquals(namesIn(disk), []);
  const made = await data("digits", "--out", disk);
  assertTold(made, /^error: .*digits-train\.arrow cannot be written: the disk is full$/m);
  assertEquals(namesIn(disk), []);
});

Deno.test("data and data convert name the file that cannot be written, and do not change it", () =>
  inFolder(async (folder) => {
    const from = join(dataFolder, "digits-test.arrow"), taken = join(folder, "taken");
    await Deno.writeTextFile(taken, "old");
    assertTold(
      await data("convert", from, join(taken, "x.arrow")),
      /taken\/x\.arrow cannot be written/,
    );
    const nowhere = await data("convert", from, join(folder, "nowhere", "x.arrow"));
    assertTold(nowhere, /x\.arrow cannot be written: there is no folder .*nowhere$/m);
    assertTold(await data("digits", "--out", join(taken, "in")), /taken\/in cannot be written: /);
    assertEquals(namesIn(folder), ["taken"]);
    assertStringIncludes(await Deno.readTextFile(taken), "old");
  }));
