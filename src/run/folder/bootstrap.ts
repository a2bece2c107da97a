import { z } from "zod";
import { readTextIfExists } from "../../base/files/regular.ts";
import type { BootstrapSamples } from "../../stages/metric.ts";

/** The bootstrap samples of an evaluation, as a run writes them. */
export interface BootstrapLine {
  /** The split. */
  readonly split: string;
  /** The epoch. */
  readonly epoch: number;
  /** The samples by the key of their metric, such as `light/gauc`. */
  readonly samples: Readonly<Record<string, BootstrapSamples>>;
}

const about = z.looseObject({ split: z.string(), epoch: z.number().int().nonnegative() });
const samplesSchema = z.object({ groups: z.string(), values: z.array(z.number()).min(1) });

/**
 * Returns the samples of a split after an epoch.
 *
 * @param lines The lines of a run's file.
 * @param split The split.
 * @param epoch The epoch.
 * @returns The samples by metric; none if the run has no samples of the split.
 * @throws {Error} If the run has samples of the split, but not after this epoch.
 */
export function samplesAfter(
  lines: readonly BootstrapLine[],
  split: string,
  epoch: number,
): BootstrapLine["samples"] {
  const own = lines.filter((line) => line.split === split);
  const found = own.find((line) => line.epoch === epoch);
  if (own.length > 0 && !found) {
    throw new Error(`it has no samples of the split ${split} after epoch ${epoch}`);
  }
  return found?.samples ?? {};
}

/** The keys of a line of `metrics.jsonl` or `bootstrap.jsonl` that are not metrics. */
export const keysOfEvaluation: ReadonlySet<string> = new Set([
  "phase",
  "epoch",
  "step",
  "seconds",
  "split",
]);

/**
 * Reads the bootstrap samples of a run.
 *
 * @param path The file, such as `bootstrap.jsonl`.
 * @param options Whether the last line may be incomplete, as in a run that was ended.
 * @returns The lines, in order; undefined if the run has no such file.
 * @throws {Error} If the content is not what a run writes, which has a line for each evaluation, and
 *   the same number of values for a metric in each line.
 */
export async function readBootstrap(
  path: string,
  { mayEnd = false }: { readonly mayEnd?: boolean } = {},
): Promise<BootstrapLine[] | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  const lines = text.split("\n"), rest = lines.pop()!;
  if (rest !== "" && !mayEnd) lines.push(rest);
  const counts = new Map<string, number>(), seen = new Set<string>();
  if (lines.length === 0 && !mayEnd) throw new Error("it is empty");
  return lines.map((line, index): BootstrapLine => {
    const fail = (what: string) => new Error(`line ${index + 1} ${what}`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw fail("is not JSON");
    }
    const parsed = about.safeParse(value);
    if (!parsed.success) throw fail("has no split or no epoch");
    const { split, epoch, ...metrics } = parsed.data;
    const samples: Record<string, BootstrapSamples> = {}, evaluation = `${epoch} ${split}`;
    if (seen.has(evaluation)) throw fail(`repeats the split ${split} of epoch ${epoch}`);
    seen.add(evaluation);
    for (const [key, given] of Object.entries(metrics)) {
      if (keysOfEvaluation.has(key)) continue;
      const own = samplesSchema.safeParse(given);
      if (!own.success) throw fail(`has no samples of ${JSON.stringify(key)}`);
      const id = JSON.stringify([split, key]), { length } = own.data.values;
      const expected = counts.get(id) ?? length;
      if (length !== expected) {
        throw fail(
          `has ${length} samples of ${JSON.stringify(key)}; an earlier line has ${expected}`,
        );
      }
      counts.set(id, expected);
      samples[key] = own.data;
    }
    return { split, epoch, samples };
  });
}
