import type * as tf from "@tensorflow/tfjs";
import {
  CapturedFunction,
  type CaptureOptions,
  type GraphReport,
} from "../engine/capture/capture.ts";
import { calledStage } from "../stages/stage_error.ts";

/** Receives the log lines about functions that the native engine captures as graphs. */
export interface CaptureListener {
  /** Receives one line of text for the user. */
  readonly report: (line: string) => void;
  /** Whether the user asked for debug output, such as how steps are computed. */
  readonly debug: boolean;
}

/**
 * Wraps a function of a run so that the native engine can capture it as a graph. If it cannot be
 * captured, a log line names the stage that prevents this. With `debug`, a log line reports the
 * size of the graph.
 *
 * @param what The name of the function in log lines.
 * @param listener Receives the log lines.
 * @param run The function.
 * @param rows Returns the inputs whose first axis is the rows of a batch.
 * @param how The type in which the graph computes feature maps, float32 by default, and whether XLA
 *   compiles it.
 * @returns The captured function; the caller disposes of it.
 */
export function captured<Input extends object, Output extends object>(
  what: string,
  { report, debug }: CaptureListener,
  run: (input: Input) => Output,
  rows: (input: Input) => readonly tf.Tensor[],
  { precision = "float32", xla = false }: Pick<CaptureOptions<Input>, "precision" | "xla"> = {},
): CapturedFunction<Input, Output> {
  let reported = false;
  return new CapturedFunction(run, {
    rows,
    precision,
    xla,
    origin: () => {
      const stage = calledStage();
      return stage && `the ${stage.kind} stage ${JSON.stringify(stage.name)}`;
    },
    report: ({ captured, reason, origin, graph }) => {
      if (!captured) {
        const how = precision === "float32" ? "slower" : "slower, in float32";
        report(`the ${what} runs op by op (${how}) because of ${origin ?? "a stage"}: ${reason}`);
        return;
      }
      if (precision !== "float32" && graph?.casts === 0 && !reported) {
        reported = true;
        report(
          `the ${what} runs in float32 because none of its operations is large enough for ${precision}`,
        );
      }
      if (debug && graph) report(`${what}: ${describeGraph(graph)}`);
    },
  });
}

/**
 * Describes a captured graph in one line of text.
 *
 * @param graph The report about the graph.
 * @returns The description.
 */
export function describeGraph(graph: GraphReport): string {
  const { nodes, constantBytes, casts, recordSeconds, loadSeconds, tracedRows } = graph;
  const whole = graph.untraced ? ` (${graph.untraced})` : "";
  const how = tracedRows.length > 0
    ? `from ${tracedRows.join(", ")} rows`
    : `from whole steps${whole}`;
  return `captured as a graph of ${nodes} nodes, ${constantBytes} bytes of constants, ` +
    `${casts} casts; recorded ${how} in ${recordSeconds.toFixed(2)} s, ` +
    `loaded in ${loadSeconds.toFixed(2)} s`;
}
