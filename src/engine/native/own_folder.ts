import { join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { quoted } from "../../base/quoted.ts";

/**
 * Throws an error if other users could put native code into the cache: if its folder belongs to
 * another user, or if all users may write to it. If the folder does not exist yet, this user will
 * own it.
 *
 * @param cache The folder.
 * @param own The id of this user, if it is known.
 * @throws {UserError} If other users can change the folder.
 */
export async function refuseForeignFolder(cache: string, own = ownId()): Promise<void> {
  if (Deno.build.os === "windows") return;
  const info = await Deno.stat(cache).catch(() => undefined);
  if (!info) return;
  if (isOfOther(info, own)) {
    throw new UserError(
      `the cache folder ${cache} belongs to another user, who could replace the native code that Rocket loads from it`,
      {
        hint: hint(
          "cache/foreign",
          "set the environment variable ROCKET_CACHE to a folder of your own",
          {
            outside: "another user's folder",
          },
        ),
      },
    );
  }
  if (isOpen(info)) {
    throw new UserError(
      `all users may write to the cache folder ${cache} and could replace the native code that Rocket loads from it`,
      {
        hint: hint(
          "cache/writable",
          `remove the permission with \`chmod o-w ${
            quoted(cache)
          }\`, or set ROCKET_CACHE to another folder`,
          {
            edit: "the folder",
          },
        ),
      },
    );
  }
}

/**
 * Checks whether other users could change a file or folder: whether it belongs to another user, or
 * all users may write to it.
 *
 * @param path The path.
 * @param own The id of this user, if it is known.
 */
export async function isChangeable(path: string, own = ownId()): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const info = await Deno.stat(path);
  return isOfOther(info, own) || isOpen(info);
}

/**
 * Takes from other users the permission to write to the files and folders within a folder, which
 * they have if `umask` allows it.
 *
 * @param folder The folder.
 */
export async function protect(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    if (isSymlink) continue;
    const path = join(folder, name), info = await Deno.stat(path);
    if (isOpen(info)) await Deno.chmod(path, info.mode! & 0o7775);
    if (isDirectory) await protect(path);
  }
}

/** Checks whether a file or folder belongs to another user, who is not root. */
const isOfOther = ({ uid }: Deno.FileInfo, own: number | undefined) =>
  own !== undefined && uid !== null && uid !== own && uid !== 0;

/** Checks whether all users may write to a file or folder. */
const isOpen = ({ mode }: Deno.FileInfo) => mode !== null && (mode & 0o002) !== 0;

/** Returns the id of this user, or undefined if this process may not ask. */
function ownId(): number | undefined {
  try {
    return Deno.uid() ?? undefined;
  } catch {
    return undefined;
  }
}
