import type { GradientStage } from "../stages/gradient.ts";
import type { LossStage } from "../stages/loss.ts";
import type { MetricStage } from "../stages/metric.ts";
import type { NetworkStage } from "../stages/network.ts";
import type { OptimizerStage } from "../stages/optimizer.ts";
import type { OutputStage } from "../stages/output.ts";
import type { ScheduleStage } from "../stages/schedule.ts";
import type { SourceStage } from "../stages/source.ts";
import { type AnyStage, stageKinds } from "../stages/stage.ts";
import type { TransformStage } from "../stages/transform.ts";
import { ROCKET_VERSION } from "../base/package.ts";
import { containsRocket } from "../stages/rocket_range.ts";
import { describeValue } from "../base/describe_value.ts";
import { Findings } from "./findings.ts";
import { checkGradient } from "./gradient.ts";
import { checkLoss } from "./loss.ts";
import { checkMetric } from "./metric.ts";
import { checkNetwork } from "./network.ts";
import { checkOptimizer } from "./optimizer.ts";
import { checkOptions } from "./options.ts";
import { checkOutput } from "./output.ts";
import { checkSchedule } from "./schedule.ts";
import { checkSource } from "./source.ts";
import type { StageChecks } from "./stage_checks.ts";
import { Subject } from "./subject.ts";
import { checkTransform } from "./transform.ts";

/**
 * Checks a stage against the contract of its kind: options, shapes, purity, tensor leaks,
 * gradients, and all other rules of the kind. A single call is a useful test for every stage.
 *
 * The samples are the same in each run. Losses, networks, and optimizers are checked on all
 * available engines.
 *
 * @example Check a loss.
 * ```ts
 * import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";
 * import { checkStage } from "@rocket-launching/rocket/testing";
 *
 * const absoluteHint: LossStage = defineLoss({
 *   name: "absolute-hint",
 *   summary: "The absolute difference between the logits.",
 *   form: "hint",
 *   options: z.object({ scale: z.number().positive() }),
 *   create: ({ scale }) => (from, to) => tf.mul(tf.sum(tf.abs(tf.sub(from, to)), -1), scale),
 * });
 *
 * Deno.test("absolute-hint keeps the contract of a loss", () =>
 *   checkStage(absoluteHint, { options: { scale: 2 } }));
 * ```
 *
 * @example A failed check reports the sample and the result.
 * ```ts
 * import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";
 * import { checkStage } from "@rocket-launching/rocket/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const down: ScheduleStage = defineSchedule({
 *   name: "down",
 *   summary: "Falls linearly, even below 0.",
 *   options: z.object({}),
 *   create: () => ({ step }) => 1 - step / 100,
 * });
 *
 * await assertRejects(() => checkStage(down), Error, "finite numbers of at least 0");
 * ```
 *
 * @param stage The stage, from one of the `define…` functions.
 * @param checks Options without defaults, and samples that replace the default ones.
 * @throws {Error} With one line for each rule that the stage breaks: the rule, the checked sample,
 *   and the result.
 */
export async function checkStage(stage: AnyStage, checks: StageChecks = {}): Promise<void> {
  if (!stageKinds.includes(stage?.kind)) {
    throw new TypeError(
      `checkStage() takes a stage from one of the define… functions; got ${describeValue(stage)}`,
    );
  }
  const findings = new Findings();
  const subject = new Subject(stage, checks, findings);
  checkVersion(subject);
  if (checkOptions(subject)) await checkKind(subject);
  const { lines } = findings;
  if (lines.length === 0) return;
  const rules = lines.length === 1 ? "a rule" : `${lines.length} rules`;
  const article = /^[aeiou]/.test(stage.kind) ? "an" : "a";
  throw new Error(
    `the ${stage.kind} stage ${
      JSON.stringify(stage.name)
    } breaks ${rules} of the contract of ${article} ` +
      `${stage.kind}:\n${lines.join("\n")}`,
  );
}

/** Checks that a stage works with the version of Rocket that tests it. */
function checkVersion({ stage: { rocket }, findings }: Subject): void {
  if (rocket === undefined || containsRocket(rocket)) return;
  findings.add(
    "works with the version of Rocket that tests it",
    `rocket: ${JSON.stringify(rocket)}`,
    `this is Rocket ${ROCKET_VERSION}`,
  );
}

async function checkKind(subject: Subject): Promise<void> {
  switch (subject.stage.kind) {
    case "source":
      return await checkSource(subject as Subject<SourceStage>);
    case "transform":
      return await checkTransform(subject as Subject<TransformStage>);
    case "network":
      return await checkNetwork(subject as Subject<NetworkStage>);
    case "loss":
      return await checkLoss(subject as Subject<LossStage>);
    case "gradient":
      return await checkGradient(subject as Subject<GradientStage>);
    case "optimizer":
      return await checkOptimizer(subject as Subject<OptimizerStage>);
    case "schedule":
      return checkSchedule(subject as Subject<ScheduleStage>);
    case "metric":
      return checkMetric(subject as Subject<MetricStage>);
    case "output":
      return await checkOutput(subject as Subject<OutputStage>);
  }
}
