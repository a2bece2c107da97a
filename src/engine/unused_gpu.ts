import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Gpu } from "./native/driver.ts";
import { currentContext } from "./tensorflow.ts";

/**
 * Throws an error if TensorFlow, which is loaded, does not use the GPU that was chosen: it prints
 * the reason and computes on the CPU then.
 *
 * @param gpu The GPU.
 * @throws {UserError} If TensorFlow uses no GPU.
 */
export function refuseUnusedGpu({ name }: Gpu): void {
  if (currentContext()?.hasGpu) return;
  throw new UserError(`TensorFlow is set up for GPUs but does not use the GPU ${name}`, {
    hint: hint(
      "gpu/unused",
      "set the environment variable TF_CPP_MIN_LOG_LEVEL to 0 to see why, or add --device cpu",
      [{ tells: true }, { args: { add: ["--device", "cpu"] } }],
    ),
  });
}
