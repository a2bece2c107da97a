import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "../src/engine/native/command.ts";

/** What the peers import, and the packages that bring it; each line is installed by itself. */
const PACKAGES: readonly (readonly [module: string, ...packages: string[]])[] = [
  ["torch", "torch==2.15.0", "numpy==2.4.6"],
  ["torchvision", "torchvision==0.29.2"],
  ["tensorflow", "tensorflow-cpu==2.21.0"],
];

/**
 * A Python for the peers, in a virtual environment that is made and filled the first time. Peers
 * whose packages cannot be had will say so when they start.
 *
 * @param folder Where the environment is kept.
 * @param report Takes lines for a person to read.
 * @returns The Python program, or `undefined` where there is none.
 */
export async function peersPython(
  folder: URL,
  report: (line: string) => void,
): Promise<string | undefined> {
  const given = Deno.env.get("ROCKET_BENCH_PYTHON");
  if (given) return given;
  const path = fileURLToPath(folder);
  const python = Deno.build.os === "windows"
    ? join(path, "Scripts", "python.exe")
    : join(path, "bin", "python");
  if (!await succeeds(python, "-c", "") && !await succeeds("python3", "-m", "venv", path)) {
    report("the peers in Python are skipped: python3 with venv and pip is needed");
    return undefined;
  }
  for (const [module, ...packages] of PACKAGES) {
    const find =
      `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
    if (await succeeds(python, "-c", find)) continue;
    report(`installing ${packages.join(" and ")} for the peers, once; PyTorch has some gigabytes`);
    if (!await succeeds(python, "-m", "pip", "install", "--quiet", ...packages)) {
      report(`${packages.join(" and ")} cannot be installed; peers that need it are skipped`);
    }
  }
  return python;
}

async function succeeds(...command: string[]): Promise<boolean> {
  return (await runCommand(command)).success;
}
