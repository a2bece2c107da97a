import { join, relative, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { type Build, BUILDING, buildName, findBuilds, type Origin, writeBuild } from "./build.ts";
import { cacheFolder } from "../../base/machine/cache_folder.ts";
import { forgetFailure, recallFailure, rememberFailure } from "./failure.ts";
import { remove } from "./files.ts";
import { givenFolder } from "./given.ts";
import { withLock } from "../../base/files/with_lock.ts";
import { refuseForeignFolder } from "./own_folder.ts";
import { createProgress, type Progress } from "./progress.ts";
import { type Recipe, recipes } from "./recipes.ts";
import { mayRunTools } from "./tools.ts";
import { tryAddon } from "./trial.ts";
import { PLATFORM, TFJS_VERSION } from "./versions.ts";

/** How to set the native engine up. */
export interface SetUpOptions {
  /** Takes lines for a person to read. */
  readonly report: (line: string) => void;
  /** The folder that keeps what is made; {@linkcode cacheFolder} by default. */
  readonly cache?: string;
  /** Whether to make it anew even if it is there. */
  readonly force?: boolean;
  /** Whether to try although it failed less than a day ago. */
  readonly retry?: boolean;
  /** The recipes to try, instead of {@linkcode recipes}. */
  readonly recipes?: readonly Recipe[];
  /** Loads an addon and says TensorFlow's version, instead of {@linkcode tryAddon}. */
  readonly tryAddon?: (addon: string) => Promise<string>;
  /** Is told how far it is, instead of a bar or lines. */
  readonly progress?: Progress;
}

/**
 * Finds the native engine's addon and TensorFlow, and makes them where they are missing: once for
 * all runs of this user, in a folder of the cache that gets its name only when it is whole and
 * works. Runs that start at the same time wait for the first.
 *
 * @param options Where, how, and who is told.
 * @returns What was found or made.
 * @throws {UserError} If it cannot be made here, with what stands in the way and what to do.
 */
export async function setUpNative(options: SetUpOptions): Promise<Build> {
  const cache = resolve(options.cache ?? cacheFolder());
  await refuseForeignFolder(cache);
  const given = givenFolder();
  const asked = Date.now();
  if (options.force !== true) {
    const [build] = await findBuilds(cache, given);
    if (build !== undefined) return build;
    if (options.retry !== true) await recallFailure(cache, given);
  }
  if (!mayRunTools()) {
    throw new UserError("it is not set up, and this process may not run what sets it up", {
      hint: hint(
        "native/run",
        "`deno task native` sets it up once for all, or a process with --allow-run",
        { outside: "another process sets it up" },
      ),
    });
  }
  const wait = () => options.report("native engine: waiting for another run that is setting it up");
  return await withLock(join(cache, "native.lock"), wait, async () => {
    // The run that was waited for has made it, or has failed.
    const builds = await findBuilds(cache, given);
    const fresh = builds.find((build) => options.force !== true || Date.parse(build.made) > asked);
    if (fresh !== undefined) return fresh;
    if (options.retry !== true) await recallFailure(cache, given);
    await removeLeftovers(cache);
    const progress = options.progress ?? createProgress(options.report);
    const failures: [Origin, unknown][] = [];
    for (const recipe of options.recipes ?? recipes(given)) {
      try {
        const build = await follow(recipe, cache, given, progress, options.tryAddon ?? tryAddon);
        if (build === undefined) continue;
        for (const old of builds) if (old.folder !== build.folder) await remove(old.folder);
        await forgetFailure(cache);
        return build;
      } catch (error) {
        failures.push([recipe.origin, error]);
      } finally {
        progress.end();
      }
    }
    const failure = summary(failures);
    await rememberFailure(cache, given, failure);
    throw failure;
  });
}

/**
 * Follows a recipe in a folder of its own, tries what came of it, and gives the folder its name.
 */
async function follow(
  recipe: Recipe,
  cache: string,
  given: string | undefined,
  progress: Progress,
  tryIt: (addon: string) => Promise<string>,
): Promise<Build | undefined> {
  const started = performance.now();
  const folder = await Deno.makeTempDir({ dir: cache, prefix: "native-", suffix: BUILDING });
  try {
    const made = await recipe.make(folder, progress);
    if (made === undefined) return undefined;
    progress.begin("trying the addon");
    const tensorflow = await tryIt(made.addon);
    const place = join(cache, buildName(tensorflow, given));
    const moved = (path: string) =>
      path.startsWith(folder) ? join(place, relative(folder, path)) : path;
    await writeBuild({
      folder,
      tfjs: TFJS_VERSION,
      tensorflow,
      platform: PLATFORM,
      origin: recipe.origin,
      ...given === undefined ? {} : { given },
      library: moved(made.library),
      addon: relative(folder, made.addon),
      ...made.compiler === undefined ? {} : { compiler: made.compiler },
      seconds: Math.round((performance.now() - started) / 100) / 10,
      made: new Date().toISOString(),
    });
    // Made for this user alone by default; a cache may be shared.
    if (Deno.build.os !== "windows") await Deno.chmod(folder, 0o755);
    // What is under the name is not whole, or is to be replaced.
    await remove(place);
    await Deno.rename(folder, place);
    const build = (await findBuilds(cache, given)).find((build) => build.folder === place);
    if (build === undefined) throw new Error(`${place} is not as it was written`);
    return build;
  } finally {
    await remove(folder);
  }
}

/** Removes the folders of builds that died; whoever calls this holds the lock, so none is alive. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const { name } of Deno.readDirSync(cache)) {
    if (name.startsWith("native-") && name.endsWith(BUILDING)) await remove(join(cache, name));
  }
}

/** One error of what every recipe failed of; the first one's hint is what helps most. */
function summary(failures: readonly [Origin, unknown][]): UserError {
  const text = (error: unknown) => error instanceof Error ? error.message : String(error);
  const first = failures.map(([, error]) => error instanceof UserError && error.problems[0]?.hint)
    .find(Boolean);
  // Recipes may fail of the same.
  const reasons = new Set(failures.map(([, error]) => text(error)));
  return new UserError([...reasons].join("; "), {
    ...first ? { hint: first } : {},
    cause: failures[0]?.[1],
  });
}
