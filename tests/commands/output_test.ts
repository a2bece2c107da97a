import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { deno, flags, inFolder, launch, redirected, rocket } from "../support/command_line.ts";
import { digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";

const small = digitsPipeline({
  train: { epochs: 2, batch: 256 },
  outputs: ["progress", { use: "checkpoint" }],
});

const ignore = Deno.build.os !== "linux";

for (const json of [[], ["--json"]]) {
  Deno.test({
    name: `results that cannot be written ${json} end with exit code 1 and a message`,
    ignore,
    fn: () =>
      withPipeline(small, async (file, folder) => {
        const args = [file, "--engine", "wasm", "--out", join(folder, "run"), ...json];
        const { code, stderr } = await redirected(args, "> /dev/full");
        assertEquals(code, 1);
        assertMatch(stderr, /^error: standard output cannot be written: the disk is full$/m);
        assert(!/fault|^ +at /m.test(stderr), stderr);
      }),
  });
}

Deno.test({
  name: "a text that cannot be written ends the launcher with exit code 1 and a message",
  ignore,
  fn: async () => {
    for (const args of [["version"], ["help"], ["predict", "--help"]]) {
      const { code, stderr } = await redirected(args, "> /dev/full");
      assertEquals(
        [code, stderr],
        [1, "error: standard output cannot be written: the disk is full\n"],
      );
      assertEquals(await redirected(args, "| head -c 1 > /dev/null"), {
        code: 0,
        stdout: "",
        stderr: "",
      });
    }
  },
});

Deno.test({
  name: "a TMPDIR in which no folder can be made is refused, with the variable's name",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const file = join(folder, "file");
      await Deno.writeTextFile(file, "");
      for (const TMPDIR of [file, join(folder, "missing"), "/proc"]) {
        const { code, stdout, stderr } = await launch("cli.ts", ["list"], { env: { TMPDIR } });
        assertEquals([code, stdout], [1, ""]);
        assertMatch(
          stderr,
          /^error: the folder for temporary files cannot be written: .*TMPDIR can name another one\n$/,
        );
      }
    }),
});

Deno.test({
  name: "a run continues if the reader of its progress or events has closed the pipe",
  ignore,
  fn: () =>
    withPipeline(small, async (file, folder) => {
      const ways = ["2> /dev/full", "2>&-", "--json | head -n 1", "2>&1 | head -n 1", ">&- 2>&-"];
      for (const [index, where] of ways.entries()) {
        const out = join(folder, `run${index}`);
        const args = [file, "--engine", "wasm", "--out", out];
        const { code, stderr } = await redirected(args, where);
        assertEquals(code, 0, stderr);
        assert(!/error|^ +at /m.test(stderr), stderr);
        await Deno.stat(join(out, "result.json"));
      }
    }),
});

Deno.test("say() and print() take separate lines and escape line breaks within them", async () => {
  const text = "a\nerror: b\u2028c";
  const code = `import { print, printJson, say } from ${
    JSON.stringify(import.meta.resolve("../../src/base/terminal.ts"))
  };
say("one", ["two", ${JSON.stringify(text)}]);
print(${JSON.stringify(text)}, []);
printJson(${JSON.stringify(text + "\u{e0041}")});`;
  const { stdout, stderr } = await deno(["eval", "--quiet", ...flags, code]);
  assertEquals(stderr, "one\ntwo\na\\u{a}error: b\\u{2028}c\n");
  const [line, json] = stdout.split("\n") as [string, string];
  assertEquals(line, "a\\u{a}error: b\\u{2028}c");
  assertEquals(json, '"a\\nerror: b\\u2028c\\udb40\\udc41"');
  assertEquals(JSON.parse(json), `${text}\u{e0041}`);
});

Deno.test("control characters in paths, data and messages of plugins do not reach the terminal", async () => {
  const evil = "\u001b[2J\u0007\u202e\u009b31m";
  const pipeline = digitsPipeline({
    train: { epochs: 1, batch: 256 },
    outputs: ["progress", { use: "./evil.ts" }],
  });
  await withPipeline(pipeline, async (file, folder) => {
    const args = [file, "--engine", "wasm", "--out"];
    const fine = await rocket([...args, join(folder, `a${evil}`), "--set", "outputs=[progress]"]);
    const thrown = await rocket([...args, join(folder, "b"), "--json", "--debug"]);
    assertEquals([fine.code, thrown.code], [0, 1], fine.stderr + thrown.stderr);
    for (const text of [fine.stdout, fine.stderr, thrown.stdout, thrown.stderr]) {
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/.test(text), JSON.stringify(text));
    }
    assertStringIncludes(fine.stdout, "a\\u{1b}[2J");
    // A program reads the original text.
    const failure = thrown.stdout.split("\n").find((line) => line.startsWith(`{"event":"failure"`));
    assertStringIncludes(JSON.parse(failure!).message, `b${evil}`);
  }, {
    "evil.ts": `import { defineOutput, z } from "${pluginApi}";
export default defineOutput({
  name: "evil", summary: "Throws.", options: z.object({}),
  create: () => ({ epoch() { throw new Error(${JSON.stringify(`b${evil}`)}); } }),
});
`,
  });
});
