import { hint, type HintText } from "../../base/hints.ts";
import { cacheFolder } from "../../base/machine/cache_folder.ts";
import { findBuilds } from "./build.ts";
import { findDriver, readDriver } from "./driver.ts";
import { refuseGiven } from "./gpu_build.ts";
import { refuseOtherPlatform } from "./gpu_platform.ts";
import { gigabytes } from "./gpu_recipe.ts";
import { GPU_BYTES, GPU_WHEELS } from "./gpu_wheels.ts";

/**
 * Checks whether the GPU build can be of use on this machine, before it is set up, and states its
 * size.
 *
 * @param withoutDriver Whether to set it up although this machine may have no GPU.
 * @param force Whether an existing build is built again.
 * @param report Receives lines of text for the user.
 * @returns The names of the GPUs with their numbers; empty if they were not looked for.
 * @throws {UserError} If the platform has no GPU build, or the machine has no driver or no GPU.
 */
export async function prepareGpu(
  withoutDriver: boolean,
  force: boolean,
  report: (line: string) => void,
): Promise<string[]> {
  refuseGiven();
  refuseOtherPlatform();
  const driver = withoutDriver ? undefined : readDriver(findDriver(), setUpHint);
  const found = await findBuilds(cacheFolder(), undefined, true);
  if (found.length === 0 || force) {
    const download = GPU_WHEELS.reduce((sum, { bytes }) => sum + bytes, 0);
    report(
      `downloading TensorFlow and the libraries of CUDA with pip: ${GPU_WHEELS.length} packages of ${
        gigabytes(download)
      } in all, which become ${gigabytes(GPU_BYTES)} in ${cacheFolder()}`,
    );
  }
  return (driver?.gpus ?? []).map(({ name }, index) => `${index}: ${name}`);
}

/** Returns the hint for a machine on which the GPU build is set up, but cannot be used. */
export const setUpHint = (): HintText =>
  hint(
    "gpu/without-driver",
    "install NVIDIA's driver 525 or newer; to set up the GPU build here for use on another machine, " +
      "such as in an image of a container, add --without-driver",
    { args: { add: ["--without-driver"] } },
  );
