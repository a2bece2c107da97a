import { join } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { UserError } from "../base/errors.ts";
import { percentiles } from "../base/percentiles.ts";
import { readBootstrap, samplesAfter } from "../run/folder/bootstrap.ts";
import type { Result } from "../stages/events.ts";
import { betterOf, type BootstrapSamples } from "../stages/metric.ts";

/** How much of the gap between the light net alone and the booster the light net closes. */
export interface Transfer {
  /** The metric. */
  readonly metric: string;
  /**
   * (light − light alone) / (booster − light alone); `no gap` if the booster is not better than the
   * light net alone, or the interval of the gap contains 0.
   */
  readonly value: number | "no gap";
  /** The gap, with its 95 % interval by a paired bootstrap over groups of rows, such as users. */
  readonly gap: { readonly mean: number; readonly low: number; readonly high: number };
}

/**
 * Computes the transfer (the part of the gap to the booster that the light net closes) for each
 * metric of a run with bootstrap samples, after the last epoch on the test split. The result is
 * empty if the run has no booster or no baseline.
 *
 * @param folder The run folder.
 * @param result The result of the run.
 * @throws {UserError} If a file with samples is damaged.
 */
export async function readTransfers(
  folder: string,
  { epochs, test, baseline, better }: Result,
): Promise<Transfer[]> {
  const { rocket, "light-alone": own } = runFiles.bootstrap;
  const together = await lastSamples(join(folder, rocket), epochs);
  const alone = baseline ? await lastSamples(join(folder, own), baseline.epochs) : {};
  return Object.keys(test.booster ?? {}).flatMap((metric): Transfer[] => {
    const of = [together[`booster/${metric}`], alone[`light/${metric}`]] as const;
    const [booster, base] = of, direction = betterOf(metric, better);
    const areSame = booster && base && booster.groups === base.groups &&
      booster.values.length === base.values.length;
    const values = [test.light, test.booster, baseline?.test.light].map((all) => all?.[metric]);
    const [own, large, small] = values;
    if (
      !areSame || direction === undefined || typeof own !== "number" ||
      typeof large !== "number" || typeof small !== "number"
    ) return [];
    const { low, high } = percentiles(booster.values.map((value, at) => value - base.values[at]!));
    const isGap = direction === "higher" ? low > 0 : high < 0;
    const value = isGap ? (own - small) / (large - small) : "no gap";
    return [{ metric, value, gap: { mean: large - small, low, high } }];
  });
}

/**
 * Reads the samples of the last epoch on the test split; none if the file is not there.
 *
 * @throws {UserError} If the content is not what a run writes.
 */
async function lastSamples(
  file: string,
  epochs: number,
): Promise<Readonly<Record<string, BootstrapSamples | undefined>>> {
  try {
    const lines = await readBootstrap(file, { mayEnd: true });
    return lines ? samplesAfter(lines, "test", epochs) : {};
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
