import type { InferenceSession, Tensor, TensorConstructor } from "npm:onnxruntime-common@1.30.0";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { onnxRuntimePackages } from "../base/machine/onnx_packages.ts";

/** A loaded model. */
export type Session = InferenceSession;

/** A tensor of ONNX Runtime. */
export type OrtTensor = Tensor;

/** What is used of ONNX Runtime. */
export interface OnnxRuntime {
  /** Makes tensors. */
  readonly Tensor: TensorConstructor;
  /** Loads models. */
  readonly InferenceSession: {
    create(path: string, options?: InferenceSession.SessionOptions): Promise<Session>;
  };
}

/**
 * Loads ONNX Runtime.
 *
 * @throws {UserError} If it is not downloaded, or has no program for this machine.
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    const { default: runtime } = await import(onnxRuntimePackages[0]);
    return runtime;
  } catch (error) {
    throw unloadable(error);
  }
}

/**
 * Says that this machine has no ONNX Runtime.
 *
 * @param error Why it cannot be loaded.
 */
export function unloadable(error: unknown): UserError {
  const { message } = error as Error, [line] = message.split("\n");
  const isMissing = message.includes("--cached-only is specified");
  return new UserError(
    `ONNX Runtime ${isMissing ? "is not downloaded" : `cannot be loaded here: ${line}`}`,
    {
      hint: isMissing
        ? hint(
          "onnx/download",
          `run the command again with a network connection, or run: deno cache ${
            onnxRuntimePackages.join(" ")
          }`,
          { outside: "it is downloaded to Deno's cache" },
        )
        : hint(
          "onnx/machine",
          "ONNX Runtime supports Linux, macOS and Windows on x64 and arm64",
          { outside: "the machine has no program of ONNX Runtime" },
        ),
      cause: error,
    },
  );
}
