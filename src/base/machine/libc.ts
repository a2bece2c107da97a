/**
 * The C library's file. Where single libraries are permitted, Deno takes a bare name for a file of
 * the current folder; so it is a path where it is found.
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

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // A process that may load it need not be allowed to look at it.
    return error instanceof Deno.errors.NotCapable &&
      Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  }
}
