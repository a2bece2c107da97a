/** The version of DuckDB, as the types of `duckdb.ts` have it. */
const version = "1.5.6-r.1";

/**
 * The packages of DuckDB: what opens it, and what it is called by. They are loaded by names that
 * Deno cannot see beforehand: these are large, most runs need them not, and Deno downloads what it
 * sees when a program starts.
 */
export const duckdbPackages: readonly [api: string, bindings: string] = [
  `npm:@duckdb/node-api@${version}`,
  `npm:@duckdb/node-bindings@${version}`,
];
