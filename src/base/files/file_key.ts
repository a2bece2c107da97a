/**
 * Returns a key that is equal for file names that some file systems treat as the same. Such names
 * differ only in case or in the Unicode form of accents.
 *
 * @param name The file's name.
 */
export function fileKey(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
