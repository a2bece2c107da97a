/**
 * Says something to a person, on standard error. The launcher stands by itself, so that it has this
 * of its own; that nobody can be told is no reason to end what it starts.
 *
 * @param text A line without control characters.
 */
export function tell(text: string): void {
  try {
    console.error(text);
  } catch {
    // There is no other place to say so.
  }
}
