import { hint, type HintText, UserError } from "../../plugin.ts";
import { isOutOfMemory, MemoryError } from "./duckdb_columns.ts";
import { asUtf8, makeAgain } from "./hints.ts";
import { encodings } from "./parquet_types.ts";
import { filesAsTables, oneSelect } from "./sql_check.ts";
import { decodeHint } from "./utf8.ts";

/**
 * An error that a SQL statement raises itself when it reads a value that Rocket does not accept,
 * and the hint for this error.
 */
export interface Refusal {
  /** The message. The statement itself fails with this text. */
  readonly message: string;
  /** The hint of the error. */
  readonly hint: HintText;
}

/**
 * Facts about a SQL statement for its error messages, such as the file that it reads, and the
 * user's query in it.
 */
export interface StatementSubject {
  /** The name of the file or database that the statement reads; absent for queries. */
  readonly file?: string | undefined;
  /**
   * The line of the statement (from 1) that contains the first line of the user's query. Absent if
   * the user wrote no query.
   */
  readonly queryLine?: number | undefined;
  /** The user's query. */
  readonly query?: string | undefined;
  /** Whether the rows of the query have an order that DuckDB must keep. */
  readonly isOrdered?: boolean | undefined;
  /** The names of the tables that the query may use. */
  readonly tables?: readonly string[] | undefined;
  /** The errors that the statement itself can raise. */
  readonly refusals?: readonly Refusal[] | undefined;
  /** The hint for text that is not valid UTF-8; by default, to write the file as UTF-8. */
  readonly encodingHint?: HintText | undefined;
}

/**
 * Converts an error of DuckDB to a short message with a hint.
 *
 * @param error The error that the statement threw.
 * @param subject The context of the statement.
 * @returns The error to throw. A UserError is returned unchanged.
 */
export function explain(error: unknown, subject: StatementSubject): UserError {
  if (error instanceof UserError) return error;
  const text = (error as Error).message ?? String(error);
  if (isOutOfMemory(error)) return outOfMemory(error, subject);
  const refusal = subject.refusals?.find(({ message }) => text.includes(message));
  if (refusal) return new UserError(refusal.message, { hint: refusal.hint, cause: error });
  const broken = brokenText(error);
  if (broken !== undefined) {
    const file = /Parquet file "(.*)": value/s.exec(text)![1];
    return new UserError(`${file} has text that is not valid UTF-8: ${broken}`, {
      hint: decodeHint(undefined),
      cause: error,
    });
  }
  return inText(text, subject, error) ?? ofFile(text, subject, error) ??
    ofQuery(text, subject, error);
}

function outOfMemory(cause: unknown, { file, query, isOrdered }: StatementSubject): UserError {
  const memory = cause instanceof MemoryError
    ? `more than ${(cause.limit / 1e9).toFixed(1)} GB of memory`
    : "more memory than is available";
  if (isOrdered === false) {
    return new UserError(`the query needs ${memory}, and its rows have no fixed order`, {
      hint: hint(
        "sql/order",
        "end it with ORDER BY and columns that identify a row, so that it may write to the disk; " +
          "or read fewer rows and columns, or shorten long texts, for example with left(…, 10000)",
        { edit: "the query" },
      ),
      cause,
    });
  }
  if (query !== undefined || file === undefined) {
    return new UserError(`the query needs ${memory}`, {
      hint: hint(
        "sql/memory",
        "read fewer rows and columns, or shorten long texts, for example with left(…, 10000)",
        {
          edit: "the query",
        },
      ),
      cause,
    });
  }
  return new UserError(`reading ${file} needs ${memory}`, {
    hint: hint(
      "source/memory",
      "its texts or lists take this memory when they are decompressed: write shorter values, or fewer rows per row group",
      { edit: "the data file" },
    ),
    cause,
  });
}

/**
 * Returns the text in a Parquet file that is not valid UTF-8, as DuckDB's message shows it,
 * shortened to 200 characters.
 *
 * @param error The error that DuckDB threw.
 * @returns Undefined for any other error.
 */
export function brokenText(error: unknown): string | undefined {
  const text =
    /^.*Invalid string encoding found in Parquet file .*: value (".*") is not valid UTF8/s
      .exec((error as Error).message)?.[1];
  return text && cut(text);
}

/** Returns the error for a mistake in a CSV file, with its line. Undefined for any other error. */
function inText(
  text: string,
  { file, query, encodingHint }: StatementSubject,
  cause: unknown,
): UserError | undefined {
  const line = /CSV Error on Line: (\d+)/.exec(text)?.[1];
  if (line === undefined) return undefined;
  const name = query === undefined ? file : /^ {2}file = (.*)$/m.exec(text)?.[1];
  const where = `line ${line} of ${name ?? "a table's file"}`;
  const width = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(text);
  const [, expected, found] = width ?? [];
  const why = width
    ? ` has ${found} ${found === "1" ? "value" : "values"}; expected ${expected}`
    // The text before contains the line of the file, which may include line breaks.
    : `: ${sentence(text.split(/\s*Possible/)[0]!.split("\n").at(-1)!)}`;
  return new UserError(where + why, {
    hint: /unicode/i.test(why)
      ? encodingHint ?? asUtf8()
      : hint("csv/line", "check the delimiter and the quotes there", { edit: "the data file" }),
    cause,
  });
}

function ofFile(
  text: string,
  { file, query }: StatementSubject,
  cause: unknown,
): UserError | undefined {
  if (file === undefined) return undefined;
  if (/state machine reached an invalid state/.test(text)) {
    return new UserError(`${file} cannot be read as CSV`, {
      hint: hint(
        "csv/ends",
        "write it as UTF-8 text with the same line ending in all lines, and check the delimiter and the quote",
        {
          edit: "the data file",
        },
      ),
      cause,
    });
  }
  // DuckDB has no words of its own for a file whose footer is plain and whose columns are encrypted:
  // the metadata of such columns look damaged.
  if (/is encrypted|don't know what type:|TProtocolException/.test(text)) {
    return new UserError(`${file} is encrypted, or damaged`, {
      hint: hint("parquet/encrypted", "write the file again, without encryption", {
        edit: "the data file",
      }),
      cause,
    });
  }
  if (/Unsupported GZIP archive/.test(text)) {
    return new UserError(`${file} has a header of gzip that DuckDB does not read`, {
      hint: hint(
        "csv/gzip-header",
        "compress the file with gzip again: gzip -dc OLD | gzip > NEW",
        {
          edit: "the data file",
        },
      ),
      cause,
    });
  }
  if (/No magic bytes|too small to be a Parquet|not a (valid )?Parquet/i.test(text)) {
    return new UserError(`${file} is not a Parquet file, or its end is missing`, {
      hint: makeAgain(),
      cause,
    });
  }
  if (/created with a newer version of DuckDB|version number/.test(text)) {
    return new UserError(
      `${file} was written by a newer version of DuckDB than 1.5, which Rocket uses`,
      {
        hint: hint(
          "duckdb/newer",
          "write it in an older format: ATTACH 'FILE' (STORAGE_VERSION 'v1.4.0')",
          { edit: "the database" },
        ),
        cause,
      },
    );
  }
  if (/not a valid DuckDB database|Cannot launch in-memory database/.test(text)) {
    return new UserError(`${file} is not a DuckDB database`, {
      hint: hint("duckdb/database", "name CSV and Parquet files in the option `tables` instead", {
        edit: "the source",
      }),
      cause,
    });
  }
  if (/Could not set lock|Conflicting lock|being used by another process/.test(text)) {
    return new UserError(`${file} is open for writing in another process`, {
      hint: hint("duckdb/open", "close it in that process first", {
        outside: "another program has the database open",
      }),
      cause,
    });
  }
  if (query !== undefined) return undefined;
  return new UserError(`${file} cannot be read: ${sentence(text)}`, {
    hint: isOfEncoding(text) ? encodings(file) : createAgain(),
    cause,
  });
}

/** The hint for a data file that may be damaged: to create it again. */
export const createAgain = (): HintText =>
  hint("source/damaged", "if it is damaged, create or download it again", {
    edit: "the data file",
  });

/**
 * Returns the error for a mistake in a query, with the line and column in the query if DuckDB
 * reports them.
 */
function ofQuery(
  text: string,
  { query = "", queryLine = 1, tables = [] }: StatementSubject,
  cause: unknown,
): UserError {
  const problem = sentence(text);
  if (/Permission Error|Missing Extension|Extension Autoloading/.test(text)) {
    return new UserError(`the query reads something that it is not allowed to read: ${problem}`, {
      hint: filesAsTables(),
      cause,
    });
  }
  return new UserError(`the query cannot be run${placeIn(text, query, queryLine)}: ${problem}`, {
    hint: queryHint(text, query, tables),
    cause,
  });
}

/** Matches statements that write data or change DuckDB's settings. */
const others =
  /^\s*(alter|analyze|attach|begin|call|checkpoint|comment|copy|create|delete|detach|drop|export|import|insert|install|load|merge|pragma|set|truncate|update|use|vacuum)\b/i;

function queryHint(text: string, query: string, tables: readonly string[]): HintText {
  const edit = "the query";
  if (others.test(query)) {
    return oneSelect();
  }
  if (/^Conversion Error/.test(text)) {
    return hint(
      "sql/cast",
      "correct the value, or write TRY_CAST(… AS …), which turns such values into nulls",
      { edit },
    );
  }
  if (isOfEncoding(text)) return encodings(undefined);
  const candidates = /^Candidate bindings: (.*)$/m.exec(text)?.[1];
  if (candidates !== undefined) {
    return hint("sql/column", `the nearest names are ${candidates}`, { edit });
  }
  if (/Table with name .* does not exist/.test(text) && tables.length > 0) {
    return hint("sql/tables", `the names under tables are ${tables.join(", ")}`, { edit });
  }
  const meant = /^Did you mean "(.*)"\?$/m.exec(text)?.[1];
  return meant !== undefined && !meant.startsWith("pg_")
    ? hint("sql/near", `did you mean ${meant}?`, { edit })
    : hint(
      "sql/query",
      "write one SELECT in DuckDB's SQL: https://duckdb.org/docs/stable/sql/introduction",
      { edit },
    );
}

/**
 * Checks whether DuckDB failed because it does not support the encoding or compression of a Parquet
 * file.
 */
function isOfEncoding(text: string): boolean {
  return /encoding.* (only |not )supported|^Not implemented Error:.*(encoding|codec|compression)/i
    .test(text);
}

/** Returns the sentence in DuckDB's message that describes the problem. */
function sentence(text: string): string {
  const [line = ""] = text.split("\n");
  const words = line.replace(/^[A-Z][A-Za-z ]* Error: /, "").replace(/[.!]$/, "");
  return cut(words.replaceAll(/\p{C}/gu, "�"));
}

const cut = (text: string) => text.length > 200 ? `${text.slice(0, 199)}…` : text;

/**
 * Returns the line and column of an error in the query. DuckDB's message shows the line, cut at
 * both ends if it is long, with a caret below.
 */
function placeIn(text: string, query: string, queryLine: number): string {
  const match = /^LINE (\d+): (.*)\n( *)\^/m.exec(text);
  if (!match) return "";
  const [, number, shown, before] = match as unknown as [string, string, string, string];
  const line = Number(number) - queryLine;
  const lines = query.trimEnd().split("\n");
  if (line < 0) return "";
  if (line >= lines.length) return " at its end";
  const caret = before.length - `LINE ${number}: `.length;
  const start = shown.startsWith("...")
    ? lines[line]!.indexOf(shown.slice(3).replace(/\.\.\.$/, "")) - 3
    : 0;
  return ` at line ${line + 1}, column ${start + caret + 1}`;
}
