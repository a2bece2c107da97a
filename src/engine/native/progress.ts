// @ts-types="npm:@types/cli-progress@^3.11.6"
import { Presets, SingleBar } from "cli-progress";
import process from "node:process";

/** Shows the progress of the native engine's set-up. */
export interface Progress {
  /**
   * Starts a part of the work.
   *
   * @param label A description of the part, such as `downloading TensorFlow`.
   * @param total The size of the part in MB, if it is known.
   */
  begin(label: string, total?: number): void;
  /**
   * Updates the progress of the current part.
   *
   * @param done The finished amount in MB.
   */
  update(done: number): void;
  /** Removes the progress bar. */
  end(): void;
}

/**
 * Creates a display of progress. On a terminal, it is a bar on standard error. Otherwise, it is one
 * line for each part of the work.
 *
 * @param report Receives the lines.
 * @param terminal Whether a terminal can show the bar.
 * @returns The display.
 */
export function createProgress(
  report: (line: string) => void,
  terminal: boolean = Deno.stderr.isTerminal(),
): Progress {
  if (!terminal) {
    return {
      begin: (label) => report(`native engine: ${label}`),
      update: () => {},
      end: () => {},
    };
  }
  let bar: SingleBar | undefined;
  const end = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    begin(label, total) {
      end();
      bar = new SingleBar({
        format: total === undefined
          ? "native engine: {label}"
          : "native engine: {label} {bar} {value}/{total} MB",
        clearOnComplete: true,
        // An interrupted run would leave the terminal without a cursor.
        hideCursor: false,
        linewrap: null,
        barsize: 30,
        stream: process.stderr,
      }, Presets.shades_classic);
      bar.start(Math.max(1, Math.round(total ?? 1)), 0, { label });
    },
    update(done) {
      bar?.update(Math.min(Math.round(done), bar.getTotal()));
    },
    end,
  };
}
