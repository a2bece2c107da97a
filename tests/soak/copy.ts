import { join } from "node:path";

/**
 * Copies a folder with its content.
 *
 * @param from The folder. If it does not exist, nothing is copied.
 * @param to The path of the copy.
 */
export async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(from)];
  } catch {
    return;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory) await copy(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}
