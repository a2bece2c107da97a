import { describeValue } from "../base/describe_value.ts";
import { hint } from "../base/hints.ts";
import type { Factor, GradientPass, GradientPolicy, PolicyHead } from "../stages/gradient.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";

/**
 * Checks what a gradient stage has created, so that a mistake in it is reported as one of the stage
 * and not as a fault of the step that uses it.
 *
 * @param reference The stage.
 * @param policy The result of its `create()`.
 * @returns The policy. Its factors throw a `StageError` if they are not finite numbers.
 * @throws {StageError} If it is not a list of passes.
 */
export function checkedPolicy(reference: StageReference, policy: unknown): GradientPolicy {
  if (!Array.isArray(policy) || policy.length === 0) {
    throw new StageError(
      reference,
      `created ${describeValue(policy)}; expected a list of passes`,
      {
        hint: hint("gradient/create", "return [{ from, to, shared }] from create()", {
          edit: "the stage",
        }),
      },
    );
  }
  // Functions stay the same for equal factors, which are then computed once.
  const wrapped = new Map<unknown, Factor>();
  const refuse = (what: string, value: unknown, expected: string): never => {
    throw new StageError(
      reference,
      `created a pass whose ${what} is ${describeValue(value)}; expected ${expected}`,
    );
  };
  const factor = (name: string, value: unknown): Factor => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value !== "function") {
      return refuse(name, value, "a finite number or a function that returns one");
    }
    const known = wrapped.get(value);
    if (known !== undefined) return known;
    const made: Factor = (position) => {
      const now: unknown = callStage(reference, `the factor ${name}`, () => value(position));
      if (typeof now === "number" && Number.isFinite(now)) return now;
      throw new StageError(
        reference,
        `returned ${describeValue(now)} as the factor ${name} at step ${position.step}; ` +
          "expected a finite number",
      );
    };
    wrapped.set(value, made);
    return made;
  };
  const head = (name: string, value: unknown): PolicyHead | undefined => {
    if (value === undefined) return undefined;
    const { reads, compute } = Object(value) as Partial<PolicyHead>;
    const isList = Array.isArray(reads) && reads.every((read) => typeof read === "string");
    if (!isList) refuse(`${name}.reads`, reads, "a list of names of outputs");
    if (typeof compute !== "function") refuse(`${name}.compute`, compute, "a function");
    return { reads: [...reads!], compute: (...args) => (value as PolicyHead).compute(...args) };
  };
  return policy.map((_, index): GradientPass =>
    // The properties may be computed by code of the stage.
    callStage(reference, "create()", () => {
      const pass: unknown = policy[index];
      if (typeof pass !== "object" || pass === null) refuse("value", pass, "{ from, to, shared }");
      const { from, to, shared, reversed, teacher, student, loss } = pass as GradientPass;
      if (reversed !== undefined && typeof reversed !== "boolean") {
        refuse("reversed", reversed, "true or false");
      }
      if (loss !== undefined && typeof loss !== "function") refuse("loss", loss, "a function");
      const heads = { teacher: head("teacher", teacher), student: head("student", student) };
      return {
        from: factor("from", from),
        to: factor("to", to),
        shared: factor("shared", shared),
        ...(reversed !== undefined && { reversed }),
        ...(heads.teacher && { teacher: heads.teacher }),
        ...(heads.student && { student: heads.student }),
        ...(loss && { loss }),
      };
    })
  );
}
