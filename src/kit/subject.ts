import { UserError } from "../base/errors.ts";
import type { AnyStage } from "../stages/stage.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import type { StageChecks } from "./stage_checks.ts";

/** A stage that is being checked. */
export class Subject<S extends AnyStage = AnyStage> {
  /** The stage. */
  readonly stage: S;
  /** What its author asked for. */
  readonly checks: StageChecks;
  /** Where broken promises are taken down. */
  readonly findings: Findings;
  readonly #refusals: string[] = [];
  #accepted = false;

  /**
   * Prepares the check of a stage.
   *
   * @param stage The stage.
   * @param checks What its author asked for.
   * @param findings Where broken promises are taken down.
   */
  constructor(stage: S, checks: StageChecks, findings: Findings) {
    this.stage = stage;
    this.checks = checks;
    this.findings = findings;
  }

  /**
   * Makes the working stage.
   *
   * @param context What the stage knows when it is made.
   * @param asked What it is made for, in words.
   * @returns What `create()` returned; undefined if it refused with a `UserError`, or failed.
   */
  create(context: Parameters<S["create"]>[1], asked: string): ReturnType<S["create"]> | undefined {
    const { stage, findings } = this;
    try {
      // Options are parsed anew each time, so that a stage that changes them does not go unseen.
      const product = stage.create(stage.options.parse(this.checks.options ?? {}), context);
      this.#accepted = true;
      const object = typeof product === "object" && product !== null;
      if ((object || typeof product === "function") && !(product instanceof Promise)) {
        return product as ReturnType<S["create"]>;
      }
      findings.add(
        "create() returns the working stage",
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

  /** Takes it down if the stage has refused all that it was made for. */
  expectAccepted(): void {
    if (this.#accepted) return;
    this.findings.add(
      "accepts at least one of the samples (give it one that suits it, such as " +
        "{ features: … } or { label: … })",
      "all of them",
      `it refused ${this.#refusals.join("; ")}`,
    );
  }
}
