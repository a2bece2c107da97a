import type { Factor, GradientStage, Position } from "../stages/gradient.ts";
import { describeValue } from "../base/describe_value.ts";
import { positions, positionText } from "./samples.ts";
import type { Subject } from "./subject.ts";

const sides = ["from", "to", "shared"] as const;

/**
 * Checks a gradient policy: it must have at least one pass, whose factors are numbers of at least 0
 * or pure functions that return such numbers at every point of the training.
 *
 * @param subject The policy.
 */
export function checkGradient(subject: Subject<GradientStage>): void {
  const { findings } = subject;
  const policy = subject.create({}, "a policy");
  subject.expectAccepted();
  if (policy === undefined) return;
  if (!Array.isArray(policy) || policy.length === 0) {
    findings.add(
      "returns a list of at least one pass",
      "a policy",
      Array.isArray(policy) ? "it returned an empty list" : `it returned ${describeValue(policy)}`,
    );
    return;
  }
  policy.forEach((pass, index) => {
    for (const side of sides) {
      const factor: unknown = pass?.[side];
      const asked = `\`${side}\` of pass ${index + 1}`;
      if (typeof factor === "function") {
        checkFunction(subject, factor as (position: Position) => number, asked);
      } else {
        expectFactor(subject, factor, asked);
      }
    }
    const reversed: unknown = pass?.reversed;
    if (reversed === undefined || typeof reversed === "boolean") return;
    findings.add(
      "sets `reversed` to true or false",
      `pass ${index + 1}`,
      `it is ${describeValue(reversed)}`,
    );
  });
}

/**
 * Checks a function of the position in the training, such as a schedule: it must return a finite
 * number of at least 0 at each step of a run, and the same number in repeated calls.
 *
 * @param subject The stage.
 * @param compute The function.
 * @param what A description of the returned number.
 */
export function checkFunction(
  subject: Subject,
  compute: (position: Position) => number,
  what: string,
): void {
  const { findings } = subject;
  const asked: [Position, number][] = [];
  for (const position of positions()) {
    const at = `${what} at ${positionText(position)}`;
    const went = findings.attempt(at, () => {
      const factor: unknown = compute(position);
      if (expectFactor(subject, factor, at)) asked.push([position, factor]);
    });
    if (!went) return;
  }
  // Called in reverse order, to detect a function that counts its calls.
  for (const [position, before] of asked.reverse()) {
    const now = compute(position);
    if (Object.is(now, before)) continue;
    findings.add(
      "is a pure function of the position",
      `${what} at ${positionText(position)}`,
      `it returned ${before}, and ${now} in a second call`,
    );
    return;
  }
}

function expectFactor(
  { findings }: Subject,
  factor: unknown,
  asked: string,
): factor is Factor & number {
  if (typeof factor === "number" && Number.isFinite(factor) && factor >= 0) return true;
  findings.add(
    "returns finite numbers of at least 0",
    asked,
    `it returned ${describeValue(factor)}`,
  );
  return false;
}
