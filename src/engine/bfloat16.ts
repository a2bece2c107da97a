/**
 * Whether there is anything to gain from bfloat16 here.
 *
 * @module
 */

import { featureLine, handed, handedOver, readSystemFile } from "../base/machine/system_file.ts";
import type { Precision } from "./capture/precision.ts";
import type { Engine } from "./engine.ts";

/** What a machine says about itself. */
export interface Machine {
  /** The processor's architecture, as `Deno.build.arch` names it. */
  readonly arch: string;
  /** Linux's `/proc/cpuinfo`, or its line of features alone; `undefined` where there is none. */
  readonly cpuinfo: string | undefined;
}

/**
 * Why a machine does not compute bfloat16 in hardware, in words; `undefined` if it does. Without
 * such units TensorFlow converts back and forth, which takes longer than float32.
 *
 * @param machine What the machine says.
 */
export function lacksBfloat16({ arch, cpuinfo }: Machine): string | undefined {
  if (cpuinfo === undefined) {
    return "this system does not tell whether the processor has bfloat16 units";
  }
  const units = arch === "x86_64" ? ["amx_bf16", "avx512_bf16"] : ["bf16"];
  const listed = featureLine(cpuinfo)?.split(":")[1]?.trim().split(/\s+/);
  if (!listed) return "/proc/cpuinfo does not tell whether the processor has bfloat16 units";
  if (units.some((unit) => listed.includes(unit))) return undefined;
  return `the processor has no bfloat16 units (${units.join(" or ")} in /proc/cpuinfo)`;
}

/** What this machine says about itself. */
export async function thisMachine(): Promise<Machine> {
  const cpuinfo = handed(handedOver.processor) ?? await readSystemFile("/proc/cpuinfo");
  return { arch: Deno.build.arch, cpuinfo };
}

/**
 * The precision of a run's training steps: what is wanted where that makes sense, float32
 * elsewhere.
 *
 * @param wanted What a person asked for.
 * @param engine The engine that computes.
 * @param machine What the machine says about itself.
 * @returns The precision, and a line for a person about it, unless float32 was wanted.
 */
export function choosePrecision(
  wanted: Precision,
  engine: Engine["name"],
  machine: Machine,
): { readonly precision: Precision; readonly line?: string } {
  if (wanted === "float32") return { precision: "float32" };
  const reason = engine === "native"
    ? lacksBfloat16(machine)
    : `the ${engine} engine computes in float32 only`;
  if (reason) return { precision: "float32", line: `precision: float32, as ${reason}` };
  const line = "precision: bfloat16 for the convolutions and maps of training steps; weights, " +
    "losses, statistics and evaluations are in float32";
  return { precision: "bfloat16", line };
}
