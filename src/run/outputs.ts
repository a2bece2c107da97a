import { UserError } from "../base/errors.ts";
import { callStage, type StageReference } from "../stages/stage_error.ts";
import type { Result, RunEvents } from "../stages/events.ts";
import type { Output } from "../stages/output.ts";

/** An output of a run. */
export interface RunOutput {
  /** Its stage; absent for who listens from outside of the pipeline. */
  readonly stage: StageReference | undefined;
  /** The listener. */
  readonly output: Output;
}

/**
 * What the run folder needs to hold a run that can be shown, compared and resumed. These hear of an
 * event before all others, and a run that cannot have them ends.
 */
const record: ReadonlySet<string> = new Set(["checkpoint", "metrics", "result"]);

/** Thrown at the end of a run that came to its end while outputs failed. */
export class OutputsFailed extends UserError {
  override name = "OutputsFailed";
  /** What the run ended with; it is in the run folder. */
  readonly result: Result;

  /**
   * Makes the error.
   *
   * @param errors What failed, an output each.
   * @param result What the run ended with.
   */
  constructor(errors: readonly UserError[], result: Result) {
    super(errors.flatMap(({ problems }) => problems), { cause: errors[0] });
    this.result = result;
  }
}

/** The outputs of a run, and what has become of them. */
export class Outputs {
  readonly #outputs: readonly RunOutput[];
  readonly #report: (line: string) => void;
  readonly #failed = new Set<RunOutput>();
  readonly #errors: UserError[] = [];
  #begun = false;

  /**
   * Takes the outputs.
   *
   * @param outputs The pipeline's, then who listens from outside.
   * @param report Told of an output that fails.
   */
  constructor(outputs: readonly RunOutput[], report: (line: string) => void) {
    const isRecord = ({ stage }: RunOutput) => stage !== undefined && record.has(stage.name);
    this.#outputs = [...outputs.filter(isRecord), ...outputs.filter((one) => !isRecord(one))];
    this.#report = report;
  }

  /** What outputs failed of while the run went on without them. */
  get errors(): readonly UserError[] {
    return this.#errors;
  }

  /**
   * Tells all outputs of an event. One that fails once training has begun hears of no more, and the
   * run goes on without it.
   *
   * @param name The event.
   * @param event What there is to say of it.
   * @throws {UserError} If an output of the record fails, or another one before training has begun.
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
    this.#report(`${error.problems[0]!.message}; the run goes on without the output ${name}`);
  }
}
