import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../src/engine/capture/capture.ts";
import type { LossContext, LossStage } from "../plugin.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import type { NetName } from "../src/stages/network.ts";
import type { Term } from "../src/train/objective.ts";
import {
  disposeState,
  initialState,
  type Model,
  type StepInput,
  trainStep,
} from "../src/train/step.ts";
import { rowsOf } from "../src/train/tensors.ts";
import { DeclaredVariables, type TensorsByName } from "../src/train/variables.ts";

/**
 * How to compute steps: as captured graphs, as captured graphs with feature maps in bfloat16, as
 * captured graphs that XLA compiles, or op by op.
 */
export type Mode = "captured" | "bfloat16" | "xla" | "eager";

/** The weight of the hint loss, γ in the authors' code. */
const HINT_WEIGHT = 0.03;

/** Creates the loss term of one net with the label. */
export function taskTerm(stage: LossStage, net: NetName, label: LabelSpec, units: number): Term {
  return {
    form: "task",
    name: net,
    stage: { kind: "loss", name: stage.name },
    weight: 1,
    policy: [{ from: 1, to: 1, shared: 1 }],
    compute: stage.create(stage.options.parse({}), lossContext(label, [[units]])),
    on: { net, output: "logits" },
  } as Term;
}

/**
 * Creates the hint loss from the booster's logits to the light net's logits, with the gradient
 * block.
 */
export function hintTerm(stage: LossStage, label: LabelSpec, units: number): Term {
  return {
    form: "hint",
    name: "hint",
    stage: { kind: "loss", name: stage.name },
    weight: HINT_WEIGHT,
    policy: [{ from: 0, to: 1, shared: 1 }],
    pairs: [{
      compute: stage.create(stage.options.parse({}), lossContext(label, [[units], [units]])),
      from: { net: "booster", output: "logits" },
      to: { net: "light", output: "logits" },
    }],
  } as Term;
}

/** Creates the context for a loss without variables. */
function lossContext(label: LabelSpec, shapes: readonly (readonly number[])[]): LossContext {
  return { label, shapes, variables: new DeclaredVariables().ofLoss("timed") };
}

/**
 * Creates the function that the bench times: a training step whose state stays in the engine, and
 * whose losses are copied back.
 *
 * @param model The model.
 * @param values The initial values of the model's variables.
 * @param batches The batches that steps use in turn.
 * @param rate The learning rate.
 * @param mode How to compute steps.
 * @param graphFile The file to write the captured graph to, for the profile.
 * @returns A function that runs one step and returns the total loss.
 */
export function training(
  model: Model,
  values: TensorsByName,
  batches: readonly Pick<StepInput, "features" | "label">[],
  learningRate: number,
  mode: Mode,
  graphFile?: string,
): () => number {
  let state = initialState(model, values);
  type Input = { state: typeof state; input: StepInput };
  const captured = new CapturedFunction(
    ({ state, input }: Input) => trainStep(model, state, input),
    {
      xla: mode === "xla",
      report: ({ captured, reason }) => {
        if (!captured) console.error(`the step runs op by op: ${reason}`);
      },
      precision: mode === "bfloat16" ? "bfloat16" : "float32",
      rows: ({ input }) => rowsOf(input),
      rewrite: (recorded) => {
        if (graphFile) Deno.writeFileSync(graphFile, recorded.graph.toGraphDef());
        return recorded;
      },
    },
  );
  const rest = {
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors: [],
  };
  let count = 0;
  return () => {
    const input = { ...batches[count++ % batches.length]!, ...rest };
    const output = mode === "eager"
      ? trainStep(model, state, input)
      : captured.call({ state, input });
    disposeState(state, output.state);
    state = output.state;
    const [total] = output.losses.dataSync();
    // A run also reads the norm, to check whether the gradients are finite.
    output.norm.dataSync();
    tf.dispose([output.losses, output.norm]);
    return total!;
  };
}

/** Counts the trainable parameters of a model. */
export function trainedNumbers({ variables }: Pick<Model, "variables">): number {
  return variables.filter(({ trainable }) => trainable)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
