import { commandName } from "../base/command_name.ts";
import { relative, resolve } from "node:path";
import { quoted } from "../base/quoted.ts";
import type { Plan } from "../pipeline/plan.ts";

/** The built-in sources whose files `predict` reads. */
const fileSources: ReadonlySet<string> = new Set(["arrow", "csv", "images", "parquet"]);

/**
 * Returns the commands that use a finished run, in a form that users can copy.
 *
 * @param plan The plan of the run.
 * @param out The run folder.
 * @param epochs The number of epochs that are done.
 */
export function nextSteps(plan: Plan, out: string, epochs: number): string[] {
  const run = fromHere(out);
  const command = (...words: readonly string[]) =>
    `  ${commandName()} ${words.map(quoted).join(" ")}`;
  return [
    "next steps:",
    command("predict", run, testFile(plan) ?? "INPUT", "--out", "predictions.csv"),
    command("evaluate", run),
    command("report", run, "--out", `${run}.html`),
    command("export", run, "--format", "onnx", "--out", `${run}-onnx`),
    // Each phase has its own number of epochs, and more epochs do not continue a run that stopped
    // because a metric no longer improved.
    ...(plan.phases.length === 1 && epochs >= plan.phases[0]!.epochs
      ? [command("resume", run, "--epochs", String(2 * epochs))]
      : []),
  ];
}

/**
 * Returns a path as a command in the current folder can name it: the shorter one of the relative and
 * the absolute path.
 *
 * @param path The path.
 */
export function fromHere(path: string): string {
  const fromFolder = relative(Deno.cwd(), path) || ".", whole = resolve(path);
  const shorter = fromFolder.length <= whole.length ? fromFolder : whole;
  return shorter.startsWith("-") ? `./${shorter}` : shorter;
}

/**
 * Returns the path of the test rows, or of all rows, or the first of several paths; undefined if the
 * rows are not in files that `predict` reads.
 */
function testFile({ sources: { all, test } }: Plan): string | undefined {
  const { specifier, options, folder } = all ?? test!;
  const { path } = Object(options) as { readonly path?: unknown };
  const first = Array.isArray(path) ? path[0] : path;
  if (typeof first !== "string" || !fileSources.has(specifier ?? "")) return undefined;
  return fromHere(resolve(folder, first));
}
