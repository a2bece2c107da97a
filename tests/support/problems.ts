import { dirname, join } from "node:path";
import { assertEquals, assertRejects } from "@std/assert";
import { formatPlace, UserError } from "../../src/base/errors.ts";

/** A problem as a row of a table: the text of its place, the message, the hint. */
export type ProblemRow = [place: string, message: string, hint: string];

/**
 * Expects a pipeline file to be refused as wrong, which is exit code 2.
 *
 * @param body What is refused.
 * @param folder The folder of the files; places and messages are told from there.
 * @returns Its problems.
 */
export async function problemsOf(body: () => unknown, folder?: string): Promise<ProblemRow[]> {
  const error = await assertRejects(async () => await body(), UserError);
  assertEquals(error.exitCode, 2);
  const here = (text: string) => folder === undefined ? text : text.replaceAll(`${folder}/`, "");
  return error.problems.map(({ message, place, hint }) => [
    here(place ? formatPlace(place) : ""),
    here(message),
    here(hint ?? ""),
  ]);
}

/**
 * Writes files into a folder of their own and gives it to a test.
 *
 * @param files Their texts or bytes by name; names may have folders.
 * @param test What is done with them; the folder is removed afterwards.
 */
export async function withFiles<T>(
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>,
  test: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, name);
      await Deno.mkdir(dirname(file), { recursive: true });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(file, bytes);
    }
    return await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Sets environment variables while a test runs.
 *
 * @param variables Their values; undefined for one that is not set.
 * @param test The test.
 */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string | undefined>>,
  test: () => T | Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  setAll(Object.entries(variables));
  try {
    return await test();
  } finally {
    setAll(before);
  }
}

function setAll(variables: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of variables) {
    if (value === undefined) Deno.env.delete(name);
    else Deno.env.set(name, value);
  }
}
