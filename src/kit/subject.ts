import { UserError } from "../base/errors.ts";
import type { AnyStage } from "../stages/stage.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import type { StageChecks } from "./stage_checks.ts";

/** A stage that is being checked. */
export class Subject<S extends AnyStage = AnyStage> {
  /** The stage. */
  readonly stage: S;
  /** The options of the check. */
  readonly checks: StageChecks;
  /** The findings of the check. */
  readonly findings: Findings;
  readonly #refusals: string[] = [];
  #accepted = false;

  /**
   * Prepares the check of a stage.
   *
   * @param stage The stage.
   * @param checks The options of the check.
   * @param findings Receives the findings.
   */
  constructor(stage: S, checks: StageChecks, findings: Findings) {
    this.stage = stage;
    this.checks = checks;
    this.findings = findings;
  }

  /**
   * Calls the stage's `create` function and checks that it returns an object or a function.
   *
   * @param context The context for the stage.
   * @param asked A description of the sample.
   * @returns The result of `create()`, or undefined if it threw an error. A `UserError` counts as a
   *   rejection of the sample.
   */
  create(context: Parameters<S["create"]>[1], asked: string): ReturnType<S["create"]> | undefined {
    const { stage, findings } = this;
    try {
      // Options are parsed in each call, to detect stages that change them.
      const product = stage.create(stage.options.parse(this.checks.options ?? {}), context);
      this.#accepted = true;
      const object = typeof product === "object" && product !== null;
      if ((object || typeof product === "function") && !(product instanceof Promise)) {
        return product as ReturnType<S["create"]>;
      }
      findings.add(
        "returns its product from create()",
        asked,
        `it returned ${describeValue(product)}`,
      );
    } catch (error) {
      if (error instanceof UserError) {
        this.#refusals.push(`${asked}: ${error.message}`);
      } else {
        this.#accepted = true;
        findings.threw(`create() for ${asked}`, error);
      }
    }
    return undefined;
  }

  /** Records a finding if the stage rejected all samples. */
  expectAccepted(): void {
    if (this.#accepted) return;
    this.findings.add(
      "accepts at least one of the samples (pass a suitable one as " +
        "{ features: … } or { label: … })",
      "all of them",
      `it rejected ${this.#refusals.join("; ")}`,
    );
  }
}
