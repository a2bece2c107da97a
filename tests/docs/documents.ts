import { join, relative } from "node:path";
import { root } from "../support/command_line.ts";

/** A Markdown file of the project. */
export interface MarkdownFile {
  /** The path from the project's folder. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a document. */
export interface Block {
  /** The document and the line of the fence: `docs/data.md:43`. */
  readonly place: string;
  /** The document's path from the project's folder. */
  readonly path: string;
  /** The first word after the fence, such as `yaml`; empty if there is none. */
  readonly language: string;
  /** The rest of the line after the language, such as `no-run: needs the MovieLens files`. */
  readonly info: string;
  /** The text inside the block, without the indentation of the fence. */
  readonly text: string;
}

/** Lists the Markdown files of the project. */
export function* documents(folder = root): Iterable<MarkdownFile> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    // What the command `new` writes is tested where it is written.
    const skipped = ["runs", "coverage", "node_modules", "templates"];
    if (name.startsWith(".") || skipped.includes(name)) continue;
    if (isDirectory) yield* documents(path);
    else if (name.endsWith(".md")) {
      yield { path: relative(root, path), text: Deno.readTextFileSync(path) };
    }
  }
}

/** Lists the fenced blocks of a document in order. */
export function blocksOf({ path, text }: MarkdownFile): Block[] {
  const fences = /^( *)```(\S*)(?: +([^\n]*))?\n([^]*?)^ *```$/gm;
  return Array.from(
    text.matchAll(fences),
    ({ 1: indent, 2: language, 3: info, 4: code, index }) => ({
      place: `${path}:${text.slice(0, index).split("\n").length}`,
      path,
      language: language!,
      info: info?.trim() ?? "",
      text: code!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }),
  );
}

/** All fenced blocks of all documents. */
export const blocks: readonly Block[] = [...documents()].flatMap(blocksOf);

/** Returns the name of the file that a block shows, if its first line is a comment with the name. */
export function fileNameOf({ text }: Block): string | undefined {
  return /^(?:\/\/|#) ([\w.-]+\.\w+)\n/.exec(text)?.[1];
}
