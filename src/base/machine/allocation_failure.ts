/** The array length from which an error about a length is one about memory, and not a bug. */
const LONG = 2 ** 28;

/**
 * Checks whether JavaScript threw an error because an array does not fit in memory.
 *
 * @param error The error.
 */
export function isAllocationFailure(error: unknown): error is RangeError {
  if (!(error instanceof RangeError)) return false;
  const length = /^Invalid typed array length: (\d+)$/.exec(error.message)?.[1];
  return Number(length ?? 0) > LONG || error.message === "Array buffer allocation failed";
}
