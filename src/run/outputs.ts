import { UserError } from "../base/errors.ts";
import { callStage, type StageReference } from "../stages/stage_error.ts";
import type { Result, RunEvents } from "../stages/events.ts";
import type { Output } from "../stages/output.ts";

/** An output of a run and the hooks that it handles. */
export interface RunOutput {
  /** The output's stage; undefined for a listener that is not part of the pipeline. */
  readonly stage: StageReference | undefined;
  /** The object with the hooks that receive events. */
  readonly output: Output;
}

/**
 * The outputs without which a run cannot be shown, compared and resumed. They receive each event
 * before all other outputs, and the run ends if one of them fails.
 */
const record: ReadonlySet<string> = new Set(["checkpoint", "metrics", "result"]);

/** Thrown at the end of a run whose training was completed although some of its outputs failed. */
export class OutputsFailed extends UserError {
  override name = "OutputsFailed";
  /** The run's result, which is also in the run folder. */
  readonly result: Result;

  /**
   * Creates the error.
   *
   * @param errors The errors of the outputs, one for each failed output.
   * @param result The run's result.
   */
  constructor(errors: readonly UserError[], result: Result) {
    super(errors.flatMap(({ problems }) => problems), { cause: errors[0] });
    this.result = result;
  }
}

/** The outputs of a run, and the errors of those that failed. */
export class Outputs {
  readonly #outputs: readonly RunOutput[];
  readonly #report: (line: string) => void;
  readonly #failed = new Set<RunOutput>();
  readonly #errors: UserError[] = [];
  #begun = false;

  /**
   * Takes the outputs of a run.
   *
   * @param outputs The pipeline's outputs, followed by listeners that are not part of the pipeline.
   * @param report Receives a log line for each output that fails.
   */
  constructor(outputs: readonly RunOutput[], report: (line: string) => void) {
    const isRecord = ({ stage }: RunOutput) => stage !== undefined && record.has(stage.name);
    this.#outputs = [...outputs.filter(isRecord), ...outputs.filter((one) => !isRecord(one))];
    this.#report = report;
  }

  /** The errors of outputs that failed while the run continued. */
  get errors(): readonly UserError[] {
    return this.#errors;
  }

  /**
   * Sends an event to all outputs. An output that fails after training has begun receives no more
   * events, and the run continues without it.
   *
   * @param name The name of the event.
   * @param event The event.
   * @throws {UserError} If `checkpoint`, `metrics` or `result` fails, or any output fails before
   *   training has begun.
   */
  async emit<Name extends keyof RunEvents>(name: Name, event: RunEvents[Name]): Promise<void> {
    for (const one of this.#outputs) {
      const hook = one.output[name] as ((event: RunEvents[Name]) => unknown) | undefined;
      if (!hook || this.#failed.has(one)) continue;
      const { stage, output } = one;
      if (!stage) await hook.call(output, event);
      else {
        try {
          await callStage(stage, `${name}()`, () => hook.call(output, event));
        } catch (error) {
          if (!this.#begun || record.has(stage.name) || !(error instanceof UserError)) throw error;
          this.#fail(one, stage, error);
        }
      }
    }
    if (name !== "warning") this.#begun = true;
  }

  #fail(one: RunOutput, { name }: StageReference, error: UserError): void {
    this.#failed.add(one);
    this.#errors.push(error);
    this.#report(`${error.problems[0]!.message}; the run continues without the output ${name}`);
  }
}
