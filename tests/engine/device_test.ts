import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { chooseGpu, describeGpu, gpuOf, localRank } from "../../src/engine/device.ts";
import { findDriver, readDriver } from "../../src/engine/native/driver.ts";
import { UserError } from "../../src/base/errors.ts";
import { withEnvironment, withFolder } from "./native/support.ts";

/** Whether this machine can compile a library that stands in for NVIDIA's driver. */
const COMPILES = Deno.build.os === "linux" && await hasCompiler();

async function hasCompiler(): Promise<boolean> {
  const run = new Deno.Command("cc", { args: ["--version"], stdout: "null", stderr: "null" });
  return await run.output().then(({ success }) => success, () => false);
}

/** What a driver answers. */
interface Answers {
  readonly init?: number;
  readonly version?: number;
  readonly names?: readonly string[];
}

/** Compiles a library that answers like NVIDIA's driver. */
async function writeDriver(
  folder: string,
  { init = 0, version = 12_080, names = ["NVIDIA H100"] }: Answers,
): Promise<string> {
  const source = join(folder, "driver.c"), path = join(folder, "libcuda.so.1");
  await Deno.writeTextFile(
    source,
    `
static const char *names[] = { ${[...names, ""].map((name) => JSON.stringify(name)).join(", ")} };
int cuInit(unsigned flags) { return ${init}; }
int cuDriverGetVersion(int *version) { *version = ${version}; return 0; }
int cuDeviceGetCount(int *count) { *count = ${names.length}; return 0; }
int cuDeviceGetName(char *name, int length, int index) {
  int at = 0;
  for (; at < length - 1 && names[index][at]; at++) name[at] = names[index][at];
  name[at] = 0;
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int index) {
  *value = attribute == 75 ? 9 : attribute == 76 ? index : -1;
  return 0;
}
`,
  );
  const args = ["-shared", "-fPIC", "-o", path, source];
  assert((await new Deno.Command("cc", { args }).output()).success);
  return path;
}

Deno.test({
  name: "findDriver() finds the driver in LD_LIBRARY_PATH, and readDriver() lists its GPUs",
  ignore: !COMPILES,
  async fn() {
    await withFolder(async (folder) => {
      const path = await writeDriver(folder, { names: ["NVIDIA H100", "NVIDIA L4"] });
      await withEnvironment({ LD_LIBRARY_PATH: `relative:/nowhere:${folder}` }, () => {
        assertEquals(findDriver(), path);
        return Promise.resolve();
      });
      assertEquals(readDriver(path), {
        path,
        cuda: 12.8,
        gpus: [{ name: "NVIDIA H100", capability: 9 }, { name: "NVIDIA L4", capability: 9.1 }],
      });
    });
  },
});

Deno.test({
  name: "readDriver() rejects a driver that is too old, finds no GPU, or fails",
  ignore: !COMPILES,
  async fn() {
    const cases: readonly (readonly [Answers, string])[] = [
      [{ version: 11_080 }, "supports CUDA 11.8, but TensorFlow needs CUDA 12 or newer"],
      [{ names: [] }, "finds no GPU"],
      [{ init: 100 }, "finds no GPU"],
      [{ init: 803 }, "fails with the error 803 in cuInit"],
    ];
    for (const [answers, words] of cases) {
      await withFolder(async (folder) => {
        const path = await writeDriver(folder, answers);
        assertThrows(() => readDriver(path), UserError, words);
      });
    }
  },
});

Deno.test("readDriver() rejects a file that is not a library", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "libcuda.so.1");
    await Deno.writeTextFile(path, "not a library");
    assertThrows(() => readDriver(path), UserError, "cannot be loaded");
  });
});

Deno.test("chooseGpu() uses the CPU if the GPU build is not set up, without a line about it", async () => {
  await withFolder((cache) =>
    withEnvironment({ ROCKET_CACHE: cache, ROCKET_TENSORFLOW: undefined }, async () => {
      const report = (line: string) => assert(false, line);
      assertEquals(await chooseGpu("auto", { report }), undefined);
      assertEquals(await chooseGpu("cpu", { report }), undefined);
      await assertRejects(() => chooseGpu("gpu", { report }), UserError);
    })
  );
});

Deno.test("localRank() numbers the processes of a host", () => {
  const addresses = ["a:7077", "b:7077", "a:7078", "[::1]:7077", "[::1]:7078", "b:7078"];
  const ranks = addresses.map((_, rank) => localRank({ rank, addresses }));
  assertEquals(ranks, [0, 0, 1, 0, 1, 1]);
});

Deno.test("gpuOf() gives each process of a host a GPU, and rejects one too many", () => {
  const gpus = ["first", "second"].map((name) => ({ name, capability: 9 }));
  assertEquals([0, 1].map((rank) => gpuOf({ gpus }, rank).name), ["first", "second"]);
  assertThrows(
    () => gpuOf({ gpus }, 2),
    UserError,
    "this is process 3 of the cluster on this machine, but the machine has only 2 GPUs",
  );
});

Deno.test("describeGpu() names TF32 if the GPU uses it", () => {
  const h100 = { name: "NVIDIA H100", capability: 9 }, v100 = { name: "Tesla V100", capability: 7 };
  assertEquals(
    describeGpu(h100),
    "NVIDIA H100, compute capability 9.0, float32 products in TF32",
  );
  assertEquals(
    describeGpu(h100, "0"),
    "NVIDIA H100, compute capability 9.0, float32 without TF32",
  );
  assertEquals(describeGpu(v100), "Tesla V100, compute capability 7.0");
});
