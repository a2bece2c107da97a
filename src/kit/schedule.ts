import type { ScheduleStage } from "../stages/schedule.ts";
import { describeValue } from "../base/describe_value.ts";
import { checkFunction } from "./gradient.ts";
import type { Subject } from "./subject.ts";

/**
 * Checks a schedule: it must be a pure function of the position in the training that returns finite
 * numbers of at least 0 in runs of any length.
 *
 * @param subject The schedule.
 */
export function checkSchedule(subject: Subject<ScheduleStage>): void {
  const schedule = subject.create({}, "a schedule");
  subject.expectAccepted();
  if (schedule === undefined) return;
  if (typeof schedule !== "function") {
    subject.findings.add(
      "returns a function",
      "a schedule",
      `it returned ${describeValue(schedule)}`,
    );
    return;
  }
  checkFunction(subject, schedule, "the factor on the learning rate");
}
