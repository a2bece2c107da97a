/** Thrown by an assertion that fails. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Makes the message of an assertion from its text and the caller's message. */
export function sentence(text: string, message: string | undefined): string {
  return text + (message ? `: ${message}` : ".");
}
