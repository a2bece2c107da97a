import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { chooseGpu, gpuOf } from "../../src/engine/device.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { readDriver } from "../../src/engine/native/driver.ts";
import { refuseOtherPlatform } from "../../src/engine/native/gpu_platform.ts";
import { refuseFullDisk } from "../../src/engine/native/gpu_recipe.ts";
import { setUpHint } from "../../src/engine/native/prepare_gpu.ts";
import { refuseUnusedGpu } from "../../src/engine/unused_gpu.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { readOptions } from "../../src/launch/command_line/options.ts";
import { compileAddon, findCompiler } from "../../src/engine/native/addon.ts";
import { givenLibrary, type Library } from "../../src/engine/native/library.ts";
import type { Progress } from "../../src/engine/native/progress.ts";
import { refuseForeignFolder } from "../../src/engine/native/own_folder.ts";
import { setUpNative } from "../../src/engine/native/set_up.ts";
import { tryAddon } from "../../src/engine/native/trial.ts";
import { findWheel, wheelLibrary } from "../../src/engine/native/wheel.ts";
import { nativeUnusable } from "../../src/engine/native/unusable.ts";
import { UserError } from "../../src/base/errors.ts";
import { withEnvironment, writeScript } from "../engine/native/support.ts";
import type { ProgramCase } from "./program_cases.ts";

const silent: Progress = { begin() {}, update() {}, end() {} };

/**
 * A machine as the set-up of the native engine sees it: folders whose programs are shell scripts.
 */
class Machine {
  readonly #folder: string;
  #caches = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A folder with programs, each a script of these lines. */
  async programs(programs: Record<string, readonly string[]>): Promise<string> {
    const bin = Deno.makeTempDirSync({ dir: this.#folder });
    for (const [name, lines] of Object.entries(programs)) await writeScript(bin, name, ...lines);
    return bin;
  }

  /** An empty folder. */
  empty(): string {
    return Deno.makeTempDirSync({ dir: this.#folder });
  }

  /** A folder with TensorFlow's C library and its headers, as far as it is looked at. */
  async tensorflow(): Promise<string> {
    const folder = join(this.#folder, `tensorflow${this.#caches++}`);
    const headers = join(folder, "include", "tensorflow", "c", "eager");
    await Deno.mkdir(headers, { recursive: true });
    await Deno.mkdir(join(folder, "lib"));
    for (const name of ["libtensorflow.so.2", "libtensorflow.2.dylib"]) {
      await Deno.writeTextFile(join(folder, "lib", name), "");
    }
    await Deno.writeTextFile(join(headers, "c_api.h"), "");
    return folder;
  }

  /** The command of a compiler that writes a file where it is told to. */
  async compiler(): Promise<string> {
    const bin = await this.programs({
      "c++": ['while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done', 'echo addon > "$out"'],
    });
    return join(bin, "c++");
  }

  /** A pip that answers a download by these lines; the folder for it is in `$dest`. */
  async pip(...lines: readonly string[]): Promise<string> {
    return await this.programs({
      pip3: [
        '[ "$1" = --version ] && exit 0',
        'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done',
        ...lines,
      ],
    });
  }

  /** Sets the native engine up for a library that ROCKET_TENSORFLOW names. */
  async setUpGiven(): Promise<void> {
    const [ROCKET_TENSORFLOW, CXX] = [await this.tensorflow(), await this.compiler()];
    await withEnvironment({ ROCKET_TENSORFLOW, CXX }, async () => {
      await setUpNative({
        cache: this.empty(),
        report: () => {},
        progress: silent,
        tryAddon: () => Promise.resolve("2.21.0"),
      });
    });
  }

  /** A package of TensorFlow as its index has it, and its hash. */
  async wheel(): Promise<{ path: string; sha256: string }> {
    const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
    await zip.add("tensorflow/libtensorflow_cc.so.2", new TextReader("the C API"));
    const bytes = await zip.close(), path = join(this.empty(), "some.whl");
    await Deno.writeFile(path, bytes);
    return { path, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  /** Fetches a package of TensorFlow with the programs of a folder. */
  async fetch(bin: string, sha256 = "0".repeat(64)): Promise<void> {
    await withEnvironment({ PATH: bin }, async () => {
      const wheel = { name: "tensorflow-cpu", tag: "any", sha256 };
      await wheelLibrary(wheel, this.empty(), silent);
    });
  }

  /** Fetches a package of TensorFlow as it goes where nothing is wrong. */
  async fetchWell(): Promise<void> {
    const { path, sha256 } = await this.wheel();
    await this.fetch(await this.pip(`/bin/cp "${path}" "$dest/"`), sha256);
  }
}

/** What stands in the way of the native engine, on machines that a test cannot be run on. */
export function* engineCases(folder: string): Iterable<ProgramCase> {
  const machine = new Machine(folder);
  const given = () => machine.setUpGiven();
  const either = async () => {
    await machine.fetchWell();
    await given();
  };
  yield {
    name: "a platform without a package of TensorFlow",
    run: () => findWheel("plan9-mips"),
    mended: { "native/platform": given },
  };
  yield {
    name: "a machine without pip",
    run: () => machine.fetch(machine.empty()),
    mended: { "native/pip": either },
  };
  yield {
    name: "a machine without a network",
    run: async () => {
      const words = "Temporary failure in name resolution";
      await machine.fetch(await machine.pip(`echo "${words}" >&2; exit 1`));
    },
    mended: { "native/network": () => machine.fetchWell() },
  };
  yield {
    name: "an index without the package",
    run: async () => {
      await machine.fetch(await machine.pip('echo "ERROR: No matching distribution" >&2; exit 1'));
    },
    mended: { "native/download": either },
  };
  yield {
    name: "a package that is not the published one",
    run: async () => {
      const { path } = await machine.wheel();
      await machine.fetch(await machine.pip(`/bin/cp "${path}" "$dest/"`));
    },
    mended: { "native/hash": either },
  };
  yield {
    name: "a machine without a compiler",
    run: () =>
      withEnvironment({ PATH: machine.empty(), CXX: "" }, async () => void await findCompiler()),
    mended: {
      "native/compiler": async () => {
        const PATH = await machine.programs({ "c++": [] });
        await withEnvironment({ PATH, CXX: "" }, async () => void await findCompiler());
      },
    },
  };
  const compile = async (compiler: readonly string[]) => {
    const library: Library = { files: [], include: folder };
    await compileAddon(library, machine.empty(), compiler);
  };
  yield {
    name: "a compiler that fails",
    run: async () => {
      const bin = await machine.programs({ "c++": ["echo 'error: no such thing' >&2; exit 1"] });
      await compile([join(bin, "c++")]);
    },
    mended: {
      "native/cxx": async () => {
        const CXX = await machine.compiler();
        await withEnvironment({ CXX }, async () => compile(await findCompiler()));
      },
    },
  };
  yield {
    name: "an addon that does not work",
    run: async () => {
      const addon = join(machine.empty(), "tfjs_binding.node");
      await Deno.writeTextFile(addon, "half an addon");
      await tryAddon(addon);
    },
    mended: { "native/trial": given },
  };
  yield {
    name: "a folder without TensorFlow",
    run: () => givenLibrary(machine.empty()),
    mended: { "native/given": async () => void await givenLibrary(await machine.tensorflow()) },
  };
  const failed = machine.empty();
  const setUp = (retry: boolean, works: boolean) =>
    withEnvironment({ ROCKET_TENSORFLOW: undefined }, async () => {
      await setUpNative({
        cache: failed,
        report: () => {},
        progress: silent,
        retry,
        tryAddon: () => Promise.resolve("2.21.0"),
        recipes: [{
          origin: "wheel",
          make: async (folder) => {
            if (!works) throw new UserError("the network is gone");
            const [addon, library] = ["a.node", "b.so"].map((name) => join(folder, name));
            await Deno.writeTextFile(addon!, "addon");
            await Deno.writeTextFile(library!, "library");
            return { addon: addon!, library: library! };
          },
        }],
      });
    });
  yield {
    name: "a set-up that failed today",
    run: async () => {
      await setUp(true, false).catch(() => {});
      await setUp(false, false);
    },
    mended: { "native/again": () => setUp(true, true) },
  };
  yield {
    name: "a native engine that fails without a hint",
    run: () => {
      throw nativeUnusable(new Error("it does not start"));
    },
    mended: { "engine/wasm": () => openEngine("wasm") },
  };
  yield* gpuCases(machine.empty());
  if (Deno.build.os === "windows") return;
  const cache = join(folder, "shared cache");
  Deno.mkdirSync(cache);
  const { uid } = Deno.statSync(cache);
  // Root, whose folder it may be, is trusted by all.
  if (uid === 0) Deno.chownSync(cache, 12345, 12345);
  yield {
    name: "a cache of another user",
    run: () => refuseForeignFolder(cache, 54321),
  };
  yield {
    name: "a cache that all users may write to",
    run: async () => {
      await Deno.chmod(cache, 0o777);
      await refuseForeignFolder(cache, Deno.statSync(cache).uid!);
    },
    mended: {
      "cache/writable": async () => {
        await Deno.chmod(cache, 0o755);
        await refuseForeignFolder(cache, Deno.statSync(cache).uid!);
      },
    },
  };
}

/** What stands in the way of a GPU. */
function* gpuCases(folder: string): Iterable<ProgramCase> {
  // What a user gets who has removed --device gpu.
  const onCpu = () => chooseGpu("cpu", { report() {} });
  const withoutDriver = (args: readonly string[]) => readOptions(parseArguments(args));
  yield {
    name: "a GPU on a platform without a GPU build",
    run: () => refuseOtherPlatform("plan9-mips"),
    mended: { "gpu/platform": onCpu },
  };
  yield {
    name: "a GPU build on a disk that is too small",
    run: () => refuseFullDisk(folder, Number.MAX_SAFE_INTEGER),
    mended: { "gpu/disk": () => refuseFullDisk(folder, 1) },
  };
  yield {
    name: "a GPU on a machine without a driver",
    run: () => readDriver(undefined),
    mended: { "gpu/driver": onCpu },
  };
  yield {
    name: "a GPU build on a machine without a driver",
    run: () => void readDriver(undefined, setUpHint),
    mended: {
      "gpu/without-driver": () => withoutDriver(["native", "--device", "gpu", "--without-driver"]),
    },
  };
  yield {
    name: "an option for the GPU build without the GPU build",
    run: () => withoutDriver(["native", "--without-driver"]),
    mended: {
      "device/driver": () => {
        withoutDriver(["native"]);
        withoutDriver(["native", "--without-driver", "--device", "gpu"]);
      },
    },
  };
  yield {
    name: "more processes than GPUs on a machine",
    run: () => gpuOf({ gpus: [{ name: "NVIDIA H100", capability: 9 }] }, 1),
    mended: { "gpu/processes": onCpu },
  };
  yield {
    name: "a GPU that TensorFlow does not use",
    run: () => refuseUnusedGpu({ name: "NVIDIA H100", capability: 9 }),
    mended: { "gpu/unused": onCpu },
  };
}
