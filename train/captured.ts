import { CapturedFunction } from "../engine/capture/capture.ts";
import { calledStage } from "../pipeline/stage_error.ts";

/** Who hears what became of a captured function. */
export interface CaptureListener {
  /** Told what a person may want to know, a line at a time. */
  readonly report: (line: string) => void;
  /** Whether a person wants to know how steps are computed. */
  readonly debug: boolean;
}

/**
 * A part of a run as a captured function. Where it cannot be captured, a line says which stage is the
 * cause; with `debug`, a line says how large the graph is.
 *
 * @param what What the function is, for the line.
 * @param listener Who hears of it.
 * @param run The function.
 */
export function captured<Input extends object, Output extends object>(
  what: string,
  { report, debug }: CaptureListener,
  run: (input: Input) => Output,
): CapturedFunction<Input, Output> {
  return new CapturedFunction(run, {
    origin: () => {
      const stage = calledStage();
      return stage && `the ${stage.kind} stage ${JSON.stringify(stage.name)}`;
    },
    report: ({ captured, reason, origin, nodes, constantBytes }) => {
      if (!captured) {
        report(`the ${what} runs op by op (slower), because of ${origin ?? "a stage"}: ${reason}`);
      } else if (debug) {
        report(
          `${what}: captured as a graph of ${nodes} nodes, ${constantBytes} bytes of constants`,
        );
      }
    },
  });
}
