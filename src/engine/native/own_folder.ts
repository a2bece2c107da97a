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
  if (own !== undefined && info.uid !== null && info.uid !== own && info.uid !== 0) {
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
  if (info.mode !== null && (info.mode & 0o002) !== 0) {
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

/** Returns the id of this user, or undefined if this process may not ask. */
function ownId(): number | undefined {
  try {
    return Deno.uid() ?? undefined;
  } catch {
    return undefined;
  }
}
