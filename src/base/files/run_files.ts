/** The names of files and folders in a run folder. */
export const runFiles = {
  /** The pipeline with all defaults filled in, the software versions, the seed, and the data. */
  pipeline: "pipeline.json",
  /** The description of how a row of data becomes a prediction. */
  model: "model.json",
  /** The result of a complete run. */
  result: "result.json",
  /** The folder of checkpoints. */
  checkpoints: "checkpoints",
  /** The evaluations of a job, one line each. */
  metrics: { rocket: "metrics.jsonl", "light-alone": "metrics-light-alone.jsonl" },
  /** The bootstrap samples of the evaluations of a job, if a metric computes any. */
  bootstrap: { rocket: "bootstrap.jsonl", "light-alone": "bootstrap-light-alone.jsonl" },
} as const;
