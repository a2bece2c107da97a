import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Cluster } from "../cluster/processes.ts";
import type { Build } from "./native/build.ts";
import { type Driver, findDriver, type Gpu, readDriver } from "./native/driver.ts";
import { type DeviceChoice, findGpuBuild, requireGpuBuild } from "./native/gpu_build.ts";

/** The GPU of a process, and the build of TensorFlow that computes on it. */
export interface ChosenGpu {
  /** The GPU build. */
  readonly build: Build;
  /** The number of the GPU on this machine, starting at 0. */
  readonly index: number;
  /** The GPU. */
  readonly gpu: Gpu;
}

/**
 * Chooses the GPU on which this process computes.
 *
 * @param device The user's choice.
 * @param options The cluster of the process, if there is one: its processes on the same host use
 *   different GPUs. Also the listener for a line of text about a GPU that cannot be used.
 * @returns The GPU; undefined to compute on the CPU.
 * @throws {UserError} If a GPU was chosen and cannot be used, or if there are more processes than
 *   GPUs.
 */
export async function chooseGpu(
  device: DeviceChoice,
  { cluster, report }: {
    readonly cluster?: Cluster | undefined;
    readonly report: (line: string) => void;
  },
): Promise<ChosenGpu | undefined> {
  if (device === "cpu") return undefined;
  const build = device === "gpu" ? await requireGpuBuild() : await findGpuBuild();
  const path = build && findDriver();
  if (!build || device === "auto" && path === undefined) return undefined;
  let driver: Driver;
  try {
    driver = readDriver(path);
  } catch (error) {
    if (device === "gpu" || !(error instanceof UserError)) throw error;
    report(`using the CPU because ${error.message}`);
    return undefined;
  }
  const index = cluster ? localRank(cluster) : 0;
  return { build, index, gpu: gpuOf(driver, index) };
}

/**
 * Returns the GPU for a process.
 *
 * @param driver The driver, which knows the GPUs.
 * @param index The number of the process among those of its cluster on this machine.
 * @throws {UserError} If the machine has fewer GPUs.
 */
export function gpuOf({ gpus }: Pick<Driver, "gpus">, index: number): Gpu {
  const gpu = gpus[index];
  if (gpu) return gpu;
  throw new UserError(
    `this is process ${
      index + 1
    } of the cluster on this machine, but the machine has only ${gpus.length} GPU${
      gpus.length === 1 ? "" : "s"
    }: each process needs one`,
    {
      hint: hint("gpu/processes", "start one process for each GPU, or add --device cpu", {
        args: { add: ["--device", "cpu"] },
      }),
      exitCode: 2,
    },
  );
}

/**
 * Returns the number of a process among those of its cluster on the same host.
 *
 * @example
 * ```ts
 * import { localRank } from "./device.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const addresses = ["a:1", "a:2", "b:1", "b:2"];
 * assertEquals(localRank({ rank: 3, addresses }), 1);
 * ```
 *
 * @param cluster The cluster and the number of the process.
 */
export function localRank({ rank, addresses }: Pick<Cluster, "rank" | "addresses">): number {
  const hosts = addresses.map((address) => address.slice(0, address.lastIndexOf(":")));
  return hosts.slice(0, rank).filter((host) => host === hosts[rank]).length;
}

/**
 * Describes a GPU and its float32 computations for the line about the engine. Since compute
 * capability 8.0, GPUs round the inputs of float32 products and convolutions to the 10 bits of TF32.
 *
 * @param gpu The GPU.
 * @param override The value of the variable `NVIDIA_TF32_OVERRIDE`, by which a user turns TF32 off.
 */
export function describeGpu({ name, capability }: Gpu, override?: string): string {
  const tf32 = capability < 8
    ? ""
    : override === "0"
    ? ", float32 without TF32"
    : ", float32 products in TF32";
  return `${name}, compute capability ${capability.toFixed(1)}${tf32}`;
}
