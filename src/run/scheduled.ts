import { describeValue } from "../base/describe_value.ts";
import type { PlannedStage } from "../pipeline/plan.ts";
import type { Position } from "../stages/gradient.ts";
import type { Schedule, ScheduleStage } from "../stages/schedule.ts";
import { callStage, StageError } from "../stages/stage_error.ts";

/**
 * Returns a value, such as the learning rate, times the factor of a schedule.
 *
 * @param value The value.
 * @param planned The schedule.
 * @returns The value at a position of the run. It throws a `StageError` if the factor is not finite.
 */
export function scheduled(
  value: number,
  { reference, stage, options }: PlannedStage<ScheduleStage>,
): Schedule {
  const factorAt = callStage(reference, "create()", () => stage.create(options, {}));
  return (position: Position) => {
    const factor = callStage(reference, "its schedule", () => factorAt(position));
    if (!Number.isFinite(factor)) {
      throw new StageError(
        reference,
        `returned ${describeValue(factor)} at step ${position.step}; expected a finite number`,
      );
    }
    return value * factor;
  };
}
