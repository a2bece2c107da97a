/**
 * The npm specifiers of the packages that draw charts. They are loaded only when a chart is drawn,
 * one after another.
 *
 * The first package, `d3-array`, is a dependency of the other two. When Deno downloads the
 * packages, it chooses this version of `d3-array`. When a program imports the other two packages
 * dynamically, Deno chooses a newer version, which is not in the cache. If the program has already
 * imported the exact version, Deno uses that version for the other packages as well.
 */
export const vegaPackages = [
  "npm:d3-array@3.2.4",
  "npm:vega@6.2.0",
  "npm:vega-lite@6.4.1",
] as const;
