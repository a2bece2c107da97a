import { UserError } from "../../base/errors.ts";
import { hint, type HintText } from "../../base/hints.ts";
import { exists } from "../../base/machine/libc.ts";
import { variableIfAllowed } from "../../base/machine/variable_if_allowed.ts";
import { withoutGpu } from "./gpu_platform.ts";
import { join } from "node:path";

/** A GPU, as NVIDIA's driver describes it. */
export interface Gpu {
  /** Its name, such as `NVIDIA H100 80GB HBM3`. */
  readonly name: string;
  /** Its compute capability, such as 9.0. */
  readonly capability: number;
}

/** NVIDIA's driver and its GPUs. */
export interface Driver {
  /** The path of its library. */
  readonly path: string;
  /** The newest version of CUDA that it supports, such as 12.9. */
  readonly cuda: number;
  /** The GPUs, in the order of their numbers. */
  readonly gpus: readonly Gpu[];
}

/** The functions of the driver that Rocket calls. */
const SYMBOLS = {
  cuInit: { parameters: ["u32"], result: "i32" },
  cuDriverGetVersion: { parameters: ["buffer"], result: "i32" },
  cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
  cuDeviceGetName: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  cuDeviceGetAttribute: { parameters: ["buffer", "i32", "i32"], result: "i32" },
} as const;

/** The file name of the driver's library. */
const LIBRARY = "libcuda.so.1";

/** The folders where systems, containers, and Windows' subsystem for Linux install the driver. */
const FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/lib/x86_64-linux-gnu",
  "/usr/local/nvidia/lib64",
  "/usr/local/nvidia/lib",
  "/usr/lib/wsl/lib",
  "/run/opengl-driver/lib",
];

/** The oldest version of CUDA with which the libraries of the GPU build work. */
const OLDEST_CUDA = 12;

/** The numbers of the attributes of a GPU that are its compute capability. */
const MAJOR = 75, MINOR = 76;

/** The driver's answer if the machine has no GPU. */
const NO_DEVICE = 100;

/**
 * Finds the library of NVIDIA's driver, in the folders of the variable `LD_LIBRARY_PATH` and in
 * those of the system. Nothing is loaded.
 *
 * @returns Its path, or undefined if this machine has no driver.
 */
export function findDriver(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const named = (variableIfAllowed("LD_LIBRARY_PATH") ?? "").split(":").filter((path) =>
    path.startsWith("/")
  );
  return [...named, ...FOLDERS].map((folder) => join(folder, LIBRARY)).find(exists);
}

/**
 * Asks NVIDIA's driver for its version and its GPUs.
 *
 * @param path The path of the driver's library, from {@linkcode findDriver}.
 * @param advice The hint of errors; by default, it is for a run.
 * @returns The driver.
 * @throws {UserError} If the driver cannot be loaded or is too old, or if there is no GPU.
 */
export function readDriver(path: string | undefined, advice: () => HintText = driverHint): Driver {
  if (path === undefined) {
    throw new UserError(`found no driver for NVIDIA GPUs (${LIBRARY})`, { hint: advice() });
  }
  let library: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    library = Deno.dlopen(path, SYMBOLS);
  } catch (error) {
    throw new UserError(
      `the driver for NVIDIA GPUs, ${path}, cannot be loaded: ${(error as Error).message}`,
      { hint: advice(), cause: error },
    );
  }
  using _library = { [Symbol.dispose]: () => library.close() };
  const c = library.symbols, number = new Int32Array(1);
  const answer = (what: string, code: number): number => {
    if (code === 0) return number[0]!;
    throw new UserError(
      code === NO_DEVICE
        ? "the driver for NVIDIA GPUs finds no GPU"
        : `the driver for NVIDIA GPUs fails with the error ${code} in ${what}`,
      { hint: advice() },
    );
  };
  answer("cuInit", c.cuInit(0));
  const version = answer("cuDriverGetVersion", c.cuDriverGetVersion(number));
  const cuda = Math.floor(version / 1000) + version % 1000 / 100;
  if (cuda < OLDEST_CUDA) {
    throw new UserError(
      `the driver for NVIDIA GPUs supports CUDA ${cuda}, but TensorFlow needs CUDA ${OLDEST_CUDA} or newer`,
      { hint: advice() },
    );
  }
  const count = answer("cuDeviceGetCount", c.cuDeviceGetCount(number));
  if (count === 0) answer("cuDeviceGetCount", NO_DEVICE);
  const gpus = Array.from({ length: count }, (_, index): Gpu => {
    const text = new Uint8Array(256);
    answer("cuDeviceGetName", c.cuDeviceGetName(text, text.length - 1, index));
    const [major, minor] = [MAJOR, MINOR].map((attribute) =>
      answer("cuDeviceGetAttribute", c.cuDeviceGetAttribute(number, attribute, index))
    );
    const name = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
    return { name, capability: major! + minor! / 10 };
  });
  return { path, cuda, gpus };
}

const driverHint = (): HintText =>
  hint(
    "gpu/driver",
    "install NVIDIA's driver 525 or newer, or remove --device gpu to compute on the CPU",
    withoutGpu,
  );
