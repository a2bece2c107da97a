/** The names of the files in a sweep's folder, beside the folders of its settings. */
export const sweepFiles = {
  /** The comparison of the settings, as Markdown. */
  markdown: "table.md",
  /** The comparison of the settings, as a page. */
  page: "table.html",
  /** The comparison of the settings, with a row for each. */
  settings: "table.arrow",
  /** The results of the runs, with a row for each. */
  runs: "runs.arrow",
  /** The plot of the settings, if latency was measured. */
  picture: "picture.svg",
  /** The lock of the sweep. */
  lock: ".lock",
} as const;
