import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCommand, runCommand } from "./command.ts";
import { isFile } from "./files.ts";

/** The paths of a TensorFlow C library on this machine and of its header files. */
export interface Library {
  /** The absolute paths of its files: the C API and, usually, the framework that it needs. */
  readonly files: readonly string[];
  /** The folder of headers, which contains `tensorflow/c/eager/c_api.h`. */
  readonly include: string;
}

/** The TensorFlow files in a folder. */
interface Contents {
  readonly files?: readonly string[] | undefined;
  readonly include?: string | undefined;
}

const HEADER = join("tensorflow", "c", "eager", "c_api.h");

/**
 * The file names of TensorFlow's libraries by platform: those of TensorFlow's C library, and those
 * in its Python package, which also contain the C API.
 */
export const LIBRARY_NAMES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  linux: [
    ["libtensorflow.so.2", "libtensorflow_framework.so.2"],
    ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"],
  ],
  darwin: [
    ["libtensorflow.2.dylib", "libtensorflow_framework.2.dylib"],
    ["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"],
  ],
};

/**
 * Checks, by the path in the Python package, whether a file is part of TensorFlow's library or a
 * header that is needed for building against it.
 *
 * @param path The path, with slashes.
 * @returns Whether the file is needed.
 */
export function isNeeded(path: string): boolean {
  return /^(libtensorflow_(cc|framework)\.[^/]+|include\/(tensorflow|xla\/tsl)\/c\/.+\.h|include\/(tensorflow\/core|tsl)\/platform\/ctstring[^/]*\.h)$/
    .test(path);
}

/**
 * Finds TensorFlow in a folder that the user named: an unpacked release of the C library, the
 * `tensorflow` folder of a Python package, or the parent folder of either.
 *
 * @param folder The folder.
 * @returns The library.
 * @throws {UserError} If the library or its headers are not found.
 */
export async function givenLibrary(folder: string): Promise<Library> {
  const root = resolve(folder);
  const other = hint(
    "native/given",
    "set ROCKET_TENSORFLOW to a folder with TensorFlow's C library (lib/, include/), " +
      "or to the `tensorflow` folder of its Python package; unset it to download TensorFlow",
    { edit: "the variable ROCKET_TENSORFLOW" },
  );
  const { files, include } = await lookIn([root, join(root, "lib"), join(root, "tensorflow")]);
  if (files === undefined) {
    throw new UserError(
      `ROCKET_TENSORFLOW is ${folder}, but ${
        (LIBRARY_NAMES[Deno.build.os] ?? []).map(([api]) => api).join(" or ") ||
        "a TensorFlow library for this platform"
      } was not found there`,
      { hint: other },
    );
  }
  if (include === undefined) {
    throw new UserError(
      `ROCKET_TENSORFLOW is ${folder}, which contains TensorFlow's library but not its headers (include/${HEADER})`,
      { hint: other },
    );
  }
  return { files, include };
}

/**
 * Finds a TensorFlow library in the folders where systems install libraries.
 *
 * @returns The library, or undefined if it or its headers are not found.
 */
export async function systemLibrary(): Promise<Library | undefined> {
  const folders = {
    linux: [
      "/usr/local/lib",
      "/usr/local/lib64",
      "/usr/lib",
      "/usr/lib64",
      `/usr/lib/${Deno.build.arch}-linux-gnu`,
    ],
    darwin: ["/opt/homebrew/lib", "/usr/local/lib"],
  }[Deno.build.os as string] ?? [];
  const { files, include } = await lookIn([...folders, ...await configuredFolders()]);
  return files && include ? { files, include } : undefined;
}

/** Lists the folders with TensorFlow libraries in the dynamic linker's configuration. */
async function configuredFolders(): Promise<string[]> {
  const ldconfig = Deno.build.os === "linux" &&
    (await findCommand("ldconfig") ?? await findCommand("/sbin/ldconfig"));
  if (!ldconfig) return [];
  const { output } = await runCommand([ldconfig, "-p"]);
  return [...output.matchAll(/libtensorflow\S*\.so\.2 .*=> (\S+)/g)].map(([, path = ""]) =>
    dirname(path)
  );
}

/**
 * Returns the first of the folders that contains the library. The headers can be beside it or in
 * the system's folder.
 */
async function lookIn(folders: readonly string[]): Promise<Contents> {
  let bare: Contents = {};
  for (const folder of folders) {
    for (const [api, framework] of LIBRARY_NAMES[Deno.build.os] ?? []) {
      if (!await isFile(join(folder, api))) continue;
      const files = [join(folder, api)];
      if (await isFile(join(folder, framework))) files.push(join(folder, framework));
      for (const near of [join(folder, "include"), join(folder, "..", "include"), "/usr/include"]) {
        if (await isFile(join(near, HEADER))) return { files, include: near };
      }
      bare = { files };
    }
  }
  return bare;
}

/**
 * Creates symbolic links to a library's files in a folder, under the names that the linker expects.
 *
 * @param library The library.
 * @param folder The folder.
 * @returns The library as seen in that folder.
 */
export async function linkLibrary(library: Library, folder: string): Promise<Library> {
  const files: string[] = [];
  for (const file of library.files) {
    const link = join(folder, basename(file));
    await Deno.symlink(file, link);
    files.push(link);
  }
  return { files, include: library.include };
}
