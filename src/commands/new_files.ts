import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../base/files/make_folder.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { print } from "../base/terminal.ts";

/** Files that a command creates: their contents, by their paths in a folder. */
export type NewFiles = Readonly<Record<string, string | Uint8Array>>;

/**
 * Writes all files or none, overwrites no existing file, and prints what it has created.
 *
 * @param folder The folder, which is created if it does not exist.
 * @param files The files.
 * @throws {UserError} If one of them exists already (exit code 2) or cannot be written.
 */
export async function writeNew(folder: string, files: NewFiles): Promise<void> {
  const paths = Object.keys(files).map((name) => join(folder, name));
  const there = paths.find((path) => existsSync(path));
  if (there !== undefined) {
    throw new UserError(`${there} already exists`, {
      hint: hint("new/there", "choose another name, or remove the file", { edit: "the name" }),
      exitCode: 2,
    });
  }
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await makeFolder(dirname(path));
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeFileWhole(path, bytes);
  }
  print(paths.map((path) => `created ${path}`));
}

/**
 * Rejects a folder for new files that is not empty.
 *
 * @param folder The folder; it need not exist.
 * @throws {UserError} If it has any content, or is not a folder; exit code 2.
 */
export function refuseFull(folder: string): void {
  let problem: string | undefined;
  try {
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    if (names.length > 0) problem = `the folder ${folder} is not empty`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    problem = `${folder} is a file`;
  }
  if (problem === undefined) return;
  throw new UserError(`${problem}, and existing files are never overwritten`, {
    hint: hint("new/full", "choose a folder that does not exist yet", { edit: "the folder" }),
    exitCode: 2,
  });
}

/**
 * Formats a value as JSON, as `deno fmt` does.
 *
 * @param value The value.
 */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
