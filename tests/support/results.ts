/**
 * What a run's `result.json` has at least.
 *
 * @param more What else it has, or has otherwise.
 */
export function resultOf(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const best = { epoch: 1, split: "test", metric: "epoch", value: 1, test: {} };
  return {
    ...{ name: "r", engine: "wasm", precision: "float32", seed: 1, epochs: 1, steps: 1 },
    ...{
      skipped: 0,
      seconds: 1,
      input: { rowsPerSecond: 1000, waitingShare: 0 },
      parameters: {},
      gradients: [],
    },
    ...{ test: {}, best },
    ...more,
  };
}
