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

/** The keys of a line that are not metrics. */
const others: ReadonlySet<string> = new Set(["phase", "epoch", "step", "seconds", "split"]);

/**
 * Reads the bootstrap samples of a run.
 *
 * @param path The file, such as `bootstrap.jsonl`.
 * @param options Whether the last line may be incomplete, as in a run that was ended.
 * @returns The lines, in order; undefined if the run has no such file.
 * @throws {Error} If the content is not what a run writes, which has the same number of values for
 *   a metric in each line.
 */
export async function readBootstrap(
  path: string,
  { mayEnd = false }: { readonly mayEnd?: boolean } = {},
): Promise<BootstrapLine[] | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  const lines = text.split("\n"), rest = lines.pop()!;
  if (rest !== "" && !mayEnd) lines.push(rest);
  const counts = new Map<string, number>();
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
    const samples: Record<string, BootstrapSamples> = {};
    for (const [key, given] of Object.entries(metrics)) {
      if (others.has(key)) continue;
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
