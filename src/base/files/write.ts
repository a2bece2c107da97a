import { writeChunks } from "./write_chunks.ts";

/**
 * Writes a file so that whoever finds it finds it whole: to a new file first, synced to the disk,
 * then renamed over the old one.
 *
 * @param path The file.
 * @param bytes Its content.
 * @throws {UserError} If it cannot be written: it names the file, and says why and what to do. What had
 * the name before is left then, and nothing beside it.
 *
 * @example
 * ```ts
 * import { writeFileWhole } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await writeFileWhole(path, new Uint8Array([1, 2]));
 * assertEquals(await Deno.readFile(path), new Uint8Array([1, 2]));
 * await Deno.remove(path);
 * ```
 */
export async function writeFileWhole(path: string, bytes: Uint8Array): Promise<void> {
  await writeChunks(path, [bytes]);
}
