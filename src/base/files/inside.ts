import { join, relative, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";
import { isInside } from "./holds_path.ts";
import { readRegularText } from "./regular.ts";
import { targetOf } from "./target_of.ts";

/**
 * Returns the path of a file to write within a folder. A path that leads out of the folder, through
 * `..`, as an absolute path, or through a link, is rejected.
 *
 * @param folder The folder, such as a run's.
 * @param name The path within it.
 * @returns The absolute path.
 * @throws {UserError} If the path leads out of the folder; exit code 2.
 *
 * @example
 * ```ts
 * import { pathInside } from "./inside.ts";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * assertEquals(pathInside(folder, "checkpoints/last"), `${folder}/checkpoints/last`);
 * assertThrows(() => pathInside(folder, "../elsewhere"), Error, "leads out of");
 * await Deno.remove(folder);
 * ```
 */
export function pathInside(folder: string, name: string): string {
  const path = resolve(folder, name);
  if (!isInside(resolve(folder), path) || !isInside(targetOf(folder), targetOf(path))) {
    throw new UserError(
      `${name} leads out of the folder ${folder}, where all files must be written`,
      {
        hint: hint("inside/name", "use a relative path without .. or links", {
          edit: "the name",
        }),
        exitCode: 2,
      },
    );
  }
  return path;
}

/**
 * Reads a file of a folder as text, unless it is a link that leads out of the folder.
 *
 * @param folder The folder, such as a run's.
 * @param name The path within it.
 * @returns The text.
 * @throws {Error} If it leads out of the folder, is not a regular file, or cannot be read.
 */
export async function readTextInside(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  if (isInside(targetOf(folder), targetOf(path))) return await readRegularText(path);
  throw new Error(`it is a link that leads out of ${folder}`);
}

/**
 * Rejects a folder that contains, at any depth, a link that leads out of it, since files written
 * through the link would be outside. It also rejects pipes and devices, which could block forever,
 * and names that are not valid UTF-8, behind which there may be such a link.
 *
 * @param folder The folder, which may itself be a link.
 * @param options Whether the folder is that of `--out`, so that another one can be chosen.
 * @throws {UserError} If it contains one of these; exit code 2.
 */
export async function refuseLinksOut(
  folder: string,
  { isOut = true }: { readonly isOut?: boolean } = {},
): Promise<void> {
  const orChoose = isOut ? ", or choose another --out" : "";
  const root = await Deno.realPath(folder);
  for (const folders = [root]; folders.length > 0;) {
    const at = folders.pop()!;
    for (const { name, isFile, isDirectory, isSymlink } of await entriesOf(at)) {
      const path = join(at, name);
      // A link can lead to a name that is not valid UTF-8, but Deno cannot open it.
      if (name.includes("\u{fffd}") && !await exists(path)) {
        throw new UserError(`${join(folder, relative(root, path))} has a name that is not UTF-8`, {
          hint: hint("inside/utf8", `rename or remove it${orChoose}`, { edit: "the folder" }),
          exitCode: 2,
        });
      }
      if (isDirectory) folders.push(path);
      if (!isFile && !isDirectory && !isSymlink) {
        throw new UserError(`${join(folder, relative(root, path))} is not a regular file`, {
          hint: hint("inside/regular", `remove this file${orChoose}`, {
            edit: "the folder",
          }),
          exitCode: 2,
        });
      }
      if (!isSymlink || isInside(root, targetOf(path))) continue;
      throw new UserError(
        `${join(folder, relative(root, path))} is a link that leads out of ${folder}`,
        {
          hint: hint(
            "inside/link",
            `files are only written inside this folder: remove the link${orChoose}`,
            { edit: "the folder" },
          ),
          exitCode: 2,
        },
      );
    }
  }
}

const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);

/** Lists the entries of a folder; none if another process has removed it. */
async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
