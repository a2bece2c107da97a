/**
 * Decides whether bfloat16 can speed up training on this machine.
 *
 * @module
 */

import { featureLine, handed, handedOver, readSystemFile } from "../base/machine/system_file.ts";
import type { Precision } from "./capture/precision.ts";
import type { Engine } from "./engine.ts";
import type { Gpu } from "./native/driver.ts";

/** The properties of a machine that show whether its processor computes bfloat16 in hardware. */
export interface Machine {
  /** The processor's architecture, as `Deno.build.arch` names it. */
  readonly arch: string;
  /**
   * The content of Linux's `/proc/cpuinfo`, or only its line of features; `undefined` on systems
   * without this file.
   */
  readonly cpuinfo: string | undefined;
}

/**
 * Returns the reason why a machine cannot compute bfloat16 in hardware, or `undefined` if it can.
 * Without support in the hardware, TensorFlow converts to float32 and back, which is slower than
 * float32.
 *
 * @param machine The properties of the machine.
 * @returns The reason, as text for messages.
 */
export function lacksBfloat16({ arch, cpuinfo }: Machine): string | undefined {
  if (cpuinfo === undefined) {
    return "this system does not report whether the processor has bfloat16 units";
  }
  const units = arch === "x86_64" ? ["amx_bf16", "avx512_bf16"] : ["bf16"];
  const listed = featureLine(cpuinfo)?.split(":")[1]?.trim().split(/\s+/);
  if (!listed) return "/proc/cpuinfo does not show whether the processor has bfloat16 units";
  if (units.some((unit) => listed.includes(unit))) return undefined;
  return `the processor has no bfloat16 units (${units.join(" or ")} in /proc/cpuinfo)`;
}

/** Returns the reason why a GPU cannot compute bfloat16 in hardware. */
const gpuLacksBfloat16 = ({ name, capability }: Gpu): string | undefined =>
  capability >= 8 ? undefined : `the GPU ${name} has no bfloat16 units`;

/** Returns the properties of the machine on which this process runs. */
export async function thisMachine(): Promise<Machine> {
  const cpuinfo = handed(handedOver.processor) ?? await readSystemFile("/proc/cpuinfo");
  return { arch: Deno.build.arch, cpuinfo };
}

/**
 * Chooses the precision of a run's training steps: the requested one if the machine supports it
 * well, and float32 otherwise.
 *
 * @param wanted The requested precision.
 * @param engine The name of the engine.
 * @param machine The properties of the machine.
 * @param gpu The GPU on which the engine computes; undefined for the CPU.
 * @returns The precision, and a line of text for the user unless float32 was requested.
 */
export function choosePrecision(
  wanted: Precision,
  engine: Engine["name"],
  machine: Machine,
  gpu?: Gpu,
): { readonly precision: Precision; readonly line?: string } {
  if (wanted === "float32") return { precision: "float32" };
  const reason = engine === "native"
    ? gpu ? gpuLacksBfloat16(gpu) : lacksBfloat16(machine)
    : `the ${engine} engine computes in float32 only`;
  if (reason) return { precision: "float32", line: `precision: float32, because ${reason}` };
  const line =
    "precision: bfloat16 for the convolutions and feature maps of training steps; weights, " +
    "losses, statistics, and evaluations use float32";
  return { precision: "bfloat16", line };
}
