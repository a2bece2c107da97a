/**
 * Compares Rocket's files with other programs: ONNX Runtime, TensorFlow, the client of Triton,
 * TensorBoard, and safetensors in Python, ONNX Runtime in Node.js and in a browser, and the programs
 * in the README of an export folder and in documents.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { thisMachine } from "../../bench/machine.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { runFile, withPipeline } from "../support/pipelines.ts";
import { comparisonsOf, type Trained } from "./comparisons.ts";
import { documentComparisons } from "./documents.ts";
import { equalityComparisons } from "./equality.ts";
import { pageComparisons } from "./page.ts";
import { openPrograms } from "./programs.ts";
import { subjectsIn } from "./subjects.ts";

const USAGE =
  `usage: deno task interop [--allow-missing] [--only TEXT] [--folder FOLDER] [--results FOLDER]

  --allow-missing   skipped comparisons are not failures
  --only TEXT       run only comparisons with TEXT in their name
  --folder FOLDER   install packages in this folder (default: in the cache)
  --results FOLDER  the folder for the report and screenshots (default bench/results)`;

Deno.exit(await main());

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["only", "folder", "results"],
    boolean: ["help", "allow-missing"],
    default: { only: "" },
    unknown(argument) {
      console.error(`error: unknown argument ${argument}\n\n${USAGE}`);
      Deno.exit(2);
    },
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const started = performance.now();
  const say = (line: string) => console.error(line);
  const programs = await openPrograms(options.folder, say);
  const { detail, name: engine } = await openEngine("auto");
  const folder = await Deno.makeTempDir({ prefix: "rocket-interop-" });
  const lines: string[] = [], problems: string[] = [];
  let passed = 0, failed = 0, skipped = 0;
  try {
    const subjects: Trained[] = [];
    for (const subject of await subjectsIn(folder)) {
      say(`training ${subject.name}`);
      const out = join(folder, `run-${subject.name}`);
      await withPipeline(subject.pipeline, (file) => runFile(file, out, engine));
      subjects.push({ ...subject, out });
    }
    const all = [
      ...await comparisonsOf(folder, subjects, programs),
      ...documentComparisons(folder, subjects, programs),
      ...pageComparisons(folder, subjects, programs, options.results),
      ...await equalityComparisons(
        folder,
        engine === "native" ? ["native", "wasm"] : ["wasm"],
        { programs, report: say },
      ),
    ];
    for (const { name, needs, run } of all.filter(({ name }) => name.includes(options.only))) {
      const missing = needs.find((program) => programs.missing[program] !== undefined);
      let result: string;
      if (missing !== undefined) {
        skipped++;
        result = `skipped: ${missing} is missing`;
      } else {
        try {
          result = await run();
          passed++;
        } catch (error) {
          failed++;
          result = "**failed**";
          problems.push(`${name}: ${(error as Error).message}`);
        }
      }
      say(`${name}: ${result}`);
      lines.push(`| ${name} | ${result} |`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  for (const problem of problems) say(`\nfailed: ${problem}`);
  for (const [program, why] of Object.entries(programs.missing)) say(`\n${program}: ${why}`);
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  const results = options.results ?? fileURLToPath(new URL("../../bench/results", import.meta.url));
  if (options.only === "") {
    const machine = thisMachine(), date = new Date().toISOString().slice(0, 10);
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    await Deno.mkdir(results, { recursive: true });
    await Deno.writeTextFile(
      join(results, "interop.md"),
      `# Interop

\`deno task interop\`

${machine.processor}, ${machine.cores} cores, ${machine.memory} GiB, ${machine.system}, Deno ${machine.deno}, ${detail}; ${date}; ${minutes} minutes.

Compared with: ${programs.versions.join(", ")}.

A number is the largest difference of the logits from those of the run's own net, relative to the
largest logit; at most 1e-5 is allowed.

| comparison | result |
| --- | --- |
${lines.join("\n")}

${counts}
`,
    );
  }
  console.log(counts);
  if (passed + failed + skipped === 0) return 2;
  return failed > 0 || skipped > 0 && !options["allow-missing"] ? 1 : 0;
}
