/** The options for creating a data set. */
export interface MakeOptions {
  /** The folder with the original files, if the user named one. */
  readonly from: string | undefined;
  /** The folder for the Arrow files, which exists. */
  readonly out: string;
  /** The values of the data set's own options on the command line, by name. */
  readonly options?: Readonly<Record<string, string | undefined>>;
  /** Receives lines of text for the user. */
  readonly report: (line: string) => void;
}

/** A data set that `deno task data NAME` converts to Arrow files, or generates. */
export interface DataSet {
  /** Its name on the command line. */
  readonly name: string;
  /** One line with the content, size, and license of the data set. */
  readonly summary: string;
  /** The default folder for its Arrow files, next to this file. */
  readonly folder: string;
  /**
   * The names of its own options on the command line. A data set with own options has no option
   * `--from`.
   */
  readonly options?: readonly string[];
  /**
   * Creates the Arrow files.
   *
   * @throws {UserError} If the original files are missing or are not the published ones.
   */
  make(options: MakeOptions): Promise<void>;
}
