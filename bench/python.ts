import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "../src/engine/native/command.ts";

/** A module that peers import, and its packages, which are installed together. */
export type PeerModule = readonly [module: string, ...packages: string[]];

/** The modules that peers import, in the order in which they are installed. */
const MODULES: readonly PeerModule[] = [
  ["numpy", "numpy==2.4.6"],
  ["torch", "torch==2.15.0"],
  ["torchvision", "torchvision==0.29.2"],
  ["PIL", "pillow==13.0.0"],
  ["tensorflow", "tensorflow-cpu==2.21.0"],
  ["onnxruntime", "onnxruntime==1.32.0"],
  ["pyarrow", "pyarrow==26.0.1"],
  ["openvino", "openvino==2026.4.1"],
  ["ai_edge_litert", "ai-edge-litert==2.3.0"],
];

/**
 * Returns the modules from registries that programs in Python import.
 *
 * @param files The programs.
 */
export async function importedModules(files: Iterable<string | URL>): Promise<PeerModule[]> {
  const names = new Set<string>();
  for (const file of files) {
    const text = await Deno.readTextFile(file);
    for (const [, name] of text.matchAll(/^ *(?:import|from) (\w+)/gm)) names.add(name!);
  }
  return MODULES.filter(([name]) => names.has(name));
}

/**
 * Returns a Python interpreter for the peers, in a virtual environment that is created on first use.
 * Peers whose packages cannot be installed fail when they start.
 *
 * @param folder The folder of the virtual environment.
 * @param report Receives progress lines for the user.
 * @param modules The modules that the peers import.
 * @returns The path of the interpreter, or `undefined` if Python is not available.
 */
export async function peersPython(
  folder: URL,
  report: (line: string) => void,
  modules: readonly PeerModule[],
): Promise<string | undefined> {
  const given = Deno.env.get("ROCKET_BENCH_PYTHON");
  if (given) return given;
  const path = fileURLToPath(folder);
  const python = Deno.build.os === "windows"
    ? join(path, "Scripts", "python.exe")
    : join(path, "bin", "python");
  if (!await succeeds(python, "-c", "") && !await succeeds("python3", "-m", "venv", path)) {
    report("the peers in Python are skipped: they need python3 with venv and pip");
    return undefined;
  }
  for (const [module, ...packages] of modules) {
    const find =
      `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
    if (await succeeds(python, "-c", find)) continue;
    report(
      `installing ${packages.join(" and ")} for the peers (first use only${
        module === "torch" ? "; PyTorch takes several gigabytes" : ""
      })`,
    );
    if (!await succeeds(python, "-m", "pip", "install", "--quiet", ...packages)) {
      report(`${packages.join(" and ")} cannot be installed; the peers that need it are skipped`);
    }
  }
  return python;
}

async function succeeds(...command: string[]): Promise<boolean> {
  return (await runCommand(command)).success;
}
