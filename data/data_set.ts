/** How a data set is made. */
export interface MakeOptions {
  /** The folder with the original files, if it was given. */
  readonly from: string | undefined;
  /** The folder for the Arrow files; it exists. */
  readonly out: string;
  /** Takes lines for a person to read. */
  readonly report: (line: string) => void;
}

/** A public data set that `deno task data NAME` makes Arrow files of. */
export interface DataSet {
  /** Its name on the command line. */
  readonly name: string;
  /** One line: what, how much, which license. */
  readonly summary: string;
  /** The folder of its Arrow files, beside this one. */
  readonly folder: string;
  /**
   * Makes the Arrow files.
   *
   * @throws {UserError} If the original files are missing or are not what they should be.
   */
  make(options: MakeOptions): Promise<void>;
}
