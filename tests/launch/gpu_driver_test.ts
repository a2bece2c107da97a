import { assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findDriver } from "../../src/engine/native/driver.ts";
import { GPU_PLATFORM } from "../../src/engine/native/gpu_platform.ts";
import { PLATFORM } from "../../src/engine/native/versions.ts";
import { inFolder, rocket } from "../support/command_line.ts";

/** Libraries that answer as NVIDIA's driver does, with the messages that they should lead to. */
const drivers: Readonly<Record<string, { readonly source: string; readonly message: string }>> = {
  "without a GPU": {
    source: "int cuInit(unsigned flags) { return 100; }",
    message: "the driver for NVIDIA GPUs finds no GPU",
  },
  "that is too old": {
    source: "int cuInit(unsigned flags) { return 0; }",
    message: "supports CUDA 11.8, but TensorFlow needs CUDA 12 or newer",
  },
  "that fails": {
    source: "int cuInit(unsigned flags) { return 803; }",
    message: "the driver for NVIDIA GPUs fails with the error 803 in cuInit",
  },
};

const others = `
int cuDriverGetVersion(int *version) { *version = 11080; return 0; }
int cuDeviceGetCount(int *count) { *count = 0; return 0; }
int cuDeviceGetName(char *name, int length, int device) { return 101; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { return 101; }
`;

const hasCompiler = ["/usr/bin/cc", "/usr/local/bin/cc"].some(existsSync);

/** A machine with a real driver would begin to download gigabytes. */
const ignore = PLATFORM !== GPU_PLATFORM || findDriver() !== undefined;

async function setUp(cache: string, libraries = ""): Promise<string> {
  const env = { ROCKET_CACHE: cache, LD_LIBRARY_PATH: libraries };
  const { code, stderr } = await rocket(["native", "--device", "gpu"], { env });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "add --without-driver");
  assertEquals(stderr.includes("downloading"), false, stderr);
  assertEquals([...Deno.readDirSync(cache)].filter(({ name }) => name.startsWith("native")), []);
  return stderr;
}

Deno.test({
  name: "native --device gpu downloads nothing on a machine without a driver",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const text = await setUp(join(folder, "cache"));
      assertStringIncludes(text, "found no driver for NVIDIA GPUs (libcuda.so.1)");
    }),
});

for (const [what, { source, message }] of Object.entries(drivers)) {
  Deno.test({
    name: `native --device gpu downloads nothing with a driver ${what}`,
    ignore: ignore || !hasCompiler,
    fn: () =>
      inFolder(async (folder) => {
        await Deno.writeTextFile(join(folder, "driver.c"), source + others);
        const compile = new Deno.Command("cc", {
          args: ["-shared", "-fPIC", "-o", "libcuda.so.1", "driver.c"],
          cwd: folder,
        });
        const { success, stderr } = await compile.output();
        assertEquals(success, true, new TextDecoder().decode(stderr));
        assertStringIncludes(await setUp(join(folder, "cache"), folder), message);
      }),
  });
}

Deno.test({
  name: "without --device gpu, no driver is looked for, and no permission names one",
  ignore: PLATFORM !== GPU_PLATFORM,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "libcuda.so.1"), "not a library");
      const env = { LD_LIBRARY_PATH: folder };
      for (const args of [["--engine", "native"], ["--device", "cpu"]]) {
        const { code, stdout, stderr } = await rocket(
          ["digits.yaml", "--permissions", ...args],
          { cwd: await withDigits(folder), env },
        );
        assertEquals(code, 0, stderr);
        assertEquals(/cuda|GPU/.test(stdout + stderr), false, stdout + stderr);
      }
    }),
});

/** Writes a pipeline that needs no files. */
async function withDigits(folder: string): Promise<string> {
  await Deno.writeTextFile(
    join(folder, "digits.yaml"),
    `name: rows
data:
  train: { use: arrow, path: rows.arrow }
  label: { column: y, kind: binary }
network: mlp
losses: [{ use: binary-cross-entropy, on: light }]
`,
  );
  return folder;
}
