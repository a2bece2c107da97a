import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";

/**
 * Refuses a cache that somebody else could put native code into: a folder of another user, or one
 * that all users may write to. A folder that is not there yet will be this user's own.
 *
 * @param cache The folder.
 * @param own The number of this user, if that is known.
 * @throws {UserError} If it is.
 */
export async function refuseForeignFolder(cache: string, own = ownId()): Promise<void> {
  if (Deno.build.os === "windows") return;
  const info = await Deno.stat(cache).catch(() => undefined);
  if (!info) return;
  if (own !== undefined && info.uid !== null && info.uid !== own && info.uid !== 0) {
    throw new UserError(
      `the cache ${cache} belongs to another user, who could change what is loaded from it`,
      {
        hint: hint(
          "cache/foreign",
          "name a folder of your own by the environment variable ROCKET_CACHE",
          {
            outside: "another user's folder",
          },
        ),
      },
    );
  }
  if (info.mode !== null && (info.mode & 0o002) !== 0) {
    throw new UserError(
      `all users may write to the cache ${cache}, and so change what is loaded from it`,
      {
        hint: hint(
          "cache/writable",
          `take that away, chmod o-w ${cache}, or name another folder by ROCKET_CACHE`,
          {
            edit: "the folder",
          },
        ),
      },
    );
  }
}

/** The number of this user; undefined where this process may not ask. */
function ownId(): number | undefined {
  try {
    return Deno.uid() ?? undefined;
  } catch {
    return undefined;
  }
}
