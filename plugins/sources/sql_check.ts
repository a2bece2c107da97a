/**
 * Checks that a query only reads, before DuckDB runs it. DuckDB has no read-only mode for files: a
 * query can write to every path that it can read, and functions such as `enable_profiling` write
 * files from within a SELECT. Therefore Rocket parses the query first. It runs the query only if it
 * is a single SELECT that reads tables with data and calls functions of the lists in
 * `sql_functions.ts`. Functions and views that tell about DuckDB itself are refused because its
 * settings contain environment variables, such as the proxy with its password, and paths.
 *
 * @module
 */

import { hint, type HintText, UserError } from "../../plugin.ts";
import { type Database, literal, quoted } from "./duckdb.ts";
import {
  changes,
  clockNames,
  isFileName,
  onlyComputes,
  readsFiles,
  tableFunctions,
} from "./sql_functions.ts";

/** Allowed node types of a parsed query, besides expressions. */
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

/** Node types that are always allowed: modifiers and type information, of which there are many. */
const harmlessPart = /_MODIFIER$|_TYPE_INFO$/;

/** A parsed query in DuckDB's JSON format, which omits default values. */
interface Parsed {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

/** An operation in a query, with its position. */
export interface Deed {
  /** Name of the function, table, or node type, such as `enable_profiling`; in lower case. */
  readonly name: string;
  /** Byte offset in the UTF-8 statement; undefined if it is unknown. */
  readonly at: number | undefined;
}

/** A call of a function, or of a macro of the database. */
export interface Call extends Deed {
  /** The number of arguments. */
  readonly arguments: number;
}

/** A name in the place of a table. */
export interface Table extends Deed {
  /** The names of the database and the schema in front of it, in lower case. */
  readonly within: readonly string[];
}

/** Functions and tables that a statement uses, and parts that are always refused. */
export interface Found {
  /** Parts of the statement that Rocket does not know. */
  readonly refused: readonly Deed[];
  /** Calls of table functions and table macros. */
  readonly tableCalls: readonly Call[];
  /** Calls of other functions and macros. */
  readonly calls: readonly Call[];
  /** Tables and views. */
  readonly tables: readonly Table[];
  /** The names that WITH defines, in lower case. */
  readonly named: ReadonlySet<string>;
  /** Parts whose results differ each time the statement runs. */
  readonly changing: readonly Deed[];
}

/** A view, a macro, or a table with generated columns in a database. */
export interface Definition {
  /** Kind of the definition; `table` is a table with generated columns. */
  readonly kind: "view" | "macro" | "table";
  /** Name in lower case. */
  readonly name: string;
  /** Functions and tables that the definition uses; undefined if it cannot be parsed. */
  readonly found: Found | undefined;
  /** DuckDB's text of the definition. */
  readonly text: string;
  /** The number of parameters of a macro. */
  readonly parameters?: number;
}

/** What the functions and tables of a statement are checked against. */
interface Known {
  readonly definitions: readonly Definition[];
  /** The names of DuckDB's own functions, in lower case. */
  readonly functions: ReadonlySet<string>;
  /** The names of DuckDB's own views, in lower case. */
  readonly views: ReadonlySet<string>;
  /**
   * The names of the tables of files, and of the tables and views of the database, in lower case:
   * alone, and behind those of their schema and database.
   */
  readonly relations: ReadonlySet<string>;
}

/**
 * Checks that a statement only reads, including the views and macros that it uses. DuckDB only
 * parses the statement. It neither opens its tables nor runs it.
 *
 * @param database Database to run the statement in.
 * @param sql The statement, with the user's query from its second line on, and without the tables of
 *   files, for which Rocket calls functions that a query may not call.
 * @param options The user's query, the result of {@linkcode definitionsOf} for the database, and the
 *   names of the tables of files.
 * @throws {UserError} If the query is not a single SELECT, calls a function that is neither listed
 *   in `sql_functions.ts` nor a macro that only reads, or reads a view that tells about DuckDB.
 * @throws {Error} DuckDB's parser error if the statement cannot be parsed.
 */
export async function refuseDeeds(
  database: Database,
  sql: string,
  { query, definitions, tables }: {
    readonly query: string;
    readonly definitions: readonly Definition[];
    readonly tables: readonly string[];
  },
): Promise<void> {
  const parsed = await parse(database, sql);
  if (parsed.error && parsed.error_type === "parser") throw parserError(parsed, sql);
  if (parsed.error || parsed.statements?.length !== 1) throw notOne(query);
  const found = look(parsed.statements[0]);
  const ofFiles = tables.map((name) => name.toLowerCase());
  const known = {
    definitions,
    functions: await namesOf(database, "SELECT function_name FROM system.main.duckdb_functions()"),
    // Views of information_schema are read only by its name.
    views: await namesOf(
      database,
      "SELECT view_name FROM system.main.duckdb_views() WHERE internal AND schema_name <> 'information_schema'",
    ),
    relations: new Set([...ofFiles, ...await relationsOf(database)]),
  };
  const deed = deedOf(found, known);
  if (deed) throw deed.refuse(deed.what, placeOf(deed.at, sql));
  const [part] = found.changing;
  if (part) throw changingRows(`uses ${part.name}`, placeOf(part.at, sql));
  refuseDefinitions(found, known);
}

/**
 * Checks whether a query ends with ORDER BY, so that its rows have an order that DuckDB must keep, and
 * whether all parts of it that take only some rows have an order, too.
 *
 * @param database Any database.
 * @param query The query.
 * @returns False as well if the query cannot be parsed.
 */
export async function isOrdered(database: Database, query: string): Promise<boolean> {
  const { statements = [] } = await parse(database, query);
  const [{ node } = {}] = statements as { readonly node?: unknown }[];
  if (!hasModifier(node, "ORDER_MODIFIER")) return false;
  const open: unknown[] = [node];
  while (open.length > 0) {
    const part = open.pop();
    if (typeof part !== "object" || part === null) continue;
    if (takesSomeRows(part) && !hasModifier(part, "ORDER_MODIFIER")) return false;
    if ((part as { readonly sample?: unknown }).sample) return false;
    for (const value of Object.values(part)) open.push(value);
  }
  return true;
}

/** What happens to all rows of a part of a parsed statement. */
interface Modifier {
  readonly type?: string;
  /** The columns of DISTINCT ON, which takes one row for each of their values. */
  readonly distinct_on_targets?: readonly unknown[];
}

function modifiersOf(part: unknown): readonly Modifier[] {
  const { modifiers } = Object(part) as { readonly modifiers?: unknown };
  return Array.isArray(modifiers) ? modifiers.map((modifier) => Object(modifier) as Modifier) : [];
}

const hasModifier = (part: unknown, wanted: string) =>
  modifiersOf(part).some(({ type }) => type === wanted);

const takesSomeRows = (part: unknown) =>
  modifiersOf(part).some(({ type, distinct_on_targets: columns = [] }) =>
    type === "LIMIT_MODIFIER" || type === "LIMIT_PERCENT_MODIFIER" || columns.length > 0
  );

/**
 * Checks whether the text of a definition contains a call that a query may not make, also where the
 * parsed text has none, such as in a comment or a name.
 */
function hidesCall({ text }: Definition, { functions, definitions }: Known): boolean {
  const macros = new Set(definitions.filter(({ kind }) => kind === "macro").map((it) => it.name));
  const called = text.toLowerCase().matchAll(/([\p{L}_][\p{L}\p{N}_$]*)"?\s*\(/gu);
  return called.some(([, name]) =>
    functions.has(name!) && !macros.has(name!) && !tableFunctions.has(name!) &&
    !onlyComputes(name!) && !changes(name!, 1)
  );
}

async function namesOf(database: Database, sql: string): Promise<Set<string>> {
  return new Set((await database.rows(sql)).map(([name]) => (name as string).toLowerCase()));
}

async function relationsOf(database: Database): Promise<string[]> {
  const rows = await database.rows(
    "SELECT database_name, schema_name, table_name FROM system.main.duckdb_tables() UNION ALL " +
      "SELECT database_name, schema_name, view_name FROM system.main.duckdb_views()",
  );
  return rows.flatMap((row) => {
    const [catalog, schema, name] = row.map((part) => (part as string).toLowerCase());
    return [`${name}`, `${schema}.${name}`, `${catalog}.${name}`, `${catalog}.${schema}.${name}`];
  });
}

/** Returns the name of a table with those of the database and the schema in front of it. */
const fullName = ({ within, name }: Table) => [...within, name].join(".");

/** The catalogs and schemas that hold DuckDB's own views and tables. */
const ownSchemas: ReadonlySet<string> = new Set(["information_schema", "pg_catalog", "system"]);

/**
 * Returns the first forbidden operation in a statement, without looking into the views and macros
 * that it uses. DuckDB reports names that do not exist at all when it runs the statement.
 */
function deedOf(
  { refused, tableCalls, calls, tables, named }: Found,
  { definitions, functions, views, relations }: Known,
): Forbidden | undefined {
  const macros = definitions.filter(({ kind }) => kind === "macro");
  const parametersOf = (name: string) =>
    macros.filter((macro) => macro.name === name).map(({ parameters }) => parameters!);
  const isUnlisted = ({ name }: Deed) => parametersOf(name).length === 0;
  const read = tableCalls.find((it) => isUnlisted(it) && readsFiles(it.name));
  if (read) return { what: `calls ${read.name}`, at: read.at, refuse: refusedFile };
  const file = tables.find((table) => {
    const name = fullName(table), isTable = named.has(name) || relations.has(name);
    return isFileName(name) && !isTable;
  });
  if (file) return { what: `reads ${fullName(file)}`, at: file.at, refuse: refusedFile };
  const call = refused[0] ??
    tableCalls.find((it) => isUnlisted(it) && !tableFunctions.has(it.name)) ??
    calls.find((it) =>
      isUnlisted(it) && !onlyComputes(it.name) && !changes(it.name, it.arguments) &&
      functions.has(it.name)
    );
  if (call) return { what: `calls ${call.name}`, at: call.at, refuse: refusal };
  const own = tables.find(({ name, within }) =>
    views.has(name) || within.some((one) => ownSchemas.has(one))
  );
  if (own) {
    const name = fullName(own);
    return { what: `reads ${name}, which describes DuckDB itself`, at: own.at, refuse: refusal };
  }
  // DuckDB tells nobody the default values of parameters.
  const short = [...tableCalls, ...calls].find((it) =>
    parametersOf(it.name).some((parameters) => it.arguments < parameters)
  );
  return short && {
    what: `calls the macro ${short.name} without a value for each of its parameters, whose ` +
      "default values cannot be checked",
    at: short.at,
    refuse: refusal,
  };
}

/** A forbidden operation in a statement. */
interface Forbidden {
  readonly what: string;
  readonly at: number | undefined;
  /** Creates the error. */
  readonly refuse: (action: string, place?: string) => UserError;
}

/** Checks the views, macros, and generated columns that a query uses directly or indirectly. */
function refuseDefinitions(query: Found, known: Known): void {
  const seen = new Set<Definition>(), next: Found[] = [query];
  for (let found = next.pop(); found; found = next.pop()) {
    const calls = new Set([...found.calls, ...found.tableCalls].map(({ name }) => name));
    const tables = new Set(found.tables.map(({ name }) => name));
    for (const definition of known.definitions) {
      const { kind, name } = definition;
      if (seen.has(definition) || !(kind === "macro" ? calls : tables).has(name)) continue;
      seen.add(definition);
      const what = `uses the ${kind} ${name} of the database`;
      if (!definition.found) throw refusal(`${what}, which cannot be checked`);
      const deed = deedOf(definition.found, known);
      if (deed) throw deed.refuse(`${what}, which ${deed.what}`);
      const [part] = definition.found.changing;
      if (part) throw changingRows(`${what}, which uses ${part.name}`);
      if (hidesCall(definition, known)) throw refusal(`${what}, which cannot be checked`);
      next.push(definition.found);
    }
  }
}

async function parse(database: Database, sql: string): Promise<Parsed> {
  // The qualified name makes sure that no macro of the database is called instead.
  const [json] = await database.firstRow(
    `SELECT system.main.json_serialize_sql(${
      literal(sql)
    }, skip_default := true, skip_null := true, skip_empty := true)`,
  );
  return JSON.parse(json as string);
}

/** Collects the functions and tables in a parsed statement. */
function look(statement: unknown): Found {
  const refused: Deed[] = [], tableCalls: Call[] = [], calls: Call[] = [], tables: Table[] = [];
  const changing: Deed[] = [], named = new Set<string>();
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
    const { map: definitions } = Object(node.cte_map);
    if (Array.isArray(definitions)) {
      for (const { key } of definitions) named.add(String(key).toLowerCase());
    }
    if (typeof node.function_name === "string") {
      const call = callOf(node, at);
      calls.push(call);
      if (changes(call.name, call.arguments)) changing.push(call);
    }
    if (node.class === "COLUMN_REF" && Array.isArray(node.column_names)) {
      const [name, ...more] = node.column_names.map((name) => String(name).toLowerCase());
      if (more.length === 0 && clockNames.has(name!)) changing.push({ name: name!, at });
    }
    if (
      typeof node.sample === "object" && node.sample !== null && Object(node.sample).seed === -1
    ) {
      changing.push({ name: "a sample without REPEATABLE", at });
    }
    if (typeof node.table_name === "string") {
      const within = [node.catalog_name, node.schema_name].filter((name) =>
        typeof name === "string" && name !== ""
      );
      tables.push({
        name: node.table_name.toLowerCase(),
        within: within.map((name) => String(name).toLowerCase()),
        at,
      });
    }
    if (typeof node.type === "string" && node.class === undefined) {
      if (!parts.has(node.type) && !harmlessPart.test(node.type)) {
        refused.push({ name: node.type, at });
      }
      // Without a query, SHOW lists databases, schemas, or tables.
      if (node.type === "SHOW_REF" && node.query === undefined) refused.push({ name: "SHOW", at });
      if (node.type === "TABLE_FUNCTION") {
        const { children, ...call } = node.function as Record<string, unknown>;
        tableCalls.push(callOf({ children, ...call }, at));
        // The name is that of a table function, but its arguments call other functions.
        for (const value of Object.values(call)) open.push(value);
        open.push(children);
        for (const [key, value] of Object.entries(node)) if (key !== "function") open.push(value);
        continue;
      }
    }
    for (const value of Object.values(node)) open.push(value);
  }
  return { refused, tableCalls, calls, tables, named, changing };
}

function callOf(node: Record<string, unknown>, at: number | undefined): Call {
  const { function_name: name, children } = node;
  const count = Array.isArray(children) ? children.length : 0;
  return { name: String(name).toLowerCase(), at, arguments: count };
}

/**
 * Returns the views, macros, and tables with generated columns of a database, with the functions
 * and tables that each one uses.
 *
 * @param database The database.
 * @param file Path of the database as written in the pipeline file, for messages.
 * @returns The definitions.
 * @throws {UserError} If a macro has the name of a built-in DuckDB function.
 */
export async function definitionsOf(database: Database, file: string): Promise<Definition[]> {
  // These statements use no functions or operators, because any of them could be a macro.
  const views = await database.rows(
    "SELECT view_name, sql FROM system.main.duckdb_views() WHERE NOT internal",
  );
  const tables = await database.rows(
    "SELECT table_name, sql FROM system.main.duckdb_tables() WHERE NOT internal",
  );
  const macros = await database.rows(
    "SELECT function_name, function_type, macro_definition, parameters FROM system.main.duckdb_functions() WHERE NOT internal",
  );
  await refuseShadows(database, file, macros.map(([name]) => name as string));
  const foundIn = async (sql: string | undefined) => {
    if (sql === undefined || !await isFaithful(database, sql)) return undefined;
    const parsed = await parse(database, sql);
    return parsed.statements?.length === 1 ? look(parsed.statements[0]) : undefined;
  };
  const definitions: Definition[] = [];
  for (const [name, text] of views as [string, string][]) {
    const found = await foundIn(bodyOf(text));
    definitions.push({ kind: "view", name: name.toLowerCase(), found, text });
  }
  for (const [name, text] of tables as [string, string][]) {
    const count = [...text.matchAll(/generated\s+always\s+as/gi)].length;
    if (count === 0) continue;
    const columns = generatedIn(text) ?? [], sql = `SELECT ${columns.join(", ")}`;
    // Names that DuckDB does not quote could hide one of them.
    const found = columns.length === count ? await foundIn(sql) : undefined;
    definitions.push({ kind: "table", name: name.toLowerCase(), found, text: sql });
  }
  for (const [name, type, body, { items }] of macros as [string, string, string, Listed][]) {
    const found = await foundIn(type === "table_macro" ? body : `SELECT ${body}`);
    const parameters = items.length;
    definitions.push({ kind: "macro", name: name.toLowerCase(), found, text: body, parameters });
  }
  return definitions;
}

/**
 * Checks whether DuckDB's text of a definition means what DuckDB runs. DuckDB keeps a definition in
 * parsed form, and does not quote all names when it prints it: a table called `a/*` would begin a
 * comment. A faithful text is printed in the same way after it was parsed.
 */
async function isFaithful(database: Database, sql: string): Promise<boolean> {
  const text = sql.trim().replace(/;$/, "");
  const parsed = `system.main.json_serialize_sql(${literal(text)})`;
  try {
    const [again] = await database.firstRow(`SELECT system.main.json_deserialize_sql(${parsed})`);
    return withoutValuesLists(again as string) === withoutValuesLists(text);
  } catch {
    return false;
  }
}

/** Joins the selections that DuckDB adds around a list of VALUES each time it prints the list. */
function withoutValuesLists(sql: string): string {
  return sql.replaceAll(/(?:\bSELECT \* FROM \()+(?=VALUES\b)/g, "SELECT * FROM (")
    .replaceAll(/(?:\) AS valueslist)+/g, ") AS valueslist");
}

/** A list as DuckDB's package returns it. */
type Listed = { readonly items: readonly unknown[] };

/**
 * Checks that no macro has the name of a built-in DuckDB function. Rocket's own statements, such as
 * those that read CSV files, would call such a macro as well.
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
  throw new UserError(
    `${file} contains a macro called ${shadow}, which is also the name of a DuckDB function`,
    {
      hint: hint(
        "sql/shadow",
        `drop the macro, or create it under another name: DROP MACRO ${quoted(shadow)}`,
        {
          edit: "the database",
        },
      ),
    },
  );
}

/**
 * Extracts the expressions of generated columns from DuckDB's text of the CREATE TABLE statement:
 * `CREATE TABLE name(a INTEGER, b INTEGER GENERATED ALWAYS AS((a + 1)), …);`.
 * Returns undefined if the statement cannot be read. The text is the only source: DuckDB's catalog
 * does not distinguish these expressions from column defaults, which queries never compute.
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
        found.push(sql.slice(start.at, token.lastIndex).trim().slice(1, -1));
        start = undefined;
      }
    }
    before.push(text);
    if (before.length > 3) before.shift();
  }
  return found;
}

/**
 * Extracts the query of a view from DuckDB's text of the CREATE VIEW statement: `CREATE VIEW name
 * (columns) AS query`. Returns undefined if the statement cannot be read.
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
  return new UserError("the query cannot be run: it is not a single SELECT statement", {
    hint: oneSelect(),
  });
}

/**
 * Returns the hint for a query that is not a single SELECT.
 */
export function oneSelect(): HintText {
  return hint(
    "sql/select",
    "a source can only read: write a single SELECT statement, which may start with WITH or FROM",
    { edit: "the query" },
  );
}

/** The hint for a query that reads a file by its path. */
export const filesAsTables = (): HintText =>
  hint("sql/files", "list each file under tables, and use the name of its table in the query", {
    edit: "the source",
  });

function refusal(action: string, place = ""): UserError {
  return new UserError(
    `the query cannot be run${place}: it ${action}, but a query may only read data`,
    {
      hint: hint(
        "sql/reads",
        `select from tables or from the results of these functions: ${
          [...tableFunctions].join(", ")
        }; other functions may only compute from their arguments`,
        { edit: "the query" },
      ),
    },
  );
}

function refusedFile(action: string, place = ""): UserError {
  return new UserError(
    `the query cannot be run${place}: it ${action}, but a query may read files only as tables`,
    {
      hint: filesAsTables(),
    },
  );
}

function changingRows(action: string, place = ""): UserError {
  return new UserError(
    `the query cannot be run${place}: it ${action}, so it would have other rows each time it runs`,
    {
      hint: hint(
        "sql/same",
        "write the date itself instead of today's; for an order that looks random, write " +
          "ORDER BY hash(column); for a sample, write USING SAMPLE reservoir(1000 ROWS) REPEATABLE (1)",
        { edit: "the query" },
      ),
    },
  );
}

/**
 * Returns the line and column in the user's query, which starts on the second line of the
 * statement.
 */
function placeOf(at: number | undefined, sql: string): string {
  if (at === undefined) return "";
  const before = new TextDecoder().decode(new TextEncoder().encode(sql).subarray(0, at)).split(
    "\n",
  );
  return ` at line ${before.length - 1}, column ${before.at(-1)!.length + 1}`;
}

/** Creates the error that DuckDB would throw for the statement. */
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
