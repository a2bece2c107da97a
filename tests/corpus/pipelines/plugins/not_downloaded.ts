// What Deno says where it may download nothing.
throw new TypeError(
  'Failed loading https://example.org/toy for package "toy"\n    0: npm package not found in cache: "toy", --cached-only is specified.',
);
