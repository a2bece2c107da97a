// @ts-types="npm:@types/cli-progress@^3.11.6"
import { Presets, SingleBar } from "cli-progress";
import process from "node:process";

/** Where a set-up is, shown to a person. */
export interface Progress {
  /**
   * Begins a part of the work.
   *
   * @param label What is being done, such as `downloading TensorFlow`.
   * @param total How much there is to do, in MB, where that is known.
   */
  begin(label: string, total?: number): void;
  /**
   * Says how far the part is.
   *
   * @param done How much is done, in MB.
   */
  update(done: number): void;
  /** Takes the bar away. */
  end(): void;
}

/**
 * Shows progress as a bar on standard error where that is a terminal, else as a line a part.
 *
 * @param report Takes the lines.
 * @param terminal Whether there is a terminal for a bar.
 * @returns The progress.
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
          ? `native engine: ${label}`
          : `native engine: ${label} {bar} {value}/{total} MB`,
        clearOnComplete: true,
        // An interrupted run would leave the terminal without them.
        hideCursor: false,
        linewrap: null,
        barsize: 30,
        stream: process.stderr,
      }, Presets.shades_classic);
      bar.start(Math.max(1, Math.round(total ?? 1)), 0);
    },
    update(done) {
      bar?.update(Math.min(Math.round(done), bar.getTotal()));
    },
    end,
  };
}
