import { basename, dirname, extname, join } from "node:path";
import type { Expectation } from "./expectation.ts";
import type { CommandLine } from "./outcome.ts";

/** A command line that is to be refused. */
export interface Case extends CommandLine {
  /** What it proves. */
  readonly name: string;
  /** What is to be said. */
  readonly expected: Expectation;
}

const folder = join(import.meta.dirname!, "pipelines");

/**
 * The pipeline files of the corpus. Each says in its first line what is to be said of it:
 * `expect CODE at LINE:COLUMN: WORDS | WORDS`; lines below may give options of the command line
 * (`with --seed 3`, or `with [JSON]` for what has spaces) and environment variables (`env NAME=VALUE`).
 */
export function* pipelineCases(): Iterable<Case> {
  const groups = [...Deno.readDirSync(folder)].filter(({ isDirectory, name }) =>
    isDirectory && name !== "plugins"
  ).map(({ name }) => name).sort();
  for (const group of groups) {
    const files = [...Deno.readDirSync(join(folder, group))].filter(({ isFile }) => isFile);
    for (const { name } of files.sort((a, b) => a.name < b.name ? -1 : 1)) {
      yield pipelineCase(join(folder, group, name));
    }
  }
}

function pipelineCase(path: string): Case {
  const text = Deno.readTextFileSync(path);
  const expected = /expect (\d)(?: at (\d+:\d+))?:(.*)/.exec(text);
  if (!expected) throw new Error(`${path} does not say what is expected`);
  const [, code, at, words] = expected as unknown as [string, string, string | undefined, string];
  const options = [...text.matchAll(/^(?:#|\/\/) with (.*)$/gm)].flatMap(([, line]) =>
    line!.startsWith("[") ? ["--set", ...JSON.parse(line!) as string[]] : line!.split(" ")
  );
  const env = Object.fromEntries(
    [...text.matchAll(/^(?:#|\/\/) env (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
  return {
    name: `${basename(dirname(path))}/${basename(path, extname(path))}${extname(path)}`,
    args: ["check", "--engine", "wasm", "--quiet", basename(path), ...options],
    folder: dirname(path),
    env,
    expected: { code: Number(code), at, words: wordsOf(words, path) },
  };
}

function wordsOf(text: string, path: string): string[] {
  const plain = extname(path) === ".json" ? JSON.parse(`"${text.replace(/"?,?$/, "")}"`) : text;
  return (plain as string).split(" | ").map((words) => words.trim()).filter((words) =>
    words !== ""
  );
}
