// expect 2: cannot be loaded: npm:toy@1.0.0 is not downloaded | deno cache npm:toy@1.0.0
throw new TypeError(
  `Failed caching npm package 'toy@1.0.0'\n    0: npm package not found in cache: "toy", --cached-only is specified.`,
);
