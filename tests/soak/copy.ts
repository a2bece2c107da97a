import { join } from "node:path";

/**
 * Copies a folder, with all that is in it.
 *
 * @param from The folder; nothing is done if there is none.
 * @param to The copy.
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
