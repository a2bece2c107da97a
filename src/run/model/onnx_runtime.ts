import type { InferenceSession, Tensor, TensorConstructor } from "npm:onnxruntime-common@1.30.0";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { noTelemetry, onnxRuntimePackages } from "../../base/machine/onnx_packages.ts";

/** An ONNX model that ONNX Runtime has loaded. */
export type Session = InferenceSession;

/** A tensor of ONNX Runtime. */
export type OrtTensor = Tensor;

/** A loaded ONNX model, in this thread or in a separate one. */
export interface OpenedSession {
  /** Creates the tensors that the model accepts. */
  readonly runtime: Pick<OnnxRuntime, "Tensor">;
  /** The model. */
  readonly session: Pick<Session, "inputNames" | "inputMetadata" | "release"> & {
    /**
     * Whether a separate thread computes, so that several calls can be pending at the same time.
     */
    readonly waits?: boolean;
    /** Computes outputs by name. */
    run(
      feeds: Readonly<Record<string, OrtTensor>>,
      outputs: readonly string[],
    ): Promise<Readonly<Record<string, OrtTensor>>>;
  };
}

/** The part of ONNX Runtime's API that Rocket uses. */
export interface OnnxRuntime {
  /** Creates tensors. */
  readonly Tensor: TensorConstructor;
  /** Loads ONNX models. */
  readonly InferenceSession: {
    create(path: string, options?: InferenceSession.SessionOptions): Promise<Session>;
  };
}

/**
 * Loads the npm package of ONNX Runtime.
 *
 * @throws {UserError} If it has not been downloaded or does not support this machine, or if this
 * program may not set the variable that turns off ONNX Runtime's telemetry.
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  turnOffTelemetry();
  try {
    const { default: runtime } = await import(onnxRuntimePackages[0]);
    return runtime;
  } catch (error) {
    throw unloadable(error);
  }
}

let isTelemetryOff = false;

/**
 * Turns off the telemetry of ONNX Runtime, which otherwise sends data about nets over the network
 * and stores an id of the machine in the home folder. ONNX Runtime reads the variable once, when it
 * is loaded.
 */
function turnOffTelemetry(): void {
  // Later calls may come when this process has given up its permissions.
  if (isTelemetryOff) return;
  try {
    Deno.env.set(noTelemetry, "1");
  } catch (error) {
    throw withTelemetry(error);
  }
  isTelemetryOff = true;
}

/**
 * Creates the error for a program that may not turn off the telemetry.
 *
 * @param error The error of setting the variable.
 */
export function withTelemetry(error: unknown): UserError {
  return new UserError(
    `ONNX Runtime is not loaded, because this program may not set ${noTelemetry}, without which ONNX Runtime sends data over the network`,
    {
      hint: hint("onnx/telemetry", `run the program with --allow-env=${noTelemetry}`, {
        outside: "the permissions of another program",
      }),
      cause: error,
    },
  );
}

/**
 * Creates the error for a machine on which ONNX Runtime cannot be loaded.
 *
 * @param error The error of the import.
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
