import headers from "node-api-headers";
import { basename, join } from "node:path";
import type { OperatingSystem } from "../../base/machine/end_signals.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { packageFolder } from "../../base/machine/package_folder.ts";
import { findCommand, runCommand } from "./command.ts";
import { CONTEXT_FLAG, CONTEXT_SOURCE } from "./context.ts";
import type { Library } from "./library.ts";

/** The file name of tfjs-node's addon, the native library that connects tfjs with TensorFlow. */
export const ADDON = "tfjs_binding.node";

/**
 * Finds a C++ compiler: the one named by the environment variable `CXX`, or one of the usual ones.
 *
 * @returns The command; its program is a path.
 * @throws {UserError} If no compiler is found.
 */
export async function findCompiler(): Promise<string[]> {
  const obstacle = new UserError(
    "found no C++ compiler, which is needed to build the native engine",
    {
      hint: hint(
        "native/compiler",
        {
          darwin: "install a C++ compiler with `xcode-select --install`",
          linux:
            "install a C++ compiler (Debian, Ubuntu: `apt install g++`; Fedora: `dnf install gcc-c++`; " +
            "Alpine: `apk add g++`)",
        }[Deno.build.os as string] ?? "install a C++ compiler",
        { edit: "the programs of the machine" },
      ),
    },
  );
  // On macOS, the compiler can be a placeholder that opens a dialog if the developer tools are not
  // installed.
  if (Deno.build.os === "darwin" && !(await runCommand(["xcode-select", "-p"])).success) {
    throw obstacle;
  }
  for (const command of [Deno.env.get("CXX") ?? "", "c++", "g++", "clang++"]) {
    const [name = "", ...args] = command.split(" ").filter(Boolean);
    const program = name && await findCommand(name);
    if (program) return [program, ...args];
  }
  throw obstacle;
}

/**
 * Returns the linker flags for the addon of the native engine. With these flags, the addon finds
 * the TensorFlow library in its own folder, and the functions of Node-API in the program that loads
 * it.
 *
 * @param os The operating system.
 */
export function linkerFlags(os: OperatingSystem): readonly string[] {
  return os === "darwin"
    ? ["-Wl,-rpath,@loader_path", "-undefined", "dynamic_lookup"]
    : ["-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined"];
}

/**
 * Builds tfjs-node's addon from its sources with one call of the compiler.
 *
 * @param library The TensorFlow to link with. Its files must be in the folder, because the addon
 *   looks for them there.
 * @param folder The folder for the addon.
 * @param compiler The compiler's command.
 * @returns The addon's path.
 * @throws {UserError} If the compiler fails.
 */
export async function compileAddon(
  library: Library,
  folder: string,
  compiler: readonly string[],
): Promise<string> {
  await import("@tensorflow/tfjs-node/dist/version.js");
  const sources = join(packageFolder("@tensorflow/tfjs-node"), "binding");
  const addon = join(folder, ADDON), context = join(folder, "context.cc");
  await Deno.writeTextFile(context, CONTEXT_SOURCE);
  const { success, output } = await runCommand([
    ...compiler,
    ...["-O2", "-std=c++17", "-fPIC", "-shared", "-DNAPI_VERSION=8", CONTEXT_FLAG],
    ...[`-I${headers.include_dir}`, `-I${library.include}`],
    join(sources, "tfjs_backend.cc"),
    join(sources, "tfjs_binding.cc"),
    context,
    ...["-o", addon],
    ...library.files,
    ...linkerFlags(Deno.build.os),
  ], { cwd: folder });
  await Deno.remove(context);
  if (!success) {
    const lines = output.split("\n");
    const error = lines.find((line) => /error/i.test(line)) ?? lines[0];
    throw new UserError(
      `the C++ compiler ${basename(compiler[0] ?? "")} cannot compile tfjs-node's addon: ${error}`,
      {
        hint: hint("native/cxx", "set the environment variable CXX to another C++ compiler", {
          edit: "the variable CXX",
        }),
      },
    );
  }
  return addon;
}
