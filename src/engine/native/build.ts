import { createHash } from "node:crypto";
import { join } from "node:path";
import { hashOf } from "../../base/files/hash_of.ts";
import { filesUnder } from "./files.ts";
import { PLATFORM, TENSORFLOW_VERSION, TFJS_VERSION } from "./versions.ts";

/** How TensorFlow came here. */
export type Origin = "given" | "system" | "wheel" | "installer";

/** What was built, as it is written into the folder that holds it. */
export interface Build {
  /** The folder. */
  readonly folder: string;
  /** tfjs-node's version. */
  readonly tfjs: string;
  /** TensorFlow's version, as it says itself. */
  readonly tensorflow: string;
  /** The platform, such as `linux-x86_64`. */
  readonly platform: string;
  /** How TensorFlow came here. */
  readonly origin: Origin;
  /** The folder that `ROCKET_TENSORFLOW` named, for a library that was given. */
  readonly given?: string;
  /** The library's file, where it was found or put. */
  readonly library: string;
  /** The addon's path within the folder. */
  readonly addon: string;
  /** The compiler that made the addon, if one did. */
  readonly compiler?: string;
  /** The seconds that it took. */
  readonly seconds: number;
  /** When it was made, as an ISO date. */
  readonly made: string;
  /** The size in bytes of each file, by path within the folder. */
  readonly files: Readonly<Record<string, number>>;
  /** The SHA-256 of the addon. */
  readonly sha256: string;
}

const MARKER = "build.json";

/** The ending of a folder that is being built in. */
export const BUILDING = ".building";

/**
 * The name of the folder for a build.
 *
 * @param tensorflow TensorFlow's version.
 * @param given The folder that `ROCKET_TENSORFLOW` named, if it did.
 * @returns The name, such as `native-4.22.0-2.21.0-linux-x86_64`.
 */
export function buildName(tensorflow: string, given: string | undefined): string {
  const name = `native-${TFJS_VERSION}-${tensorflow}-${PLATFORM}`;
  if (given === undefined) return name;
  return `${name}-${createHash("sha256").update(given).digest("hex").slice(0, 8)}`;
}

/**
 * Writes the marker that makes a folder a build: the last thing to do before it gets its name.
 *
 * @param build What was built.
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
 * Finds the whole builds in a cache that this version of Rocket can use on this platform.
 *
 * @param cache The cache's folder.
 * @param given The folder that `ROCKET_TENSORFLOW` names, if it does: only builds with its library
 * are meant then, else only builds with a library that nobody named.
 * @returns The builds, all of whose files are there with the size that they were made with.
 */
export async function findBuilds(cache: string, given: string | undefined): Promise<Build[]> {
  const builds: Build[] = [];
  let names: string[] = [];
  try {
    names = Array.from(Deno.readDirSync(cache), ({ name }) => name).sort();
  } catch {
    // There is none, or it cannot be looked at: what makes one will say why.
  }
  for (const name of names) {
    if (!name.startsWith("native-") || name.endsWith(BUILDING)) continue;
    const build = await readBuild(join(cache, name));
    if (
      build?.tfjs === TFJS_VERSION && build.platform === PLATFORM && build.given === given &&
      (build.origin !== "wheel" || build.tensorflow === TENSORFLOW_VERSION)
    ) builds.push(build);
  }
  return builds;
}

/**
 * A folder's marker, if it is there, can be read, and is true of the folder's files. A link in the
 * place of the folder or of the addon is none: it may lead to what somebody else can change.
 */
async function readBuild(folder: string): Promise<Build | undefined> {
  try {
    if (!(await Deno.lstat(folder)).isDirectory) return undefined;
    const build: Build = { ...JSON.parse(await Deno.readTextFile(join(folder, MARKER))), folder };
    for (const [path, size] of Object.entries(build.files)) {
      if ((await Deno.stat(join(folder, path))).size !== size) return undefined;
    }
    const addon = join(folder, build.addon);
    const isWhole = build.addon in build.files && (await Deno.lstat(addon)).isFile &&
      (await hashOf(addon)).sha256 === build.sha256;
    return isWhole ? build : undefined;
  } catch {
    return undefined;
  }
}
