/** Calls of the project's functions that are to be refused: what a command line cannot bring about in a test. */
export interface ProgramCase {
  /** What it proves. */
  readonly name: string;
  /** The call, which throws a `UserError`. */
  readonly run: () => unknown;
  /** The call as a person makes it who has followed a hint, by the hint's id. */
  readonly mended?: Readonly<Record<string, () => unknown>>;
}

/**
 * The cases.
 *
 * @param folder A folder to work in.
 */
export const programCases = (_folder: string): Iterable<ProgramCase> => [];
