/** What an assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** A sentence of an assertion, with the caller's message. */
export function sentence(text: string, message: string | undefined): string {
  return text + (message ? `: ${message}` : ".");
}
