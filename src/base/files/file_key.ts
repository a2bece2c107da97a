/**
 * A key that is equal for file names that some file systems treat as the same: names that differ
 * only in case or in the Unicode form of an accent.
 *
 * @param name The file's name.
 */
export function fileKey(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
