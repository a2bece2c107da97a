import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { hashOf } from "../../base/files/hash_of.ts";
import { filesUnder } from "./files.ts";
import { isChangeable } from "./own_folder.ts";
import { PLATFORM, TENSORFLOW_VERSION, TFJS_VERSION } from "./versions.ts";

/**
 * The origin of the TensorFlow library: the folder that `ROCKET_TENSORFLOW` names, a folder of the
 * system, a Python package, or tfjs-node's installer.
 */
export type Origin = "given" | "system" | "wheel" | "installer";

/** A build of the native engine, as recorded in its folder. */
export interface Build {
  /** The folder of the build. */
  readonly folder: string;
  /** tfjs-node's version. */
  readonly tfjs: string;
  /** TensorFlow's version, as the library reports it. */
  readonly tensorflow: string;
  /** The platform, such as `linux-x86_64`. */
  readonly platform: string;
  /** The origin of the TensorFlow library. */
  readonly origin: Origin;
  /** The folder named by `ROCKET_TENSORFLOW`, if that library was used. */
  readonly given?: string;
  /** Whether it is the GPU build: TensorFlow with the libraries of CUDA. */
  readonly gpu?: true;
  /** The path of TensorFlow's library. */
  readonly library: string;
  /** The addon's path within the folder. */
  readonly addon: string;
  /** Whether the addon takes a context that Rocket has made, in which graphs can be functions. */
  readonly takesContext: boolean;
  /** The compiler that built the addon, if one was used. */
  readonly compiler?: string;
  /** The duration of the build, in seconds. */
  readonly seconds: number;
  /** The date of the build, in ISO format. */
  readonly made: string;
  /** The size of each file in bytes, by its path within the folder. */
  readonly files: Readonly<Record<string, number>>;
  /** The SHA-256 of the addon. */
  readonly sha256: string;
}

const MARKER = "build.json";

/** The suffix of a folder in which a build is in progress. */
export const BUILDING = ".building";

/**
 * Returns the name of the folder for a build of the native engine. It contains the versions, the
 * platform, whether it is the GPU build, and, if `ROCKET_TENSORFLOW` is set, a hash of its value.
 *
 * @param tensorflow TensorFlow's version.
 * @param given The folder named by `ROCKET_TENSORFLOW`, if it is set.
 * @param gpu Whether it is the GPU build.
 * @returns The name, such as `native-4.22.0-2.21.0-linux-x86_64`.
 */
export function buildName(tensorflow: string, given: string | undefined, gpu = false): string {
  const name = `native-${TFJS_VERSION}-${tensorflow}-${PLATFORM}${gpu ? "-gpu" : ""}`;
  if (given === undefined) return name;
  return `${name}-${createHash("sha256").update(given).digest("hex").slice(0, 8)}`;
}

/**
 * Writes the file that marks a build of the native engine as complete. Afterwards, the folder of
 * the build gets its final name.
 *
 * @param build The description of the build.
 */
export async function writeBuild(build: Omit<Build, "files" | "sha256">): Promise<void> {
  const files: Record<string, number> = {};
  for (const path of await filesUnder(build.folder)) {
    files[path.slice(build.folder.length + 1)] = (await Deno.stat(path)).size;
  }
  const { folder, ...rest } = build, { sha256 } = await hashOf(join(folder, build.addon));
  await Deno.writeTextFile(
    join(folder, MARKER),
    JSON.stringify({ ...rest, files, sha256 }, null, 2) + "\n",
  );
}

/**
 * Finds complete builds in a cache that this version of Rocket can use on this platform.
 *
 * @param cache The cache's folder.
 * @param given The folder named by `ROCKET_TENSORFLOW`, if it is set. Only builds with the library
 *   from this folder are returned; without it, only builds with other libraries.
 * @param gpu Whether to find GPU builds instead of builds for the CPU.
 * @returns The builds, each with all its files at their recorded sizes.
 */
export async function findBuilds(
  cache: string,
  given: string | undefined,
  gpu = false,
): Promise<Build[]> {
  const builds: Build[] = [];
  let names: string[] = [];
  try {
    names = Array.from(Deno.readDirSync(cache), ({ name }) => name).sort();
  } catch {
    // The folder is missing or cannot be read. The set-up will report the reason.
  }
  for (const name of names) {
    if (!name.startsWith("native-") || name.endsWith(BUILDING)) continue;
    // The files of the other kind of build are not looked at: a GPU build has many.
    if (/-gpu(-[\da-f]{8})?$/.test(name) !== gpu) continue;
    const build = await readBuild(join(cache, name));
    if (
      build?.tfjs === TFJS_VERSION && build.takesContext !== undefined &&
      build.platform === PLATFORM && build.given === given && (build.gpu ?? false) === gpu &&
      (build.origin !== "wheel" || build.tensorflow === TENSORFLOW_VERSION)
    ) builds.push(build);
  }
  return builds;
}

/**
 * Reads a folder's marker file. Returns `undefined` if it is missing, unreadable, or does not match
 * the folder's files, and if others can change one of the files or the folders that contain them. A
 * symbolic link in place of the folder or the addon is not accepted either, because it can lead to
 * files that others can change.
 */
async function readBuild(folder: string): Promise<Build | undefined> {
  try {
    if (!(await Deno.lstat(folder)).isDirectory) return undefined;
    const build: Build = { ...JSON.parse(await Deno.readTextFile(join(folder, MARKER))), folder };
    const used = new Set([folder, join(folder, MARKER)]);
    for (const [path, size] of Object.entries(build.files)) {
      const file = join(folder, path);
      if ((await Deno.stat(file)).size !== size) return undefined;
      used.add(file).add(dirname(file));
    }
    for (const path of used) if (await isChangeable(path)) return undefined;
    const addon = join(folder, build.addon);
    const isWhole = build.addon in build.files && (await Deno.lstat(addon)).isFile &&
      (await hashOf(addon)).sha256 === build.sha256;
    return isWhole ? build : undefined;
  } catch {
    return undefined;
  }
}
