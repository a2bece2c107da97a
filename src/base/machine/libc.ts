/**
 * Returns the path of the C library's file; undefined on systems other than Linux and macOS. The
 * result is an absolute path if possible, because Deno treats a bare file name as a file in the
 * current folder if the process may load only certain libraries.
 */
export function cLibrary(): string | undefined {
  if (Deno.build.os === "darwin") return "/usr/lib/libSystem.dylib";
  if (Deno.build.os !== "linux") return undefined;
  const arch = Deno.build.arch;
  return [`/lib/${arch}-linux-gnu/libc.so.6`, "/lib64/libc.so.6", "/usr/lib/libc.so.6"].find(
    exists,
  ) ??
    "libc.so.6";
}

/**
 * Checks whether a file exists that this process may read, or may load as native code.
 *
 * @param path The absolute path.
 */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // A process may have the permission to load the library but not to read the file.
    return error instanceof Deno.errors.NotCapable &&
      Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  }
}
