import { statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCompiler } from "./addon.ts";
import { GPU_BYTES, GPU_WHEELS, type GpuWheel } from "./gpu_wheels.ts";
import type { Library } from "./library.ts";
import { refuseOtherPlatform } from "./gpu_platform.ts";
import { compile, type Recipe } from "./recipes.ts";
import { findPip, unpackFiles, unpackWheel, withWheel } from "./wheel.ts";

/**
 * The recipe of the GPU build. It downloads TensorFlow and the libraries of CUDA one after another
 * and unpacks them as real files: TensorFlow looks for the libraries of CUDA in the folder `nvidia`
 * beside its own folder, and a symbolic link would lead it to another place.
 *
 * @param wheels The packages, of which the first is TensorFlow's; {@linkcode GPU_WHEELS} by default.
 * @param bytes The space that the build takes on the disk.
 * @returns The recipe.
 */
export function gpuRecipe(
  wheels: readonly GpuWheel[] = GPU_WHEELS,
  bytes: number = GPU_BYTES,
): Recipe {
  return {
    origin: "wheel",
    async make(folder, progress) {
      refuseOtherPlatform();
      const largest = Math.max(...wheels.map(({ bytes }) => bytes));
      await refuseFullDisk(folder, bytes + largest);
      const pip = await findPip(), compiler = await findCompiler();
      // The libraries of CUDA are unpacked beside this folder.
      const own = join(folder, "tensorflow");
      await Deno.mkdir(own);
      let library: Library | undefined;
      for (const wheel of wheels) {
        await withWheel(pip, wheel, folder, progress, async (file) => {
          if (wheel === wheels[0]) library = await unpackWheel(file, own, progress);
          else await unpackCuda(file, `unpacking ${wheel.name}`);
        });
      }
      return await compile(library!, own, compiler, progress);

      async function unpackCuda(file: string, label: string): Promise<void> {
        const paths = await unpackFiles(file, folder, progress, label, cudaPath);
        if (paths.length === 0) {
          throw new UserError(`${basename(file)} contains no library of CUDA`);
        }
        // XLA runs this compiler of CUDA.
        for (const path of paths) {
          if (path.includes("/bin/")) await Deno.chmod(join(folder, path), 0o755);
        }
      }
    },
  };
}

/** Returns the path for a file of a package of CUDA, without headers and modules of Python. */
function cudaPath(name: string): string | undefined {
  const isNeeded = name.startsWith("nvidia/") && !/\/include\/|\.(h|hpp|a|py|pyi)$/.test(name);
  return isNeeded ? name : undefined;
}

/**
 * Throws an error if a disk has too little space.
 *
 * @param folder A folder on the disk.
 * @param bytes The space that is needed.
 * @throws {UserError} If less space is available.
 */
export async function refuseFullDisk(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new UserError(
    `the GPU build needs ${
      gigabytes(bytes)
    } of disk space while it is set up, but the disk of ${folder} has only ${gigabytes(free)} left`,
    {
      hint: hint(
        "gpu/disk",
        "free some space, or set ROCKET_CACHE to a folder on a larger disk",
        { edit: "the disk" },
      ),
    },
  );
}

/**
 * Formats a number of bytes as gigabytes, such as `3.4 GB`.
 *
 * @param bytes The number of bytes.
 */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
