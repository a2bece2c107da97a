import { basename, dirname, extname, join } from "node:path";
import type { Mend } from "./changed_input.ts";
import type { Expectation } from "./expectation.ts";
import type { CommandLine, Outcome } from "./outcome.ts";

/** A command line that is to be refused. */
export interface Case extends CommandLine {
  /** What it proves. */
  readonly name: string;
  /** What is to be said. */
  readonly expected: Expectation;
  /** What a person changes who follows a hint, by its id, where the hint itself cannot say it. */
  readonly mended?: Readonly<Record<string, Mend>> | undefined;
  /** A command line that is run once for all cases that name it, before them. */
  readonly prepared?: CommandLine | undefined;
  /** What is done then, before it is known what the case needs. */
  readonly setUp?: (() => void) | undefined;
  /** What is done in the folder before; it may give what ends that. */
  readonly before?:
    | ((
      run: (args: readonly string[]) => Promise<Outcome>,
      folder: string,
    ) => Promise<Disposable | void>)
    | undefined;
  /** Whether stages of the case make hints of their own. */
  readonly ownHints?: boolean | undefined;
}

const folder = join(import.meta.dirname!, "pipelines");

/**
 * The pipeline files of the corpus. Each says in its first line what is to be said of it: `expect
 * CODE at LINE:COLUMN: WORDS | WORDS`; lines below may give options of the command line (`with
 * --seed 3`, or `with [JSON]` for what has spaces), environment variables (`env NAME=VALUE`), and
 * what a person replaces who follows a hint: `follow ID: OLD => NEW`, with `\\n` for the end of a
 * line.
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
    mended: mendsOf(text, basename(path)),
  };
}

/**
 * What the lines `follow ID: OLD => NEW` say; code is written to another file, as a process loads a
 * file once.
 */
function mendsOf(text: string, name: string): Record<string, Mend> {
  const lines = [...text.matchAll(/^(?:#|\/\/) follow (\S+): (.*) => ?(.*)$/gm)];
  const plain = text.replaceAll(/^(?:#|\/\/) .*\n/gm, "");
  const mended = Map.groupBy(lines, ([, id]) => id!);
  return Object.fromEntries(
    Array.from(mended, ([id, replaced]): [string, Mend] => {
      const content = replaced.reduce(
        (now, [, , from, to]) => now.replace(lineEnds(from!), () => lineEnds(to!)),
        plain,
      );
      const file = /[jt]s$/.test(name) ? `mended_${name}` : name;
      return [id, {
        files: { [file]: content },
        args: (args) => args.map((arg) => arg === name ? file : arg),
      }];
    }),
  );
}

const lineEnds = (text: string) => text.replaceAll("\\n", "\n");

function wordsOf(text: string, path: string): string[] {
  const plain = extname(path) === ".json" ? JSON.parse(`"${text.replace(/"?,?$/, "")}"`) : text;
  return (plain as string).split(" | ").map((words) => words.trim()).filter((words) =>
    words !== ""
  );
}
