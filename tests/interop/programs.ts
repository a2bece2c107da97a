/**
 * The other programs: Python with packages of fixed versions, Node.js with packages of fixed
 * versions, and Chromium.
 *
 * @module
 */

import { noTelemetry } from "../../src/base/machine/onnx_packages.ts";
import { join } from "node:path";
import { cacheFolder } from "../../src/base/machine/cache_folder.ts";

/** The kinds of programs. */
export type ProgramName = "python" | "node" | "chromium";

/** The programs that are available, by name. */
export interface Programs {
  /** The Python interpreter of a virtual environment. */
  readonly python?: string;
  /** The folder `node_modules`. Node.js itself is on the PATH. */
  readonly node?: string;
  /** The browser. */
  readonly chromium?: string;
  /** The names and versions of the programs and packages, for the report. */
  readonly versions: readonly string[];
  /** The reasons why the others are missing, by name. */
  readonly missing: Readonly<Partial<Record<ProgramName, string>>>;
}

const requirements = join(import.meta.dirname!, "python", "requirements.txt");

/** The packages for Node.js and the browser. */
const packages = {
  "apache-arrow": "21.2.0",
  "onnxruntime-node": "1.30.0",
  "onnxruntime-web": "1.30.0",
};

/**
 * Sets up the programs. What an earlier call has installed is used again.
 *
 * @param folder The folder to install in; by default in Rocket's cache.
 * @param report Receives a line before each installation.
 */
export async function openPrograms(
  folder: string = join(cacheFolder(), "interop"),
  report: (line: string) => void,
): Promise<Programs> {
  const missing: Partial<Record<ProgramName, string>> = {};
  const attempt = async (name: ProgramName, open: () => Promise<string>) => {
    try {
      return { [name]: await open() };
    } catch (error) {
      missing[name] = (error as Error).message;
      return {};
    }
  };
  const found = {
    ...await attempt("python", () => openPython(folder, report)),
    ...await attempt("node", () => openNode(folder, report)),
    ...await attempt("chromium", openChromium),
  };
  return { ...found, missing, versions: await versionsOf(found) };
}

async function versionsOf(
  { python, node, chromium }: Partial<Record<ProgramName, string>>,
): Promise<string[]> {
  const versions: string[] = [];
  if (python !== undefined) {
    versions.push((await finished(python, ["--version"])).trim());
    const lines = (await finished(python, ["-m", "pip", "freeze"])).trim().split("\n");
    const wanted = new Set(
      (await Deno.readTextFile(requirements)).match(/^[\w-]+/gm)!.map((name) => name.toLowerCase()),
    );
    for (const line of lines) {
      const [name, version] = line.split("==") as [string, string];
      if (wanted.has(name.replaceAll("_", "-").toLowerCase())) versions.push(`${name} ${version}`);
    }
  }
  if (node !== undefined) {
    versions.push(`Node.js ${(await finished("node", ["--version"])).trim().slice(1)}`);
    for (const [name, version] of Object.entries(packages)) versions.push(`${name} ${version}`);
  }
  if (chromium !== undefined) {
    versions.push((await finished(chromium, ["--version"])).trim().split(/ built | on /)[0]!);
  }
  return versions;
}

async function openPython(folder: string, report: (line: string) => void): Promise<string> {
  const text = await Deno.readTextFile(requirements);
  const venv = join(folder, `python-${await keyOf(text)}`);
  const isWindows = Deno.build.os === "windows";
  const python = isWindows ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python");
  await once(venv, async () => {
    report(`installing Python packages in ${venv}`);
    await finished(isWindows ? "python" : "python3", ["-m", "venv", venv]);
    await finished(python, ["-m", "pip", "install", "--quiet", "-r", requirements]);
  });
  return python;
}

async function openNode(folder: string, report: (line: string) => void): Promise<string> {
  await finished("node", ["--version"]);
  const text = JSON.stringify({ private: true, dependencies: packages }, undefined, 2);
  const to = join(folder, `node-${await keyOf(text)}`);
  await once(to, async () => {
    report(`installing npm packages in ${to}`);
    await Deno.mkdir(to, { recursive: true });
    await Deno.writeTextFile(join(to, "package.json"), text);
    // The script of onnxruntime-node would download libraries for graphics cards.
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await finished(Deno.build.os === "windows" ? "npm.cmd" : "npm", args, { cwd: to });
  });
  return join(to, "node_modules");
}

/** Finds the browser that `CHROMIUM` names, or one on the PATH. */
async function openChromium(): Promise<string> {
  const named = Deno.env.get("CHROMIUM");
  const names = named ? [named] : ["chromium", "chromium-browser", "google-chrome"];
  for (const name of names) {
    try {
      await finished(name, ["--version"]);
      if (/[/\\]/.test(name)) return name;
      const separator = Deno.build.os === "windows" ? ";" : ":";
      for (const folder of (Deno.env.get("PATH") ?? "").split(separator)) {
        const path = join(folder, name);
        if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
      }
    } catch {
      // The next name may be installed.
    }
  }
  throw new Error(`${names.join(", ")}: not found; set CHROMIUM to the path of a browser`);
}

/** Installs something, unless an earlier call finished it. */
async function once(folder: string, install: () => Promise<void>): Promise<void> {
  const done = join(folder, "installed");
  if (await Deno.stat(done).then(() => true, () => false)) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await install();
  await Deno.writeTextFile(done, "");
}

/** A short text that changes with another text. */
async function keyOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex().slice(0, 12);
}

/**
 * Runs a program to its end.
 *
 * @param program The program.
 * @param args Its arguments.
 * @param options The folder and the environment.
 * @returns Its standard output.
 * @throws {Error} If it cannot be started, or fails; with the end of its output.
 */
export async function finished(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    env: { [noTelemetry]: "1", ...options.env },
    args: [...args],
    stdin: "null",
  }).output().catch((error: Error) => {
    throw new Error(`${program} cannot be started: ${error.message}`, { cause: error });
  });
  const [out, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code === 0) return out!;
  const last = `${out}\n${problems}`.trim().split("\n").slice(-5).join("\n");
  throw new Error(`${program} ${args[0]} failed with exit code ${code}:\n${last}`);
}
