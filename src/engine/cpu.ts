import * as tf from "@tensorflow/tfjs";

/**
 * Returns tfjs's plain JavaScript backend, which needs no set-up. It is slow and intended for
 * little work.
 */
export function plainBackend(): tf.KernelBackend {
  const cpu = tf.engine().findBackend("cpu");
  // Without this, the backend prints advice to install tfjs-node.
  return Object.assign(cpu, { firstUse: false });
}

/** Switches to tfjs's plain JavaScript backend, which then computes all tensors. */
export async function openPlain(): Promise<void> {
  plainBackend();
  await tf.setBackend("cpu");
}
