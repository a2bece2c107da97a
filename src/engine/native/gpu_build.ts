import { commandName } from "../../base/command_name.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { cacheFolder } from "../../base/machine/cache_folder.ts";
import { type Build, findBuilds } from "./build.ts";
import { givenFolder } from "./given.ts";
import { refuseOtherPlatform, withoutGpu } from "./gpu_platform.ts";
import { refuseForeignFolder } from "./own_folder.ts";

/**
 * The user's choice of a device: `cpu`, `gpu`, or `auto` for a GPU if the GPU build of TensorFlow is
 * set up and the machine has a GPU, and the CPU otherwise.
 */
export type DeviceChoice = "auto" | "cpu" | "gpu";

/**
 * Finds the GPU build of TensorFlow. It is the work of the command `native --device gpu` to set it
 * up; nothing is downloaded here.
 *
 * @returns The build, or undefined if it is not set up or `ROCKET_TENSORFLOW` names another library.
 */
export async function findGpuBuild(): Promise<Build | undefined> {
  if (givenFolder() !== undefined) return undefined;
  const cache = cacheFolder(), [build] = await findBuilds(cache, undefined, true);
  if (build) await refuseForeignFolder(cache);
  return build;
}

/**
 * Finds the GPU build of TensorFlow for a user who has chosen the GPU.
 *
 * @returns The build.
 * @throws {UserError} If it is not set up, or cannot be used on this platform.
 */
export async function requireGpuBuild(): Promise<Build> {
  refuseGiven();
  const build = await findGpuBuild();
  if (build) return build;
  refuseOtherPlatform();
  throw new UserError("TensorFlow is not set up for GPUs", {
    hint: hint(
      "gpu/set-up",
      `run \`${commandName()} native --device gpu\` once to set it up, or remove --device gpu`,
      withoutGpu,
    ),
  });
}

/**
 * Throws an error if the variable `ROCKET_TENSORFLOW` is set, because the GPU build has a TensorFlow
 * of its own.
 *
 * @throws {UserError} If it is set.
 */
export function refuseGiven(): void {
  const given = givenFolder();
  if (given === undefined) return;
  throw new UserError(
    `ROCKET_TENSORFLOW is ${given}, but --device gpu uses the TensorFlow that Rocket sets up for GPUs`,
    {
      hint: hint(
        "gpu/given",
        "unset ROCKET_TENSORFLOW, or remove --device gpu to compute on the CPU",
        withoutGpu,
      ),
      exitCode: 2,
    },
  );
}
