import { commandName } from "../../base/command_name.ts";
import { join, relative, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { thrownMessage } from "../../base/printable.ts";
import { type Build, BUILDING, buildName, findBuilds, type Origin, writeBuild } from "./build.ts";
import { cacheFolder } from "../../base/machine/cache_folder.ts";
import { gpuRecipe } from "./gpu_recipe.ts";
import { forgetFailure, recallFailure, rememberFailure } from "./failure.ts";
import { remove } from "./files.ts";
import { givenFolder } from "./given.ts";
import { withLock } from "../../base/files/with_lock.ts";
import { protect, refuseForeignFolder } from "./own_folder.ts";
import { createProgress, type Progress } from "./progress.ts";
import { type Recipe, recipes } from "./recipes.ts";
import { mayRunTools } from "./tools.ts";
import { tryAddon } from "./trial.ts";
import { PLATFORM, TFJS_VERSION } from "./versions.ts";

/** Options for setting up the native engine. */
export interface SetUpOptions {
  /** Receives lines of text for the user. */
  readonly report: (line: string) => void;
  /** The cache folder for builds; {@linkcode cacheFolder} by default. */
  readonly cache?: string;
  /** Whether to rebuild an existing build. */
  readonly force?: boolean;
  /** Whether to try again after a failure within the last day. */
  readonly retry?: boolean;
  /** Whether to set up the GPU build, which is kept beside the build for the CPU. */
  readonly gpu?: boolean;
  /** The recipes to try; {@linkcode recipes} by default. */
  readonly recipes?: readonly Recipe[];
  /** Loads an addon and returns TensorFlow's version; {@linkcode tryAddon} by default. */
  readonly tryAddon?: (addon: string) => Promise<string>;
  /** Shows the progress; a bar or lines by default. */
  readonly progress?: Progress;
}

/**
 * Finds the native engine's addon and TensorFlow, and builds them if they are missing. A build is
 * made once for all runs of this user, and its folder gets its final name only when it is complete
 * and tested. Runs that start at the same time wait for the first one.
 *
 * @param options The options.
 * @returns The build.
 * @throws {UserError} If the engine cannot be built here. The message names the cause and a remedy.
 */
export async function setUpNative(options: SetUpOptions): Promise<Build> {
  const cache = resolve(options.cache ?? cacheFolder());
  await refuseForeignFolder(cache);
  const { gpu = false } = options, given = gpu ? undefined : givenFolder();
  const asked = Date.now();
  if (options.force !== true) {
    const [build] = await findBuilds(cache, given, gpu);
    if (build !== undefined) return build;
    if (options.retry !== true) await recallFailure(cache, given);
  }
  if (!mayRunTools()) {
    throw new UserError(
      "TensorFlow is not set up, and this process has no permission to run the programs that set it up",
      {
        hint: hint(
          "native/run",
          `run \`${commandName()} native\` once to set it up, or run this process with --allow-run`,
          { outside: "another process sets it up" },
        ),
      },
    );
  }
  const wait = () => options.report("native engine: waiting for another run that is setting it up");
  return await withLock(join(cache, "native.lock"), wait, async () => {
    // Another run may have finished the build meanwhile, or may have failed.
    const builds = await findBuilds(cache, given, gpu);
    const fresh = builds.find((build) => options.force !== true || Date.parse(build.made) > asked);
    if (fresh !== undefined) return fresh;
    if (options.retry !== true) await recallFailure(cache, given);
    await removeLeftovers(cache);
    const progress = options.progress ?? createProgress(options.report);
    const failures: [Origin, unknown][] = [];
    for (const recipe of options.recipes ?? (gpu ? [gpuRecipe()] : recipes(given))) {
      try {
        const place = { cache, given, gpu };
        const build = await follow(recipe, place, progress, options.tryAddon ?? tryAddon);
        if (build === undefined) continue;
        for (const old of builds) if (old.folder !== build.folder) await remove(old.folder);
        if (!gpu) await forgetFailure(cache);
        return build;
      } catch (error) {
        failures.push([recipe.origin, error]);
      } finally {
        progress.end();
      }
    }
    const failure = summary(failures);
    // Only the command `native` sets up a GPU build, and it always tries again.
    if (!gpu) await rememberFailure(cache, given, failure);
    throw failure;
  });
}

/** Runs a recipe in a temporary folder, tests the result, and moves it to its final folder. */
async function follow(
  recipe: Recipe,
  { cache, given, gpu }: {
    readonly cache: string;
    readonly given: string | undefined;
    readonly gpu: boolean;
  },
  progress: Progress,
  tryIt: (addon: string) => Promise<string>,
): Promise<Build | undefined> {
  const started = performance.now();
  const folder = await Deno.makeTempDir({ dir: cache, prefix: "native-", suffix: BUILDING });
  try {
    const made = await recipe.make(folder, progress);
    if (made === undefined) return undefined;
    progress.begin("testing the addon");
    const tensorflow = await tryIt(made.addon);
    const place = join(cache, buildName(tensorflow, given, gpu));
    const moved = (path: string) =>
      path.startsWith(folder) ? join(place, relative(folder, path)) : path;
    await writeBuild({
      folder,
      tfjs: TFJS_VERSION,
      tensorflow,
      platform: PLATFORM,
      origin: recipe.origin,
      ...given === undefined ? {} : { given },
      ...gpu ? { gpu } : {},
      library: moved(made.library),
      addon: relative(folder, made.addon),
      takesContext: made.compiler !== undefined,
      ...made.compiler === undefined ? {} : { compiler: made.compiler },
      seconds: Math.round((performance.now() - started) / 100) / 10,
      made: new Date().toISOString(),
    });
    await protect(folder);
    // The temporary folder is readable only by this user, but a cache can be shared.
    if (Deno.build.os !== "windows") await Deno.chmod(folder, 0o755);
    // A folder with this name is incomplete or will be replaced.
    await remove(place);
    await Deno.rename(folder, place);
    const build = (await findBuilds(cache, given, gpu)).find((build) => build.folder === place);
    if (build === undefined) {
      throw new Error(`${place} differs from the files that were just written there`);
    }
    return build;
  } finally {
    await remove(folder);
  }
}

/** Removes the folders of unfinished builds. The caller holds the lock, so no build is running. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const { name } of Deno.readDirSync(cache)) {
    if (name.startsWith("native-") && name.endsWith(BUILDING)) await remove(join(cache, name));
  }
}

/**
 * Combines the errors of all recipes into one. It has the hint of the first, which is usually the
 * most helpful.
 */
function summary(failures: readonly [Origin, unknown][]): UserError {
  const first = failures.map(([, error]) => error instanceof UserError && error.problems[0]?.hint)
    .find(Boolean);
  // Several recipes can fail for the same reason.
  const reasons = new Set(failures.map(([, error]) => thrownMessage(error)));
  return new UserError([...reasons].join("; "), {
    ...first ? { hint: first } : {},
    cause: failures[0]?.[1],
  });
}
