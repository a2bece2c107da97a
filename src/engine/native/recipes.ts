import { resolve } from "node:path";
import { compileAddon, findCompiler } from "./addon.ts";
import type { Origin } from "./build.ts";
import { installAddon } from "./installer.ts";
import { givenLibrary, type Library, linkLibrary, systemLibrary } from "./library.ts";
import type { Progress } from "./progress.ts";
import { findWheel, wheelLibrary } from "./wheel.ts";

/** The addon and TensorFlow library that a recipe has built or downloaded. */
export interface Made {
  /** The addon's path within the folder. */
  readonly addon: string;
  /** The path of TensorFlow's library. */
  readonly library: string;
  /** The compiler's command, if one was used. */
  readonly compiler?: string;
}

/**
 * A way to build or download the native engine's addon (tfjs-node's compiled binding to TensorFlow)
 * and a TensorFlow library that matches it.
 */
export interface Recipe {
  /** The origin of the TensorFlow library. */
  readonly origin: Origin;
  /**
   * Builds or downloads the addon and the library.
   *
   * @param folder An empty folder for the result. Only files in it are kept.
   * @param progress Shows the progress.
   * @returns The result, or undefined if this way is not available, which is not an error.
   * @throws {UserError} If it fails.
   */
  make(folder: string, progress: Progress): Promise<Made | undefined>;
}

/**
 * Lists the ways to obtain tfjs-node's addon and a TensorFlow library (recipes), in the order in
 * which they are tried.
 *
 * @param given The folder named by `ROCKET_TENSORFLOW`, if it is set; no other recipe is tried
 *   then.
 * @returns The recipes.
 */
export function recipes(given: string | undefined): Recipe[] {
  if (given !== undefined) {
    return [{
      origin: "given",
      make: async (folder, progress) => await link(await givenLibrary(given), folder, progress),
    }];
  }
  return [{
    origin: "system",
    async make(folder, progress) {
      const library = await systemLibrary();
      return library && await link(library, folder, progress);
    },
  }, {
    origin: "wheel",
    async make(folder, progress) {
      const wheel = findWheel();
      // Checked before the download, which would be useless without a compiler.
      const compiler = await findCompiler();
      const library = await wheelLibrary(wheel, folder, progress);
      return await compile(library, folder, compiler, progress);
    },
  }, {
    origin: "installer",
    async make(folder, progress) {
      progress.begin("running tfjs-node's own installer");
      return await installAddon(folder);
    },
  }];
}

/** Builds an addon for a library that stays in its place. */
async function link(library: Library, folder: string, progress: Progress): Promise<Made> {
  const linked = await linkLibrary(library, folder);
  const made = await compile(linked, folder, await findCompiler(), progress);
  return { ...made, library: resolve(library.files[0] ?? "") };
}

/**
 * Builds an addon for a library in the addon's folder.
 *
 * @param library The library.
 * @param folder The folder of the library and the addon.
 * @param compiler The compiler's command.
 * @param progress Shows the progress.
 */
export async function compile(
  library: Library,
  folder: string,
  compiler: readonly string[],
  progress: Progress,
): Promise<Made> {
  progress.begin("compiling the addon");
  const addon = await compileAddon(library, folder, compiler);
  return { addon, library: library.files[0] ?? "", compiler: compiler.join(" ") };
}
