/**
 * The npm specifiers of the packages that draw charts. They are loaded only when a chart is drawn,
 * one after another.
 *
 * The first one is a dependency of the others. Deno chooses a version of it when it downloads the
 * packages, but a newer one when a program imports them dynamically, which would not be in the
 * cache. Once the exact version is loaded, Deno uses it for the other packages as well.
 */
export const vegaPackages = [
  "npm:d3-array@3.2.4",
  "npm:vega@6.2.0",
  "npm:vega-lite@6.4.1",
] as const;
