/** The names of files and folders in a run folder. */
export const runFiles = {
  /** The pipeline with every default filled in, versions, the seed and the data. */
  pipeline: "pipeline.json",
  /** The description that turns a row into an answer. */
  model: "model.json",
  /** The result of a complete run. */
  result: "result.json",
  /** The folder of checkpoints. */
  checkpoints: "checkpoints",
  /** The evaluations of a job, one line each. */
  metrics: { rocket: "metrics.jsonl", "light-alone": "metrics-light-alone.jsonl" },
} as const;
