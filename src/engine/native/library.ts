import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCommand, runCommand } from "./command.ts";
import { isFile } from "./files.ts";

/** A TensorFlow C library on this disk. */
export interface Library {
  /** The absolute paths of its files: the C API, and mostly the framework that it needs. */
  readonly files: readonly string[];
  /** The folder of headers, in which `tensorflow/c/eager/c_api.h` lies. */
  readonly include: string;
}

/** What a folder holds of TensorFlow. */
interface Contents {
  readonly files?: readonly string[] | undefined;
  readonly include?: string | undefined;
}

const HEADER = join("tensorflow", "c", "eager", "c_api.h");

/**
 * TensorFlow's library files by platform: the C library as TensorFlow releases it, and the library
 * within its Python package, which has the C API too.
 */
const NAMES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
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
 * Whether a file is part of TensorFlow's library or, where it is a header, needed to build against
 * it; told by its path within the Python package.
 *
 * @param path The path, with slashes.
 * @returns True for what is needed.
 */
export function isNeeded(path: string): boolean {
  return /^(libtensorflow_(cc|framework)\.[^/]+|include\/(tensorflow|xla\/tsl)\/c\/.+\.h|include\/(tensorflow\/core|tsl)\/platform\/ctstring[^/]*\.h)$/
    .test(path);
}

/**
 * Finds TensorFlow in a folder that somebody named: an unpacked release of the C library, the
 * `tensorflow` folder of a Python package, or the folder that holds either.
 *
 * @param folder The folder.
 * @returns The library.
 * @throws {UserError} If the library or its headers are not there.
 */
export async function givenLibrary(folder: string): Promise<Library> {
  const root = resolve(folder);
  const other = hint(
    "native/given",
    "ROCKET_TENSORFLOW names a folder with TensorFlow's C library (lib/, include/), " +
      "or the `tensorflow` folder of its Python package; unset it to have TensorFlow fetched",
    { edit: "the variable ROCKET_TENSORFLOW" },
  );
  const { files, include } = await lookIn([root, join(root, "lib"), join(root, "tensorflow")]);
  if (files === undefined) {
    throw new UserError(
      `ROCKET_TENSORFLOW is ${folder}, where ${
        (NAMES[Deno.build.os] ?? []).map(([api]) => api).join(" or ") ||
        "a TensorFlow library for this platform"
      } was not found`,
      { hint: other },
    );
  }
  if (include === undefined) {
    throw new UserError(
      `ROCKET_TENSORFLOW is ${folder}, where the library is but not its headers (include/${HEADER})`,
      { hint: other },
    );
  }
  return { files, include };
}

/**
 * Finds a TensorFlow that the system has, in the places where libraries are installed.
 *
 * @returns The library, or undefined if there is none or it came without headers.
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

/** The folders of TensorFlow libraries that the dynamic linker is configured to know. */
async function configuredFolders(): Promise<string[]> {
  const ldconfig = Deno.build.os === "linux" &&
    (await findCommand("ldconfig") ?? await findCommand("/sbin/ldconfig"));
  if (!ldconfig) return [];
  const { output } = await runCommand([ldconfig, "-p"]);
  return [...output.matchAll(/libtensorflow\S*\.so\.2 .*=> (\S+)/g)].map(([, path = ""]) =>
    dirname(path)
  );
}

/** The first of the folders that has a library; headers beside it, or where the system has them. */
async function lookIn(folders: readonly string[]): Promise<Contents> {
  let bare: Contents = {};
  for (const folder of folders) {
    for (const [api, framework] of NAMES[Deno.build.os] ?? []) {
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
 * Puts links to a library's files into a folder, under the names that the linker wants.
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
