import process from "node:process";

/**
 * Returns the most memory that this process has used so far (its resident set), in bytes. The
 * result is undefined if the operating system does not report it.
 */
export function peakMemory(): number | undefined {
  try {
    const { maxRSS } = process.resourceUsage();
    // Node's documents say kilobytes, for all systems.
    return maxRSS > 0 ? maxRSS * 1024 : undefined;
  } catch {
    return undefined;
  }
}
