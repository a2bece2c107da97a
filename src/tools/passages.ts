/**
 * Prints a random sample of Rocket's texts, for a reader who judges whether each of them is clear:
 * 20 passages from documents with the headings above them, 20 messages with their hints, and 20
 * option descriptions and doc comments with the names that they describe.
 *
 * ```sh
 * deno run --allow-read src/tools/passages.ts [SEED]
 * ```
 *
 * @module
 */

import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, deriveSeed } from "../base/random.ts";

/** A text, and the file that contains it. */
interface Passage {
  readonly file: string;
  readonly text: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const PER_KIND = 20;

/** Yields the paths of the project's files with an extension, sorted. */
function* files(folder: string, extension: string): Iterable<string> {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (/^(\.|tests$|bench$|compat$|generated$|runs$|node_modules$)/.test(name)) continue;
    if (isDirectory) yield* files(join(folder, name), extension);
    else if (name.endsWith(extension)) yield join(folder, name);
  }
}

const inOneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/**
 * Yields the paragraphs and list items of a Markdown document, without code and tables. Each has
 * the heading above it, which a reader of the document sees as well, and a list item also has the
 * sentence that introduces its list.
 */
function* paragraphs(text: string): Iterable<string> {
  const prose = text.replaceAll(/^ *```[^]*?^ *```|^\|.*(?:\n\|.*)*/gm, "…").replaceAll(
    /^<!.*$/gm,
    "",
  );
  let heading = "", introduction = "";
  for (const part of prose.split(/\n\s*\n|\n(?=\s*(?:-|\d+\.) )/)) {
    const line = inOneLine(part);
    const isItem = /^(?:-|\d+\.) /.test(line);
    if (line.startsWith("#")) [heading, introduction] = [line.replace(/^#+ /, ""), ""];
    else if (line.length > 40) {
      yield `[${heading}] ${isItem ? introduction : ""}${line}${line.endsWith(":") ? " …" : ""}`;
    }
    if (!isItem && line !== "") introduction = line.endsWith(":") ? `${line} ` : "";
  }
}

/** Matches a string literal in double quotes, or a template, which may contain other templates. */
const TEXT = String
  .raw`(?:"(?:[^"\\\n]|\\.)*"|${"`"}(?:[^${"`"}\\$]|\\.|\$(?!\{)|\$\{(?:[^{}${"`"}]|${"`"}[^${"`"}]*${"`"}|\{[^{}]*\})*\})*${"`"})`;

/** Matches a text, or several of them added together. */
const LITERAL = String.raw`(${TEXT}(?:\s*\+\s*${TEXT})*)`;
const MESSAGE = new RegExp(
  String.raw`(?:new UserError\(|\bmessage: |new StageError\(\w+,)\s*${LITERAL}`,
  "g",
);
const HINT = new RegExp(
  String.raw`\b(?:hint\(\s*"[\w/.-]+",\s*${LITERAL}|nameHint\([^]{0,150}?\bintro: ${LITERAL})`,
);
const DESCRIPTION = new RegExp(
  String.raw`(?:\b(\w+): z\b[^\n]*(?:\n[^\n:]*)?|\b)(?:\.describe\(|\bsummary:)\s*${LITERAL}`,
  "g",
);
/** Matches the name of the option, the command, or the stage to which a summary belongs. */
const OWNER = /(?:(?:"([\w-]+)"|\b(\w+)): \{|\bname: "([\w-]+)",)[^{}]{0,300}$/;
const COMMENT =
  /\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*export (?:async |declare )?\w+\*? (\w+)(\([^)]*\))?/g;

const unquoted = (literal: string) =>
  inOneLine(
    literal.replaceAll(/["'`]\s*\+\s*["'`]/g, "").replaceAll(/^["`]|["`]$/g, "")
      .replaceAll(/\\([`$"])/g, "$1").replaceAll(
        /\$\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}/g,
        placeholder,
      ),
  );

/** Methods and functions that format a value; the name of the value says more than theirs. */
const FORMATTING =
  /\.?\b(?:join|map|slice|toLocaleString|toPrecision|toFixed|toExponential|JSON|stringify|String|en|e6|e9|printable|formatCount|formatBytes)\b/g;

/**
 * Shows a computed part of a text by its last name: `relative(folder, file)` as `<file>`, and
 * `names.length` as `<number of names>`. The alternatives of a condition are shown as texts:
 * `<is missing | is damaged>`.
 */
function placeholder(_: string, expression: string): string {
  const alternatives = /^[^?]*\?([^:]*):([^]*)$/.exec(expression)?.slice(1).map((part) =>
    part.trim().replaceAll(/^[`"]|[`"]$/g, "").replaceAll(/\$\{([^{}]*)\}/g, placeholder)
  );
  if (alternatives && /[`"]/.test(expression)) {
    return `<${alternatives.filter(Boolean).join(" | ")}>`;
  }
  const [, counted] = /(\w+)\.length\b/.exec(expression) ?? [];
  if (counted !== undefined) return `<number of ${counted}>`;
  // The name of a list says more than that of an index.
  const plain = expression.replaceAll(/"[^"]*"|\[[^\]]*\]/g, "");
  const names = plain.replaceAll(FORMATTING, " ").match(/[A-Za-z_]\w*/g) ??
    expression.match(/[A-Za-z_]\w*/g);
  return `<${names?.at(-1) ?? "…"}>`;
}

function passages(): Record<string, Passage[]> {
  const found: Record<string, Passage[]> = { documents: [], messages: [], descriptions: [] };
  const add = (kind: string, path: string, text: string) => {
    // A text that consists only of computed parts has no words to judge.
    const words = text.replaceAll(/^\w+: |<[^<>]*>/g, "").match(/[A-Za-z]{2,}/g) ?? [];
    if (text.length > 20 && words.length > 1) {
      found[kind]!.push({ file: relative(root, path), text });
    }
  };
  for (const path of files(root, ".md")) {
    for (const text of paragraphs(Deno.readTextFileSync(path))) add("documents", path, text);
  }
  for (const path of files(root, ".ts")) {
    const text = Deno.readTextFileSync(path);
    // An error in the example of a doc comment is no message of Rocket.
    const code = text.replaceAll(/^ *\* .*$/gm, (line) => " ".repeat(line.length));
    const messages = [...code.matchAll(MESSAGE)];
    messages.forEach(({ index, 0: { length }, 0: start, 1: literal }, at) => {
      // The name of the stage precedes the message of a stage's error.
      const subject = start.startsWith("new StageError") ? "<stage> " : "";
      // Users read a message together with its hint, which follows it in the code.
      const end = Math.min(messages[at + 1]?.index ?? Infinity, index + length + 300);
      const [, hint, names] = HINT.exec(text.slice(index + length, end)) ?? [];
      const shown = hint !== undefined
        ? ` hint: ${unquoted(hint)}`
        : names !== undefined
        ? ` hint: did you mean <name>? ${unquoted(names)} <names>`
        : "";
      add("messages", path, `error: ${subject}${unquoted(literal!)}${shown}`);
    });
    for (const { index, 1: name, 2: literal } of text.matchAll(DESCRIPTION)) {
      const owner = name ?? OWNER.exec(text.slice(0, index))?.slice(1).find(Boolean) ?? "summary";
      add("descriptions", path, `${owner}: ${unquoted(literal!)}`);
    }
    for (const [, comment, name, parameters = ""] of text.matchAll(COMMENT)) {
      const [prose] = comment!.replaceAll(/^\s*\* ?/gm, "").split(/^(?:```|@)/m);
      add("descriptions", path, `${name}${inOneLine(parameters)}: ${inOneLine(prose!)}`);
    }
  }
  return found;
}

if (import.meta.main) {
  const [text = "15", ...others] = Deno.args;
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed) || others.length > 0) {
    const shown = JSON.stringify(Deno.args.join(" "));
    console.error(`error: expected one whole number from 0, the seed, but found ${shown}`);
    Deno.exit(2);
  }
  for (const [kind, all] of Object.entries(passages())) {
    const random = createRandom(deriveSeed(seed, "passages", kind));
    console.log(`\n## ${kind}: ${PER_KIND} of ${all.length}, seed ${seed}\n`);
    const left = [...all];
    for (let count = 1; count <= PER_KIND && left.length > 0; count++) {
      const [{ file, text }] = left.splice(random.integer(0, left.length - 1), 1) as [Passage];
      console.log(`${count}. (${file}) ${text}`);
    }
  }
}
