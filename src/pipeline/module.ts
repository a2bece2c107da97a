import { thrown } from "../base/printable.ts";
import { hint, type HintText } from "../base/hints.ts";
import { say } from "../base/terminal.ts";

/** After how many milliseconds a module that is still being loaded is named. */
const SLOW = 3_000;

/**
 * Waits for a module, and names it if that takes long: what a module waits for may never come, and
 * nobody would know whom to ask.
 *
 * @param use What names the module.
 * @param module The module.
 */
export async function toldIfSlow<T>(use: string, module: Promise<T>): Promise<T> {
  const timer = setTimeout(
    () => say(`still loading ${use}: its module runs, or waits for something`),
    SLOW,
  );
  // The module alone decides whether the process lives on.
  Deno.unrefTimer(timer);
  try {
    return await module;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Describes in one line why a module cannot be loaded.
 *
 * @param what The value that the import threw, of any type.
 * @returns The name and the message of the error, and its place in the file if it has one.
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

/** A dependency that has not been downloaded, in a process that may not download it. */
export interface NotDownloaded {
  /** The specifier of the dependency, such as `npm:x`. */
  readonly specifier: string;
  /** How to download it. */
  readonly hint: HintText;
}

/**
 * Whether a module cannot be loaded because a dependency is missing, which a process with
 * `--cached-only` does not download.
 *
 * @param error The value that the import threw.
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
