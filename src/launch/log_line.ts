/**
 * Prints a line on standard error. The launcher imports no packages, so it has its own function for
 * this. If printing fails, the error is ignored, because it is no reason to end a run.
 *
 * @param text A line without control characters.
 */
export function logLine(text: string): void {
  try {
    console.error(text);
  } catch {
    // There is nowhere else to report it.
  }
}
