import type * as tf from "@tensorflow/tfjs";
import { CapturedFunction, type GraphReport } from "../engine/capture/capture.ts";
import type { Precision } from "../engine/capture/precision.ts";
import { calledStage } from "../stages/stage_error.ts";

/** Who hears what became of a captured function. */
export interface CaptureListener {
  /** Told what a person may want to know, a line at a time. */
  readonly report: (line: string) => void;
  /** Whether a person wants to know how steps are computed. */
  readonly debug: boolean;
}

/**
 * A part of a run as a captured function. Where it cannot be captured, a line says which stage is
 * the cause; with `debug`, a line says how large the graph is.
 *
 * @param what What the function is, for the line.
 * @param listener Who hears of it.
 * @param run The function.
 * @param rows The inputs whose first axis is the rows of a batch.
 * @param precision What the graph computes maps in.
 */
export function captured<Input extends object, Output extends object>(
  what: string,
  { report, debug }: CaptureListener,
  run: (input: Input) => Output,
  rows: (input: Input) => readonly tf.Tensor[],
  precision: Precision = "float32",
): CapturedFunction<Input, Output> {
  let told = false;
  return new CapturedFunction(run, {
    rows,
    precision,
    origin: () => {
      const stage = calledStage();
      return stage && `the ${stage.kind} stage ${JSON.stringify(stage.name)}`;
    },
    report: ({ captured, reason, origin, graph }) => {
      if (!captured) {
        const how = precision === "float32" ? "slower" : "slower, in float32";
        report(`the ${what} runs op by op (${how}), because of ${origin ?? "a stage"}: ${reason}`);
        return;
      }
      if (precision !== "float32" && graph?.casts === 0 && !told) {
        told = true;
        report(`the ${what} is in float32: nothing in it is large enough for ${precision}`);
      }
      if (debug && graph) report(`${what}: ${describeGraph(graph)}`);
    },
  });
}

/**
 * A captured graph in words.
 *
 * @param graph What is known of it.
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
