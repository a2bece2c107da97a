/**
 * What is said of a module that cannot be loaded, in one line.
 *
 * @param error What the import threw; it may be anything.
 * @returns The name and the message of the error, and the place in its file where it has one.
 */
export function importFault(error: unknown): string {
  const { name, message: words } = error instanceof Error ? error : new Error(String(error));
  const text = `${name}: ${words}`;
  // Deno shows the source below the message, and its place after that.
  const [first = "", ...more] = text.split("\n").map((line) => line.trim());
  const at = more.map((line) => /^at (?:file:\/\/)?(\S+:\d+:\d+)$/.exec(line)?.[1])
    .find((place) => place !== undefined);
  const message = first.replace(/^TypeError: (?=SyntaxError: )/, "").replace(/[.:]$/, "");
  return at === undefined ? message : `${message}, at ${at}`;
}
