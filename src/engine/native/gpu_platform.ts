import { UserError } from "../../base/errors.ts";
import { type Change, hint } from "../../base/hints.ts";
import { PLATFORM } from "./versions.ts";

/** The only platform for which TensorFlow's Python package has a GPU build. */
export const GPU_PLATFORM = "linux-x86_64";

/** What removing --device gpu changes, for hints. */
export const withoutGpu: Change = { args: { remove: ["--device", "gpu", "--device=gpu"] } };

/**
 * Throws an error on a platform without a GPU build.
 *
 * @param platform The platform; this one by default.
 * @throws {UserError} If TensorFlow's Python package has no GPU build for the platform.
 */
export function refuseOtherPlatform(platform: string = PLATFORM): void {
  if (platform === GPU_PLATFORM) return;
  throw new UserError(
    `TensorFlow's Python package supports NVIDIA GPUs only on ${GPU_PLATFORM}, not on ${platform}`,
    {
      hint: hint("gpu/platform", "remove --device gpu to compute on the CPU", withoutGpu),
      exitCode: 2,
    },
  );
}
