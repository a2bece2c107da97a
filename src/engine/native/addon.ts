import headers from "node-api-headers";
import { basename, join } from "node:path";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { packageFolder } from "../../base/machine/package_folder.ts";
import { findCommand, runCommand } from "./command.ts";
import type { Library } from "./library.ts";

/** The name that tfjs-node gives its addon. */
export const ADDON = "tfjs_binding.node";

/**
 * Finds a C++ compiler: the one that the environment variable `CXX` names, else the usual ones.
 *
 * @returns The command, its program as a path.
 * @throws {UserError} If there is none.
 */
export async function findCompiler(): Promise<string[]> {
  const obstacle = new UserError("no C++ compiler was found", {
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
  });
  // macOS has a stand-in for the compiler that opens a dialogue where the tools are missing.
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
 * Builds tfjs-node's addon from its sources with one call of the compiler.
 *
 * @param library The TensorFlow to link with; its files lie in the folder, as the addon will look
 * for them beside itself.
 * @param folder The folder that gets the addon.
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
  const addon = join(folder, ADDON);
  const { success, output } = await runCommand([
    ...compiler,
    ...["-O2", "-std=c++17", "-fPIC", "-shared", "-DNAPI_VERSION=8"],
    ...[`-I${headers.include_dir}`, `-I${library.include}`],
    join(sources, "tfjs_backend.cc"),
    join(sources, "tfjs_binding.cc"),
    ...["-o", addon],
    ...library.files,
    ...Deno.build.os === "darwin"
      ? ["-Wl,-rpath,@loader_path", "-undefined", "dynamic_lookup"]
      : ["-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined"],
  ], { cwd: folder });
  if (!success) {
    const lines = output.split("\n");
    const error = lines.find((line) => /error/i.test(line)) ?? lines[0];
    throw new UserError(
      `${basename(compiler[0] ?? "")} cannot compile tfjs-node's addon: ${error}`,
      {
        hint: hint("native/cxx", "another compiler can be named in the environment variable CXX", {
          edit: "the variable CXX",
        }),
      },
    );
  }
  return addon;
}
