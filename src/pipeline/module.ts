import { type Place, UserError } from "../base/errors.ts";
import { handed, handedOver, NO_CODE } from "../base/machine/system_file.ts";
import { thrown } from "../base/printable.ts";
import { quoted } from "../base/quoted.ts";
import { hint, type HintText } from "../base/hints.ts";
import { say } from "../base/terminal.ts";

/**
 * Imports a module that is not Rocket's own. All custom code is loaded by this function. If the
 * launcher found no custom code in the files of the command, none is loaded, even if a file has
 * changed since then, because the launcher granted and printed permissions on the assumption that
 * there is none.
 *
 * @param use The name of the module, for messages.
 * @param url The specifier to import.
 * @param place The place that names the module.
 * @returns A promise of the module's exports.
 * @throws {UserError} If the launcher found no custom code; exit code 2. It is thrown at once, so
 *   that it differs from an error of the module.
 */
export function importCustom(
  use: string,
  url: string,
  place: Place | undefined,
): Promise<Record<string, unknown>> {
  if (handed(handedOver.code) === NO_CODE) {
    throw new UserError(
      `${use} is custom code, but no file of this command named custom code when its permissions were determined; a file has probably changed since then`,
      {
        place,
        hint: hint("module/changed", "run the command again", { edit: "the command" }),
        exitCode: 2,
      },
    );
  }
  return import(url);
}

/** The time in milliseconds after which a message names a module that is still loading. */
const SLOW = 3_000;

/**
 * Waits for a module to load and prints its name if this takes long. A module may wait forever, and
 * without the message the user could not see which module it is.
 *
 * @param use The value of `use:` that names the module.
 * @param module The promise of the module's exports.
 */
export async function reportIfSlow<T>(use: string, module: Promise<T>): Promise<T> {
  const timer = setTimeout(
    () => say(`still loading ${use}: its top-level code is running or waiting`),
    SLOW,
  );
  // The timer must not keep the process alive after the module has loaded or failed.
  Deno.unrefTimer(timer);
  try {
    return await module;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Describes in one line why a module cannot be loaded.
 *
 * @param what The value that the import threw, of any type.
 * @returns The name and the message of the error, and its place in the file if it has one.
 */
export function importFault(what: unknown): string {
  const error = thrown(what);
  const { name, message: words } = error instanceof Error ? error : new Error(String(error));
  const text = `${name}: ${words}`;
  // Deno shows the source below the message, and its place after that.
  const [first = "", ...more] = text.split("\n").map((line) => line.trim());
  const at = more.map((line) => /^at (?:file:\/\/)?(\S+:\d+:\d+)$/.exec(line)?.[1])
    .find((place) => place !== undefined);
  const message = first.replace(/^TypeError: (?=SyntaxError: )/, "").replace(/[.:]$/, "");
  return at === undefined ? message : `${message}, at ${at}`;
}

/** A dependency that has not been downloaded, in a process that may not download it. */
export interface NotDownloaded {
  /** The specifier of the dependency, such as `npm:x`. */
  readonly specifier: string;
  /** How to download it. */
  readonly hint: HintText;
}

/**
 * Checks whether an import failed because a dependency has not been downloaded, and returns the
 * dependency. A process with `--cached-only` downloads nothing.
 *
 * @param error The value that the import threw.
 * @returns The missing dependency; undefined for any other error.
 */
export function notDownloaded(error: unknown): NotDownloaded | undefined {
  const words = error instanceof Error ? error.message : "";
  if (!words.includes("--cached-only is specified")) return undefined;
  const npm = /^Failed caching npm package '([^']+)'/m.exec(words)?.[1] ??
    /for package "([^"]+)"/.exec(words)?.[1];
  const jsr = /JSR package manifest for '([^']+)'/.exec(words)?.[1];
  const url = /not found in cache: "([^"]+)"/.exec(words)?.[1];
  const specifier = npm !== undefined
    ? `npm:${npm}`
    : jsr !== undefined
    ? `jsr:${jsr}`
    : url ?? "a module";
  return {
    specifier,
    hint: hint(
      "code/download",
      `if you trust this package, run: deno cache ${
        quoted(specifier)
      }; only dependencies that the project's modules import with a literal specifier are downloaded before a run, and nothing is downloaded during a run`,
      { outside: "it is downloaded to Deno's cache" },
    ),
  };
}
