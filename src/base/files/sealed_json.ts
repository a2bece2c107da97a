/**
 * JSON files that contain the hash of their own text, so that a change is detected.
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * The key under which a JSON file contains its own hash. It is the last key of the file's object.
 */
export const SEAL = "sha256OfThis";

/**
 * Adds a last line with a SHA-256 hash to the JSON text of an object. The hash covers all lines
 * before it.
 *
 * @param text The JSON text of an object with keys, indented by two spaces.
 * @returns The text with the hash.
 */
export function sealJson(text: string): string {
  const body = text.replace(/\n}$/, ",\n");
  return body + sealLine(body);
}

/**
 * Checks the hash at the end of a text that {@linkcode sealJson} returned.
 *
 * @param text The text.
 * @returns Whether the text is as it was written.
 */
export function isSealed(text: string): boolean {
  const start = text.lastIndexOf(`  "${SEAL}": "`);
  return start >= 0 && text.slice(start) === sealLine(text.slice(0, start));
}

const sealLine = (body: string) =>
  `  "${SEAL}": "${createHash("sha256").update(body).digest("hex")}"\n}\n`;
