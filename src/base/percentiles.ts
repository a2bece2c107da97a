/**
 * Computes the 95 % interval of bootstrap samples: their percentiles 2.5 and 97.5, with linear
 * interpolation between samples.
 *
 * @param samples The samples; at least one.
 */
export function percentiles(samples: readonly number[]): { low: number; high: number } {
  const sorted = Float64Array.from(samples).sort();
  const at = (part: number) => {
    const position = part * (sorted.length - 1), below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
  };
  return { low: at(0.025), high: at(0.975) };
}
