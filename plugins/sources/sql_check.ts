/**
 * What a query does, before DuckDB sees it. DuckDB cannot be told not to write: the paths that it
 * may read it may write as well, and functions such as `enable_profiling` write where a query
 * reads. So the query is parsed, and runs only if all that it calls is known.
 *
 * @module
 */

import { hint, type HintText, UserError } from "../../plugin.ts";
import { type Database, literal, quoted } from "./duckdb.ts";

/**
 * Functions that give rows and do nothing else. They read no file but those that the database may
 * read.
 */
export const tableFunctions: ReadonlySet<string> = new Set([
  "generate_series",
  "json_each",
  "json_tree",
  "parquet_scan",
  "range",
  "read_csv",
  "read_csv_auto",
  "read_json",
  "read_json_auto",
  "read_json_objects",
  "read_json_objects_auto",
  "read_ndjson",
  "read_ndjson_auto",
  "read_ndjson_objects",
  "read_parquet",
  "repeat",
  "repeat_row",
  "unnest",
]);

/** Functions of values that do something, or bind a query that a text holds. All others compute. */
export const refusedFunctions: ReadonlySet<string> = new Set([
  "currval",
  "getenv",
  "json_serialize_plan",
  "nextval",
  "pg_sleep",
  "sleep_ms",
  "write_log",
]);

/** What a parsed query may consist of, where it is no expression. */
const parts: ReadonlySet<string> = new Set([
  "SELECT_NODE",
  "SET_OPERATION_NODE",
  "RECURSIVE_CTE_NODE",
  "CTE_NODE",
  "BASE_TABLE",
  "SUBQUERY",
  "JOIN",
  "TABLE_FUNCTION",
  "EXPRESSION_LIST",
  "EMPTY",
  "PIVOT",
  "SHOW_REF",
  "ORDER_DEFAULT",
  "ASCENDING",
  "DESCENDING",
]);

/** Modifiers and descriptions of types, of which there are many. */
const harmlessPart = /_MODIFIER$|_TYPE_INFO$/;

/** A parsed query as DuckDB writes it in JSON; what is at its default is left out. */
interface Parsed {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

/** Something that a query does, where it does it. */
export interface Deed {
  /** What it is, such as `enable_profiling`. */
  readonly name: string;
  /** The offset in the statement's bytes. */
  readonly at: number | undefined;
}

/** What a statement calls and names. */
export interface Found {
  /** What no query may do. */
  readonly refused: readonly Deed[];
  /** Table functions that are not known: macros of a database, or what is refused. */
  readonly tableFunctions: readonly Deed[];
  /** Names of tables and views. */
  readonly tables: ReadonlySet<string>;
  /** Functions of values; they may be macros of a database. */
  readonly functions: ReadonlySet<string>;
}

/** A view or a macro of a database, or a table that computes columns. */
export interface Definition {
  /** Which of them. */
  readonly kind: "view" | "macro" | "table";
  /** Its name in lower case. */
  readonly name: string;
  /** What it calls and names; undefined if it cannot be parsed. */
  readonly found: Found | undefined;
}

/**
 * Refuses a statement that does more than read, also by a view or a macro of the database. It does
 * not run, and is not bound.
 *
 * @param database Where it is to run.
 * @param sql The statement.
 * @param options The query in it, and what {@linkcode definitionsOf} has found in the database.
 * @throws {UserError} If it does more.
 * @throws {Error} In DuckDB's words, if it cannot be parsed.
 */
export async function refuseDeeds(
  database: Database,
  sql: string,
  { query, definitions }: { readonly query: string; readonly definitions: readonly Definition[] },
): Promise<void> {
  const parsed = await parse(database, sql);
  if (parsed.error && parsed.error_type === "parser") throw parserError(parsed, sql);
  if (parsed.error || parsed.statements?.length !== 1) throw notOne(query);
  const found = look(parsed.statements[0]);
  const deed = deedOf(found, definitions);
  if (deed) throw refusal(`calls ${deed.name}`, placeOf(deed.at, sql));
  refuseDefinitions(found, definitions);
}

/** What a statement does by itself that is refused. */
function deedOf({ refused, tableFunctions }: Found, definitions: readonly Definition[]) {
  const macros = definitions.filter(({ kind }) => kind === "macro").map(({ name }) => name);
  return [...refused, ...tableFunctions.filter(({ name }) => !macros.includes(name))][0];
}

/** Refuses what a query names of a database, with all that this names in turn. */
function refuseDefinitions(query: Found, definitions: readonly Definition[]): void {
  const seen = new Set<Definition>(), next: Found[] = [query];
  for (let found = next.pop(); found; found = next.pop()) {
    const calls = new Set([...found.functions, ...found.tableFunctions.map(({ name }) => name)]);
    for (const definition of definitions) {
      const { kind, name } = definition;
      if (seen.has(definition) || !(kind === "macro" ? calls : found.tables).has(name)) continue;
      seen.add(definition);
      const what = `uses the ${kind} ${name} of the database`;
      if (!definition.found) throw refusal(`${what}, which cannot be checked`);
      const deed = deedOf(definition.found, definitions);
      if (deed) throw refusal(`${what}, which calls ${deed.name}`);
      next.push(definition.found);
    }
  }
}

async function parse(database: Database, sql: string): Promise<Parsed> {
  // With the whole name, as a database may have a macro of that name.
  const [json] = await database.firstRow(
    `SELECT system.main.json_serialize_sql(${
      literal(sql)
    }, skip_default := true, skip_null := true, skip_empty := true)`,
  );
  return JSON.parse(json as string);
}

/** Looks through all parts of a parsed statement. */
function look(statement: unknown): Found {
  const refused: Deed[] = [], calls: Deed[] = [];
  const tables = new Set<string>(), functions = new Set<string>();
  const open: unknown[] = [statement];
  while (open.length > 0) {
    const part = open.pop();
    if (typeof part !== "object" || part === null) continue;
    if (Array.isArray(part)) {
      for (const item of part) open.push(item);
      continue;
    }
    const node = part as Record<string, unknown>;
    const at = node.query_location as number | undefined;
    if (node.class === "CONSTANT") continue;
    if (typeof node.function_name === "string") {
      const name = node.function_name.toLowerCase();
      functions.add(name);
      if (refusedFunctions.has(name)) refused.push({ name, at });
    }
    if (typeof node.table_name === "string") tables.add(node.table_name.toLowerCase());
    if (typeof node.type === "string" && node.class === undefined) {
      if (!parts.has(node.type) && !harmlessPart.test(node.type)) {
        refused.push({ name: node.type, at });
      }
      if (node.type === "TABLE_FUNCTION") {
        const call = node.function as Record<string, unknown>;
        const name = String(call.function_name).toLowerCase();
        if (!tableFunctions.has(name)) calls.push({ name, at });
      }
    }
    open.push(...Object.values(node));
  }
  return { refused, tableFunctions: calls, tables, functions };
}

/**
 * The views and macros of a database, and the tables that compute columns, with what they do.
 *
 * @param database The database.
 * @param file What a person calls it.
 * @throws {UserError} If it has macros by which a statement does something else than it says.
 */
export async function definitionsOf(database: Database, file: string): Promise<Definition[]> {
  // No functions and operators here: each could be a macro.
  const views = await database.rows(
    "SELECT view_name, sql FROM system.main.duckdb_views() WHERE NOT internal",
  );
  const tables = await database.rows(
    "SELECT table_name, sql FROM system.main.duckdb_tables() WHERE NOT internal",
  );
  const macros = await database.rows(
    "SELECT function_name, function_type, macro_definition FROM system.main.duckdb_functions() WHERE NOT internal",
  );
  await refuseShadows(database, file, macros.map(([name]) => name as string));
  const foundIn = async (sql: string | undefined) => {
    const parsed = sql === undefined ? undefined : await parse(database, sql);
    return parsed?.statements?.length === 1 ? look(parsed.statements[0]) : undefined;
  };
  const definitions: Definition[] = [];
  for (const [name, sql] of views) {
    const found = await foundIn(bodyOf(sql as string));
    definitions.push({ kind: "view", name: (name as string).toLowerCase(), found });
  }
  for (const [name, sql] of tables) {
    const columns = generatedIn(sql as string);
    if (columns?.length === 0) continue;
    const found = await foundIn(columns && `SELECT ${columns.join(", ")}`);
    definitions.push({ kind: "table", name: (name as string).toLowerCase(), found });
  }
  for (const [name, type, body] of macros) {
    const found = await foundIn(type === "table_macro" ? body as string : `SELECT ${body}`);
    definitions.push({ kind: "macro", name: (name as string).toLowerCase(), found });
  }
  return definitions;
}

/**
 * Refuses a database with macros that have the names of DuckDB's own functions: also the statements
 * that are made here, to read CSV files say, would call these.
 */
async function refuseShadows(
  database: Database,
  file: string,
  macros: readonly string[],
): Promise<void> {
  if (macros.length === 0) return;
  const own = await database.rows(
    "SELECT function_name FROM system.main.duckdb_functions() WHERE internal",
  );
  const names = new Set(own.map(([name]) => (name as string).toLowerCase()));
  const shadow = macros.find((name) => names.has(name.toLowerCase()));
  if (shadow === undefined) return;
  throw new UserError(`${file} has a macro with the name of a DuckDB function, ${shadow}`, {
    hint: hint(
      "sql/shadow",
      `drop it, or create it under another name: DROP MACRO ${quoted(shadow)}`,
      {
        edit: "the database",
      },
    ),
  });
}

/**
 * What the columns of a table are computed by, in brackets, from the statement that makes it, which
 * DuckDB has written: `CREATE TABLE name(a INTEGER, b INTEGER GENERATED ALWAYS AS((a + 1)), …);`.
 * Undefined if it cannot be read. DuckDB's tables have no other word for it: the defaults of
 * columns look the same, which no query computes.
 */
function generatedIn(sql: string): string[] | undefined {
  const token = /\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[()]|[^\s"'()]+)\s*/y;
  const found: string[] = [], before: string[] = [];
  let depth = 0, start: { readonly at: number; readonly depth: number } | undefined;
  while (token.lastIndex < sql.length) {
    const at = token.lastIndex, text = token.exec(sql)?.[1];
    if (text === undefined) return undefined;
    if (text === "(") {
      if (!start && before.join(" ") === "GENERATED ALWAYS AS") start = { at, depth };
      depth++;
    } else if (text === ")") {
      depth--;
      if (start?.depth === depth) {
        found.push(sql.slice(start.at, token.lastIndex));
        start = undefined;
      }
    }
    before.push(text);
    if (before.length > 3) before.shift();
  }
  return found;
}

/**
 * The query of a view, from the statement that makes it, which DuckDB has written: `CREATE VIEW
 * name (columns) AS query`.
 */
function bodyOf(sql: string): string | undefined {
  const token = /"(?:[^"]|"")*"|[()]|[^\s"()]+/y, space = /\s*/y;
  for (let at = 0, depth = 0; at < sql.length;) {
    space.lastIndex = at;
    space.exec(sql);
    token.lastIndex = space.lastIndex;
    const [text] = token.exec(sql) ?? [];
    if (text === undefined) return undefined;
    at = token.lastIndex;
    depth += text === "(" ? 1 : text === ")" ? -1 : 0;
    if (depth === 0 && text === "AS") return sql.slice(at);
  }
  return undefined;
}

function notOne(query: string): UserError {
  if (/\bpivot\b/i.test(query)) {
    return new UserError(
      "the query cannot be run: PIVOT without IN needs a second statement to find its columns",
      {
        hint: hint(
          "sql/pivot",
          "name the values that become columns: PIVOT t ON a IN ('x', 'y') USING …",
          {
            edit: "the query",
          },
        ),
      },
    );
  }
  return new UserError("the query cannot be run: it is not one SELECT", {
    hint: oneSelect(),
  });
}

/** For a query that is anything but a SELECT. */
export function oneSelect(): HintText {
  return hint(
    "sql/select",
    "a source can only read: write one SELECT, which may start with WITH or FROM",
    { edit: "the query" },
  );
}

function refusal(what: string, place = ""): UserError {
  return new UserError(`the query cannot be run${place}: it ${what}, and a query may only read`, {
    hint: hint(
      "sql/reads",
      `read its rows from tables, or from one of these functions: ${
        [...tableFunctions].join(", ")
      }`,
      { edit: "the query" },
    ),
  });
}

/** Where something is in the query, which starts in the statement's second line. */
function placeOf(at: number | undefined, sql: string): string {
  if (at === undefined) return "";
  const before = new TextDecoder().decode(new TextEncoder().encode(sql).subarray(0, at)).split(
    "\n",
  );
  return ` at line ${before.length - 1}, column ${before.at(-1)!.length + 1}`;
}

/** An error as DuckDB would throw it for the statement. */
function parserError({ error_message: message, position }: Parsed, sql: string): Error {
  const words = `Parser Error: ${message}`;
  if (position === undefined) return new Error(words);
  const bytes = new TextEncoder().encode(sql).subarray(0, Number(position));
  const before = new TextDecoder().decode(bytes).split("\n");
  const start = `LINE ${before.length}: `;
  const line = sql.split("\n")[before.length - 1];
  return new Error(
    `${words}\n\n${start}${line}\n${" ".repeat(start.length + before.at(-1)!.length)}^`,
  );
}
