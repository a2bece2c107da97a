import { thrown } from "../base/printable.ts";
import { hint, type HintText } from "../base/hints.ts";

/**
 * What is said of a module that cannot be loaded, in one line.
 *
 * @param what What the import threw; it may be anything.
 * @returns The name and the message of the error, and the place in its file where it has one.
 */
export function importFault(what: unknown): string {
  const error = thrown(what);
  const { name, message: words } = error instanceof Error ? error : new Error(String(error));
  const text = `${name}: ${words}`;
  // Deno shows the source below the message, and its place after that.
  const [first = "", ...more] = text.split("\n").map((line) => line.trim());
  const at = more.map((line) => /^at (?:file:\/\/)?(\S+:\d+:\d+)$/.exec(line)?.[1])
    .find((place) => place !== undefined);
  const message = first.replace(/^TypeError: (?=SyntaxError: )/, "").replace(/[.:]$/, "");
  return at === undefined ? message : `${message}, at ${at}`;
}

/** What a module loads that was not downloaded, where Deno may download nothing, and what downloads it. */
export interface NotDownloaded {
  /** What it is, such as `npm:x`. */
  readonly specifier: string;
  /** What a person does about it. */
  readonly hint: HintText;
}

/**
 * Whether a module cannot be loaded because something is missing that a process with `--cached-only` does not download.
 *
 * @param error What the import threw.
 */
export function notDownloaded(error: unknown): NotDownloaded | undefined {
  const words = error instanceof Error ? error.message : "";
  if (!words.includes("--cached-only is specified")) return undefined;
  const npm = /^Failed caching npm package '([^']+)'/m.exec(words)?.[1] ??
    /for package "([^"]+)"/.exec(words)?.[1];
  const jsr = /JSR package manifest for '([^']+)'/.exec(words)?.[1];
  const url = /not found in cache: "([^"]+)"/.exec(words)?.[1];
  const specifier = npm !== undefined
    ? `npm:${npm}`
    : jsr !== undefined
    ? `jsr:${jsr}`
    : url ?? "a module";
  return {
    specifier,
    hint: hint(
      "code/download",
      `if you trust it: deno cache ${specifier}; what modules of the project import by name is downloaded before a run, and nothing during it`,
      { outside: "it is downloaded to Deno's cache" },
    ),
  };
}
