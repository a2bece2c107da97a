import { assert, assertEquals, assertRejects } from "@std/assert";
import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { findBuilds } from "../../../src/engine/native/build.ts";
import { GPU_PLATFORM, refuseOtherPlatform } from "../../../src/engine/native/gpu_platform.ts";
import { gpuRecipe } from "../../../src/engine/native/gpu_recipe.ts";
import { GPU_WHEELS, type GpuWheel } from "../../../src/engine/native/gpu_wheels.ts";
import { filesUnder } from "../../../src/engine/native/files.ts";
import type { Progress } from "../../../src/engine/native/progress.ts";
import { setUpNative, type SetUpOptions } from "../../../src/engine/native/set_up.ts";
import { PLATFORM, TENSORFLOW_VERSION } from "../../../src/engine/native/versions.ts";
import { libraryOf } from "../../../src/engine/tensorflow.ts";
import { UserError } from "../../../src/base/errors.ts";
import { withEnvironment, withFolder, writeScript } from "./support.ts";

const SILENT: Progress = { begin() {}, update() {}, end() {} };

/** The files of small packages that stand in for the real ones. */
const packages = {
  "tensorflow": {
    "tensorflow/libtensorflow_cc.so.2": "the C API",
    "tensorflow/libtensorflow_framework.so.2": "the framework",
    "tensorflow/include/tensorflow/c/eager/c_api.h": "// a header",
    "tensorflow/__init__.py": "raise SystemExit",
  },
  "nvidia-cublas-cu12": {
    "nvidia/cublas/lib/libcublas.so.12": "cuBLAS",
    "nvidia/cublas/include/cublas.h": "// a header",
    "nvidia/cublas/__init__.py": "",
  },
  "nvidia-cuda-nvcc-cu12": {
    "nvidia/cuda_nvcc/bin/ptxas": "an assembler",
    "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc": "functions",
  },
};

/** Runs a function with small packages, a pip that copies them, and a compiler that writes a file. */
async function withPackages(
  body: (wheels: readonly GpuWheel[], options: SetUpOptions & { cache: string }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const bin = join(folder, "bin"), cache = join(folder, "cache");
    await Deno.mkdir(bin);
    await Deno.mkdir(cache);
    const wheels: GpuWheel[] = [];
    for (const [name, texts] of Object.entries(packages)) {
      const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
      for (const [path, text] of Object.entries(texts)) await zip.add(path, new TextReader(text));
      const bytes = await zip.close();
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      wheels.push({ name, version: "1", tag: "any", bytes: bytes.length, sha256 });
      await Deno.writeFile(join(bin, `${name}.whl`), bytes);
    }
    await writeScript(
      bin,
      "pip3",
      '[ "$1" = --version ] && exit 0',
      "name=${2%%==*}",
      'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done',
      `/bin/cp "${bin}/$name.whl" "$dest/"`,
    );
    await writeScript(
      bin,
      "c++",
      'while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done',
      'echo addon > "$out"',
    );
    const options = {
      ...{ cache, report() {}, progress: SILENT, gpu: true },
      tryAddon: () => Promise.resolve(TENSORFLOW_VERSION),
    };
    await withEnvironment(
      { PATH: bin, CXX: "", ROCKET_TENSORFLOW: undefined },
      () => body(wheels, options),
    );
  });
}

const ignore = PLATFORM !== GPU_PLATFORM;

// The set-up for GPUs that docs/engine.md describes, with small packages.
Deno.test({
  name: "gpuRecipe() unpacks TensorFlow and the libraries of CUDA beside each other as real files",
  ignore,
  async fn() {
    await withPackages(async (wheels, options) => {
      const build = await setUpNative({ ...options, recipes: [gpuRecipe(wheels, 1)] });
      assert(build.folder.endsWith("-gpu"));
      assertEquals(build.gpu, true);
      const files = (await filesUnder(build.folder)).map((path) =>
        path.slice(build.folder.length + 1)
      );
      assertEquals(files.sort(), [
        "build.json",
        "nvidia/cublas/lib/libcublas.so.12",
        "nvidia/cuda_nvcc/bin/ptxas",
        "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc",
        "tensorflow/include/tensorflow/c/eager/c_api.h",
        "tensorflow/libtensorflow_cc.so.2",
        "tensorflow/libtensorflow_framework.so.2",
        "tensorflow/tfjs_binding.node",
      ]);
      for (const path of files) {
        assert(!(await Deno.lstat(join(build.folder, path))).isSymlink, path);
      }
      const { mode } = await Deno.stat(join(build.folder, "nvidia/cuda_nvcc/bin/ptxas"));
      assertEquals(mode! & 0o111, 0o111);
      assertEquals(libraryOf(build), join(build.folder, "tensorflow", "libtensorflow_cc.so.2"));
      assertEquals(await Deno.readTextFile(libraryOf(build)), "the C API");
    });
  },
});

Deno.test({
  name: "setUpNative() keeps the GPU build and the build for the CPU beside each other",
  ignore,
  async fn() {
    await withPackages(async (wheels, options) => {
      const { cache } = options, recipes = [gpuRecipe(wheels, 1)];
      const gpu = await setUpNative({ ...options, recipes });
      assertEquals(await findBuilds(cache, undefined), []);
      const make = async (folder: string) => {
        const [addon, library] = ["a.node", "b.so"].map((name) => join(folder, name));
        await Deno.writeTextFile(addon!, "addon");
        await Deno.writeTextFile(library!, "library");
        return { addon: addon!, library: library! };
      };
      const cpuOptions = { ...options, gpu: false, recipes: [{ origin: "wheel", make }] as const };
      const cpu = await setUpNative(cpuOptions);
      await setUpNative({ ...cpuOptions, force: true });
      assertEquals((await findBuilds(cache, undefined, true)).map(({ folder }) => folder), [
        gpu.folder,
      ]);
      await setUpNative({ ...options, recipes, force: true });
      assertEquals((await findBuilds(cache, undefined)).map(({ folder }) => folder), [cpu.folder]);
      // A library of the user is only for the CPU.
      await withEnvironment({ ROCKET_TENSORFLOW: cache }, async () => {
        assertEquals((await setUpNative({ ...options, recipes })).folder, gpu.folder);
      });
    });
  },
});

Deno.test({
  name: "gpuRecipe() leaves nothing behind after a package that is not the pinned one",
  ignore,
  async fn() {
    await withPackages(async ([first, second], options) => {
      const wheels = [first!, { ...second!, sha256: "0".repeat(64) }];
      await assertRejects(
        () => setUpNative({ ...options, recipes: [gpuRecipe(wheels, 1)] }),
        UserError,
        "the downloaded nvidia-cublas-cu12 package is not the published one",
      );
      const left = (await filesUnder(options.cache)).map((path) => path.split("/").at(-1));
      // The failure is not stored: it must not keep a run on the CPU from its set-up.
      assertEquals(left.filter((name) => name !== "native.lock"), []);
    });
  },
});

Deno.test({
  name: "gpuRecipe() checks the disk before it downloads",
  ignore,
  async fn() {
    await withPackages(async (wheels, options) => {
      const recipes = [gpuRecipe(wheels, 1e18)];
      await assertRejects(
        () => setUpNative({ ...options, recipes }),
        UserError,
        "the GPU build needs 1000000000.0 GB of disk space",
      );
    });
  },
});

Deno.test("GPU_WHEELS are pinned packages, with TensorFlow first", () => {
  const [tensorflow, ...cuda] = GPU_WHEELS;
  assertEquals(tensorflow?.name, "tensorflow");
  assertEquals(tensorflow?.version, TENSORFLOW_VERSION);
  assert(cuda.every(({ name }) => /^nvidia-.*-cu12$/.test(name)));
  assert(GPU_WHEELS.every(({ sha256 }) => /^[\da-f]{64}$/.test(sha256)));
  assertEquals(new Set(GPU_WHEELS.map(({ sha256 }) => sha256)).size, GPU_WHEELS.length);
  refuseOtherPlatform(GPU_PLATFORM);
});
