import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { root } from "../support/command_line.ts";
import { documents } from "./documents.ts";

/** The text without its code. */
const proseOf = (text: string) =>
  text.replaceAll(/^ *```[^]*?^ *```/gm, "").replaceAll(/`[^`]*`/g, "x");

/** The anchors of a document: its headings, as GitHub names them. */
const anchorsOf = (text: string) =>
  Array.from(
    text.replaceAll(/^ *```[^]*?^ *```/gm, "").matchAll(/^#+ (.*)$/gm),
    ([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );

Deno.test("each link of a document to a file or a heading of the project leads there", () => {
  const broken: string[] = [];
  for (const { path, text } of documents()) {
    for (const [, link] of proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [file, anchor] = link!.split("#");
      const target = join(root, file ? join(dirname(path), file) : path);
      const there = (() => {
        try {
          Deno.statSync(target);
          return !anchor || anchorsOf(Deno.readTextFileSync(target)).includes(anchor);
        } catch {
          return false;
        }
      })();
      if (!there) broken.push(`${path}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

/** Folders that tasks make. */
const made = ["bench/.venv/"];

/** Files and folders that documents name as code: `src/train/step.ts`, `tests/corpus/`. */
const namedPath =
  /`((?:src|tests|plugins|docs|data|bench|pipelines|schema)\/[\w./-]*(?:\.(?:ts|md|yaml|json|py)|\/))`/g;

Deno.test("each file of the repository that a document names is there", () => {
  const missing: string[] = [];
  let count = 0;
  for (const { path, text } of documents()) {
    for (const [, named] of text.matchAll(namedPath)) {
      // Such as plugins/KIND/NAME.ts, and what a task makes.
      if (/\b(?:ID|KIND|NAME|GROUP)/.test(named!) || made.includes(named!)) continue;
      count++;
      try {
        Deno.statSync(join(root, named!));
      } catch {
        missing.push(`${path}: ${named}`);
      }
    }
  }
  assertEquals(missing, []);
  assert(count > 100, `${count}`);
});

Deno.test("the pictures of documents have colors for light and for dark pages", () => {
  const folder = join(root, "docs");
  const pictures = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".svg"));
  assert(pictures.length > 2);
  for (const { name } of pictures) {
    const text = Deno.readTextFileSync(join(folder, name));
    assert(text.includes("prefers-color-scheme: dark"), name);
  }
});
