import { writeChunks } from "./write_chunks.ts";

/**
 * Writes a file atomically: it writes a new file, syncs it to the disk and renames it over the old
 * one. So no process sees an incomplete file.
 *
 * @param path The file.
 * @param bytes The file's content.
 * @throws {UserError} If it cannot be written, with the path, the reason and a hint. The old file
 *   is then unchanged, and no temporary file remains.
 *
 * @example
 * ```ts
 * import { writeFileWhole } from "@rocket-launching/rocket/plugin";
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
