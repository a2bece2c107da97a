import { resolve } from "node:path";
import { compileAddon, findCompiler } from "./addon.ts";
import type { Origin } from "./build.ts";
import { installAddon } from "./installer.ts";
import { givenLibrary, type Library, linkLibrary, systemLibrary } from "./library.ts";
import type { Progress } from "./progress.ts";
import { findWheel, wheelLibrary } from "./wheel.ts";

/** What a recipe made. */
export interface Made {
  /** The addon's path, within the folder. */
  readonly addon: string;
  /** TensorFlow's library, where it was found or put. */
  readonly library: string;
  /** The compiler's command, if one was used. */
  readonly compiler?: string;
}

/** A way to come by an addon and the TensorFlow for it. */
export interface Recipe {
  /** How TensorFlow comes here. */
  readonly origin: Origin;
  /**
   * Makes both.
   *
   * @param folder An empty folder that gets what is made; only what lies in it is kept.
   * @param progress Is told how far it is.
   * @returns What was made; undefined if there is nothing to make it of, which is no failure.
   * @throws {UserError} If it fails.
   */
  make(folder: string, progress: Progress): Promise<Made | undefined>;
}

/**
 * The recipes to try, best first.
 *
 * @param given The folder that `ROCKET_TENSORFLOW` names, if it does: then there is no other way.
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
      // Before the download, which would be in vain without a compiler.
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

/** Builds an addon for a library that stays where it is. */
async function link(library: Library, folder: string, progress: Progress): Promise<Made> {
  const linked = await linkLibrary(library, folder);
  const made = await compile(linked, folder, await findCompiler(), progress);
  return { ...made, library: resolve(library.files[0] ?? "") };
}

/** Builds an addon for a library that lies in the addon's folder. */
async function compile(
  library: Library,
  folder: string,
  compiler: readonly string[],
  progress: Progress,
): Promise<Made> {
  progress.begin("compiling the addon");
  const addon = await compileAddon(library, folder, compiler);
  return { addon, library: library.files[0] ?? "", compiler: compiler.join(" ") };
}
