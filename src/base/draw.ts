import type { TopLevelSpec } from "npm:vega-lite@6.4.1";
import { vegaPackages } from "./machine/vega_packages.ts";
import { UserError } from "./errors.ts";
import { printable } from "./printable.ts";
import { hint } from "./hints.ts";

export type { TopLevelSpec };

/**
 * Draws a Vega-Lite chart as SVG.
 *
 * @param spec The specification.
 * @returns The chart as SVG, without an XML declaration. Control characters and invisible characters
 *   of names are escaped.
 * @throws {UserError} If the packages that draw charts have not been downloaded.
 */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const { vega, lite } = await loadVega();
  // Vega warns about fields without values, which a chart leaves out.
  const view = new vega.View(
    vega.parse(lite.compile(spec, { logger: silent }).spec),
    { renderer: "none", logger: silent },
  );
  try {
    const svg = (await view.toSVG()).replace(/^<\?xml.*?\?>|<!DOCTYPE.*?>/gs, "");
    // Vega escapes the markup of names, but not characters that hide or reorder text. Its own line
    // breaks are between elements.
    return svg.split(/(?<=>)\n(?=<)/).map(printable).join("\n");
  } finally {
    view.finalize();
  }
}

interface Vega {
  readonly vega: typeof import("npm:vega@6.2.0");
  readonly lite: typeof import("npm:vega-lite@6.4.1");
}

let loaded: Promise<Vega> | undefined;

// Deno downloads all statically known imports when a program starts. Most commands draw nothing, so
// these imports are dynamic.
function loadVega(): Promise<Vega> {
  return loaded ??= (async () => {
    const [array, ...drawing] = vegaPackages;
    await import(array);
    const [vega, lite] = await Promise.all(drawing.map((name) => import(name)));
    return { vega, lite };
  })().catch((error) => {
    loaded = undefined;
    throw undrawable(error);
  });
}

/**
 * Returns the error for drawing packages that cannot be loaded.
 *
 * @param error The reason.
 */
export function undrawable(error: unknown): UserError {
  const [line] = (error as Error).message.split("\n");
  return new UserError(`the packages that draw charts cannot be loaded: ${line}`, {
    hint: hint(
      "draw/packages",
      `run the command again with a network connection, or run: deno cache ${
        vegaPackages.join(" ")
      }`,
      { outside: "they are downloaded to Deno's cache" },
    ),
    cause: error,
  });
}

const silent = {
  level: () => silent,
  error: () => silent,
  warn: () => silent,
  info: () => silent,
  debug: () => silent,
} as never;
