/** The version of DuckDB's packages. It must be the same as in the type imports of `duckdb.ts`. */
const version = "1.5.6-r.1";

/**
 * The npm specifiers of DuckDB's API and of its native bindings. They are imported through
 * variables because Deno downloads all packages of literal imports when a program starts. These
 * packages are large, and most runs do not need them.
 */
export const duckdbPackages: readonly [api: string, bindings: string] = [
  `npm:@duckdb/node-api@${version}`,
  `npm:@duckdb/node-bindings@${version}`,
];
