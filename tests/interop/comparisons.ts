/**
 * The comparisons of Rocket's files with other programs.
 *
 * @module
 */

import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { exportModel, SAMPLES_FILE } from "../../src/model/export_model.ts";
import { Pages } from "./browser.ts";
import { finished, type ProgramName, type Programs } from "./programs.ts";
import type { Subject } from "./subjects.ts";

/** The largest allowed difference of logits, relative to the largest logit. */
const TOLERANCE = 1e-5;

/** A comparison. */
export interface Comparison {
  /** What is compared. */
  readonly name: string;
  /** The programs that it needs. */
  readonly needs: readonly ProgramName[];
  /**
   * Compares.
   *
   * @returns The result in a few words, for the report.
   * @throws {Error} If there is a difference.
   */
  readonly run: () => Promise<string>;
}

/** A subject that was trained. */
export interface Trained extends Subject {
  /** Its run folder. */
  readonly out: string;
}

const here = import.meta.dirname!;
const script = (name: string) => join(here, "python", `${name}.py`);

/** TensorFlow prints many lines otherwise. */
const env = { TF_CPP_MIN_LOG_LEVEL: "3", TF_ENABLE_ONEDNN_OPTS: "0" };

/**
 * Returns the comparisons.
 *
 * @param folder The folder for exports.
 * @param subjects The trained subjects.
 * @param programs The other programs.
 */
export async function comparisonsOf(
  folder: string,
  subjects: readonly Trained[],
  programs: Programs,
): Promise<Comparison[]> {
  const python = (name: string, ...args: string[]) =>
    finished(programs.python!, [script(name), ...args], { env });
  const comparisons: Comparison[] = [];
  const add = (name: string, needs: readonly ProgramName[], run: () => Promise<string>) =>
    comparisons.push({ name, needs, run });

  const folders = { "onnx": [] as string[], "saved-model": [] as string[] };
  for (const format of ["onnx", "saved-model"] as const) {
    for (const { name, out } of subjects) {
      for (const net of ["light", "booster"] as const) {
        for (const inputs of ["columns", "ids"] as const) {
          const to = join(folder, `${name}-${net}-${inputs}-${format}`);
          await exportModel(out, to, { format, net, inputs });
          folders[format].push(to);
        }
      }
    }
  }
  const lightOf = (format: "onnx" | "saved-model", name: string) =>
    join(folder, `${name}-light-columns-${format}`);
  const nameOf = (to: string) => to.slice(folder.length + 1).replace(/-(?:onnx|saved-model)$/, "");

  // One process computes all graphs of a format: TensorFlow takes seconds to load.
  for (
    const [format, what] of [
      ["onnx", "onnxruntime in Python"],
      ["saved-model", "TensorFlow in Python"],
    ] as const
  ) {
    let all: Promise<number[]> | undefined;
    folders[format].forEach((to, index) =>
      add(`${what}: ${nameOf(to)}`, ["python"], async () => {
        all ??= distancesInPython(programs, format, SAMPLES_FILE, folders[format]);
        return distanceText((await all)[index]!);
      })
    );
  }
  for (const to of folders.onnx) {
    add(`onnxruntime-web in Chromium: ${nameOf(to)}`, ["node", "chromium"], async () => {
      await using pages = await Pages.open(programs.chromium!, folder);
      const [name] = to.split(/[/\\]/).slice(-1) as [string];
      return await pages.visit("graphs.html", async (page) => {
        await page.waitForFunction("globalThis.distanceOf");
        return distanceText(
          await page.evaluate<number>(`distanceOf(${JSON.stringify(`/${name}`)})`),
        );
      });
    });
  }
  for (const { name, out } of subjects) {
    add(`tritonclient in Python: the repository of ${name}`, ["python"], async () => {
      const to = join(folder, `${name}-repository`);
      await exportModel(out, to, { layout: "repository" });
      return (await python("repository", to)).trim();
    });
    add(`safetensors in Python: ${name}`, ["python"], async () => {
      const to = join(folder, `${name}-safetensors`);
      await exportModel(out, to, { format: "safetensors" });
      return (await python("weights", out, to)).trim();
    });
    add(
      `TensorBoard: the events of ${name}`,
      ["python"],
      async () => (await python("events", out)).trim(),
    );
    const snippets = (format: "onnx" | "saved-model") => lightOf(format, name);
    add(`README, ONNX in Python: ${name}`, ["python"], async () => {
      const to = snippets("onnx");
      return await heldTo(to, await runSnippet(to, "python", programs.python!, "check.py"));
    });
    add(`README, ONNX in Node.js: ${name}`, ["node"], async () => {
      const to = snippets("onnx");
      await using _ = await linkModules(to, programs.node!);
      return await heldTo(to, await runSnippet(to, "js", "node", "check.mjs"));
    });
    add(`README, ONNX in the browser: ${name}`, ["node", "chromium"], async () => {
      const to = snippets("onnx");
      await using _ = await linkModules(to, programs.node!);
      await Deno.writeTextFile(join(to, "check.html"), await snippetOf(to, "html"));
      await using pages = await Pages.open(programs.chromium!, to);
      const text = await pages.visit("check.html", async (page) => {
        await page.waitForFunction(
          "/difference/.test(document.querySelector('#result').textContent)",
        );
        return await page.textContent("#result");
      });
      return await heldTo(to, text!);
    });
    add(`README, SavedModel in Python: ${name}`, ["python"], async () => {
      const to = snippets("saved-model");
      return await heldTo(to, await runSnippet(to, "python", programs.python!, "check.py"));
    });
    add(`README, safetensors in Python: ${name}`, ["python"], async () => {
      const to = join(folder, `${name}-safetensors`);
      const lines = (await runSnippet(to, "python", programs.python!, "check.py")).trim().split(
        "\n",
      );
      const { variables } = JSON.parse(await Deno.readTextFile(join(out, "model.json")));
      const own = variables.filter(({ owner }: { owner: string }) => owner !== "booster");
      if (lines.length !== own.length) throw new Error(`${lines.length} of ${own.length} tensors`);
      return `${lines.length} tensors`;
    });
  }
  await Deno.copyFile(join(here, "graphs.html"), join(folder, "graphs.html"));
  if (programs.node !== undefined) await linkModules(folder, programs.node);
  return comparisons;
}

/**
 * Computes rows with the graphs of export folders in Python.
 *
 * @param programs The programs.
 * @param format The format of the graphs.
 * @param file The file in each folder with the rows and the expected logits.
 * @param folders The export folders.
 * @returns The largest difference from the expected logits for each folder, relative to the largest
 *   logit.
 */
export async function distancesInPython(
  { python }: Programs,
  format: "onnx" | "saved-model",
  file: string,
  folders: readonly string[],
): Promise<number[]> {
  const text = await finished(python!, [script("graphs"), format, file, ...folders], { env });
  return text.trim().split("\n").map(Number);
}

/** Runs the program of a README in the folder of the README. */
async function runSnippet(
  folder: string,
  language: string,
  program: string,
  file: string,
): Promise<string> {
  await Deno.writeTextFile(join(folder, file), await snippetOf(folder, language));
  return await finished(program, [file], { cwd: folder, env });
}

/** Returns the only program in a language in a README. */
async function snippetOf(folder: string, language: string): Promise<string> {
  const readme = await Deno.readTextFile(join(folder, "README.md"));
  const found = [...readme.matchAll(RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
  if (found.length !== 1) throw new Error(`${found.length} programs in ${language}`);
  return found[0]![1]!;
}

/**
 * Installs packages in a folder as a link.
 *
 * @param folder The folder.
 * @param modules The folder `node_modules` with the packages.
 * @returns The link, which is removed when it is disposed: Rocket refuses an export folder with a
 *   link that leads out of it.
 */
export async function linkModules(folder: string, modules: string): Promise<AsyncDisposable> {
  const link = join(folder, "node_modules");
  await Deno.symlink(modules, link, { type: "dir" });
  return { [Symbol.asyncDispose]: () => Deno.remove(link) };
}

/** Checks the largest difference that a program prints, which is absolute. */
async function heldTo(folder: string, text: string): Promise<string> {
  const far = /^largest difference: ([\d.e+-]+)\s*$/m.exec(text);
  if (!far) throw new Error(`the program prints ${JSON.stringify(text)}`);
  const samples = tableFromIPC(await Deno.readFile(join(folder, "samples.arrow")));
  const logits = [...samples.getChild("logits")!].flatMap((row) => [...row] as number[]);
  return distanceText(Number(far[1]) / Math.max(...logits.map(Math.abs)));
}

/**
 * Writes a difference of logits.
 *
 * @param distance The difference, relative to the largest logit.
 * @throws {Error} If it is too large.
 */
export function distanceText(distance: number): string {
  const text = Number(distance).toExponential(1);
  if (!(distance <= TOLERANCE)) throw new Error(`the logits differ by ${text} of the largest`);
  return text;
}
