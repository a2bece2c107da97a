/**
 * The files that `new` writes. src/commands/templates/ has a small working stage of each kind, with
 * its test and a pipeline that uses it.
 *
 * @module
 */

import source from "./templates/my_source.ts" with { type: "text" };
import sourcePipeline from "./templates/my_source.yaml" with { type: "text" };
import sourceTest from "./templates/my_source_test.ts" with { type: "text" };
import transform from "./templates/my_transform.ts" with { type: "text" };
import transformPipeline from "./templates/my_transform.yaml" with { type: "text" };
import transformTest from "./templates/my_transform_test.ts" with { type: "text" };
import network from "./templates/my_network.ts" with { type: "text" };
import networkPipeline from "./templates/my_network.yaml" with { type: "text" };
import networkTest from "./templates/my_network_test.ts" with { type: "text" };
import loss from "./templates/my_loss.ts" with { type: "text" };
import lossPipeline from "./templates/my_loss.yaml" with { type: "text" };
import lossTest from "./templates/my_loss_test.ts" with { type: "text" };
import gradient from "./templates/my_gradient.ts" with { type: "text" };
import gradientPipeline from "./templates/my_gradient.yaml" with { type: "text" };
import gradientTest from "./templates/my_gradient_test.ts" with { type: "text" };
import optimizer from "./templates/my_optimizer.ts" with { type: "text" };
import optimizerPipeline from "./templates/my_optimizer.yaml" with { type: "text" };
import optimizerTest from "./templates/my_optimizer_test.ts" with { type: "text" };
import schedule from "./templates/my_schedule.ts" with { type: "text" };
import schedulePipeline from "./templates/my_schedule.yaml" with { type: "text" };
import scheduleTest from "./templates/my_schedule_test.ts" with { type: "text" };
import metric from "./templates/my_metric.ts" with { type: "text" };
import metricPipeline from "./templates/my_metric.yaml" with { type: "text" };
import metricTest from "./templates/my_metric_test.ts" with { type: "text" };
import output from "./templates/my_output.ts" with { type: "text" };
import outputPipeline from "./templates/my_output.yaml" with { type: "text" };
import outputTest from "./templates/my_output_test.ts" with { type: "text" };
import type { StageKind } from "../stages/stage.ts";

/** The names of a new stage: of its file, in pipelines, and of its variable. */
export interface StageNames {
  /** The file without its extension, `my_hint`. */
  readonly stem: string;
  /** The stage's name, `my-hint`. */
  readonly name: string;
  /** The variable in the file, `myHint`. */
  readonly variable: string;
}

/** The texts of the files that the command `new` writes for a stage. */
export interface StageFiles {
  /** The stage's module. */
  readonly stage: string;
  /** The module of its test. */
  readonly test: string;
  /** The pipeline, in YAML. */
  readonly pipeline: string;
}

const templates: Readonly<Record<StageKind, StageFiles>> = {
  source: { stage: source, test: sourceTest, pipeline: sourcePipeline },
  transform: { stage: transform, test: transformTest, pipeline: transformPipeline },
  network: { stage: network, test: networkTest, pipeline: networkPipeline },
  loss: { stage: loss, test: lossTest, pipeline: lossPipeline },
  gradient: { stage: gradient, test: gradientTest, pipeline: gradientPipeline },
  optimizer: { stage: optimizer, test: optimizerTest, pipeline: optimizerPipeline },
  schedule: { stage: schedule, test: scheduleTest, pipeline: schedulePipeline },
  metric: { stage: metric, test: metricTest, pipeline: metricPipeline },
  output: { stage: output, test: outputTest, pipeline: outputPipeline },
};

/**
 * Makes the files of a new stage. The templates have the names `my_KIND`, `my-KIND` and `myKind`;
 * the new stage's names replace them.
 *
 * @param kind The stage's kind.
 * @param names The stage's names.
 */
export function stageFiles(kind: StageKind, { stem, name, variable }: StageNames): StageFiles {
  const capital = kind[0]!.toUpperCase() + kind.slice(1);
  const named = (text: string) =>
    text.replaceAll(`my_${kind}`, () => stem)
      .replaceAll(`my-${kind}`, () => name)
      .replaceAll(`my${capital}`, () => variable);
  const { stage, test, pipeline } = templates[kind];
  return { stage: named(stage), test: named(test), pipeline: named(pipeline) };
}
