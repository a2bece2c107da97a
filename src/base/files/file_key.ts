/**
 * What a name of a file is told apart by on any disk: some take upper and lower case for the same, and the ways to
 * write an accent.
 *
 * @param name The name.
 */
export function fileKey(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
