/**
 * Makes the terms of the total loss from the losses of a plan.
 *
 * @module
 */

import { describeValue } from "../base/describe_value.ts";
import { UserError } from "../base/errors.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
import { columnsOf } from "../pipeline/plan/stage_options.ts";
import { OUTSIDE } from "../pipeline/plan/losses.ts";
import type { PlannedLoss, PlannedPhase, PlannedTeacher } from "../pipeline/plan.ts";
import { labelPart } from "../stages/labels.ts";
import { callStage, StageError } from "../stages/stage_error.ts";
import type { ColumnSpec, LabelSpec } from "../stages/batch.ts";
import type { GradientContext, GradientPolicy } from "../stages/gradient.ts";
import type { HintLoss, TaskLoss } from "../stages/loss.ts";
import type { NetName } from "../stages/network.ts";
import { parseOutput, type Term } from "../train/objective.ts";
import { lightOutputs } from "./auxiliary_head.ts";
import { forLabel, refuseMultiLabel } from "./for_label.ts";
import { checkedPolicy } from "./gradient_policy.ts";
import { scheduled } from "./scheduled.ts";
import { scaledTeacher } from "../train/teacher_scale.ts";
import type { DeclaredVariables } from "../train/variables.ts";

/** The shapes of outputs by `NET.OUTPUT`, without the batch axis. */
export type OutputShapes = Readonly<Record<string, readonly number[]>>;

/** The change that a hint about the code of a stage asks for. */
const stageCode = { edit: "the stage" };

/**
 * Returns the losses of a phase that compare outputs of the given nets only.
 *
 * @param phase The phase.
 * @param nets The nets that are computed.
 */
export function lossesOf({ losses }: PlannedPhase, nets: readonly NetName[]): PlannedLoss[] {
  return losses.filter(({ comparisons }) =>
    comparisons.flat().every((output) => {
      const net = netOf(output);
      return net === OUTSIDE || nets.includes(net);
    })
  );
}

/**
 * Calls the `create` function of a loss stage, and makes a term of the total loss from the result.
 *
 * @param loss The planned loss.
 * @param shapes The shapes of the nets' outputs by `NET.OUTPUT`.
 * @param labels The label, or several labels.
 * @param variables Takes the variables of the loss.
 * @throws {UserError} If the loss does not fit the outputs.
 */
export function makeTerm(
  { stage, options, reference, name, comparisons, weight, schedule, gradient, ...loss }:
    PlannedLoss,
  shapes: OutputShapes,
  labels: LabelSpec,
  variables: DeclaredVariables,
): Term {
  const { teacher, teacherScale } = loss;
  const part = labelPart(labels, loss.label), label = part?.spec ?? labels;
  const shapeOf = (
    output: string,
    place = reference.place,
    names: readonly string[] = Object.keys(shapes),
  ) => {
    if (names.includes(output)) return shapes[output]!;
    throw new UserError(`the nets have no output ${output}`, {
      place,
      hint: headHint(output, shapes) ?? nameHint("loss/output", {
        written: output,
        names,
        intro: "the outputs are",
        change: () => ({ edit: "the output that the loss reads" }),
      }),
    });
  };
  // A phase may compute only the nets that its losses compare.
  const compared = new Set(comparisons.flat().map(netOf));
  const visible = Object.keys(shapes).filter((output) => compared.has(netOf(output)));
  const policyOf = (outputs: readonly string[], prefix: string): GradientPolicy => {
    const context: GradientContext = {
      label,
      shapes: outputs.map((output) => shapeOf(output)),
      shapeOf: (output) => shapeOf(output, gradient.reference.place, visible),
      variables: variables.ofLoss(`${prefix}/gradient`),
    };
    const policy = checkedPolicy(
      gradient.reference,
      callStage(
        gradient.reference,
        "create()",
        () => gradient.stage.create(gradient.options, context),
      ),
    );
    for (const { teacher, student } of policy) {
      [teacher, student].forEach((head) => head?.reads.forEach(context.shapeOf));
    }
    return policy;
  };
  const prefixOf = (index: number) => comparisons.length === 1 ? name : `${name}/${index + 1}`;
  const policy = policyOf(comparisons[0]!, prefixOf(0));
  const hasHeads = policy.some(({ teacher, student }) => teacher || student);
  if (stage.form === "task" && policy.some(({ reversed, loss }) => reversed || loss || hasHeads)) {
    throw new UserError(
      `the gradient policy ${gradient.reference.name} ${
        hasHeads ? "puts a head between the nets" : "sends gradients to the teacher"
      }, so it only works for hint losses: this loss compares with the label, which has no weights to train`,
      {
        place: gradient.reference.place,
        hint: hint(
          "gradient/task",
          "remove `gradient`, or use none, scale, ramp or block-shared",
          [{ remove: ["."] }, { set: { ".": "none" } }],
        ),
      },
    );
  }
  if (teacher && (hasHeads || policy.some(({ reversed, loss }) => reversed || loss))) {
    throw new UserError(
      `the gradient policy ${gradient.reference.name} ${
        hasHeads ? "puts a head in place of a net" : "trains the teacher as well"
      }, but the teacher of this loss is outside the run`,
      {
        place: gradient.reference.place,
        hint: hint("gradient/outside", "remove `gradient`, or use block", [
          { remove: ["."] },
          { set: { ".": "block" } },
        ]),
        exitCode: 2,
      },
    );
  }
  // Other outputs than logits do not depend on the kind of the label.
  const readsLogits = stage.form === "task" || comparisons.flat().some(isLogits);
  if (readsLogits) forLabel(part, () => refuseMultiLabel(stage, reference, label));
  const make = (outputs: readonly string[], prefix: string) => {
    const context = {
      label,
      shapes: outputs.map((output) => shapeOf(output)),
      variables: variables.ofLoss(prefix),
    };
    const compute = forLabel(
      part,
      () => callStage(reference, "create()", () => stage.create(options, context)),
    );
    if (typeof compute === "function") return compute;
    throw new StageError(reference, `created ${describeValue(compute)}; expected a function`, {
      hint: hint("loss/create", "return a function of two tensors from create()", stageCode),
    });
  };
  const changing = schedule && { schedule: scheduled(1, schedule) };
  const columns = columnsOf(stage, options);
  const base = {
    name,
    stage: reference,
    weight,
    ...changing,
    policy,
    gradient: gradient.reference,
    columns,
    label: part,
  };
  if (stage.form === "task") {
    const [outputs] = comparisons;
    const compute = make(outputs!, name) as TaskLoss;
    const on = parseOutput(outputs![0]!);
    const guess = label.kind !== "number" && /^([^.]+\.)?logits$/.test(on.output)
      ? shapes[outputs![0]!]
      : undefined;
    return { ...base, form: "task", compute, on, guess };
  }
  refuseNoProbability({ reference, comparisons, teacherScale }, shapes, label);
  const makeHint = (outputs: readonly string[], prefix: string): HintLoss => {
    const compute = make(outputs, prefix) as HintLoss;
    return teacherScale === undefined
      ? compute
      : (from, to, scope) => compute(scaledTeacher(from, teacherScale), to, scope);
  };
  if (teacher) {
    const [outputs] = comparisons;
    return {
      ...base,
      form: "hint",
      compute: makeHint(outputs!, name),
      to: parseOutput(outputs![1]!),
      outside: { name: teacher.name, skip: teacher.missing === "skip" },
    };
  }
  const turned = policy.some(({ reversed }) => reversed);
  const pairs = comparisons.map((outputs, index) => {
    const prefix = prefixOf(index);
    const [from, to] = outputs.map(parseOutput);
    return {
      from: from!,
      to: to!,
      compute: makeHint(outputs, prefix),
      // Each pair has heads of its own.
      ...(hasHeads && index > 0 && { policy: policyOf(outputs, prefix) }),
      ...(turned && { reversed: makeHint(outputs.toReversed(), `${prefix}/reversed`) }),
    };
  });
  return { ...base, form: "hint", pairs };
}

/**
 * Rejects a teacher whose output does not have as many numbers as the logits of the nets.
 *
 * @param teacher The teacher.
 * @param spec The column with its output.
 * @param label The label.
 * @param units The number of logits.
 * @throws {UserError} If the numbers differ, or probabilities are given for a label without them.
 */
export function refuseOtherUnits(
  { column, from, of, place }: PlannedTeacher,
  { shape }: ColumnSpec,
  label: LabelSpec,
  units: number,
): void {
  if (label.kind === "number" && of === "probabilities") {
    throw new UserError("a label that is a number has no probabilities", {
      place: place("of"),
      hint: hint(
        "teacher/of-number",
        "remove `of`: the column has predicted numbers, like the label",
        { remove: ["."] },
      ),
      exitCode: 2,
    });
  }
  if (shape.length === 1 && shape[0] === units) return;
  const got = shape.join() === "1" ? "one number" : `values of the shape [${shape.join(", ")}]`;
  const wanted = units === 1
    ? label.kind === "number"
      ? "one number per row, as the label"
      : "one number per row: that of the positive class"
    : `a list of ${units} numbers per row, one for each class`;
  const subject = from ? `the ${column}` : `the column ${column}`;
  throw new UserError(`${subject} has ${got} in each row; expected ${wanted}`, {
    place: place("column") ?? place(),
    hint: hint("teacher/units", "name a column with the output of a teacher for the same label", {
      edit: "the column of the teacher",
    }),
    exitCode: 2,
  });
}

/** Returns the hint for a loss that reads the auxiliary head of a pipeline that has none. */
function headHint(output: string, shapes: OutputShapes): HintText | undefined {
  const from = lightOutputs(shapes).at(-1);
  return /^light\.([^.]+\.)?auxiliary$/.test(output) && from !== undefined
    ? hint("loss/no-head", `add \`auxiliary: { from: ${from} }\` to \`network\``, {
      set: { "/network/auxiliary": { from } },
    })
    : undefined;
}

/** Rejects a factor of the teacher's probability if an output does not stand for a probability. */
function refuseNoProbability(
  { reference, comparisons, teacherScale }: Pick<
    PlannedLoss,
    "reference" | "comparisons" | "teacherScale"
  >,
  shapes: OutputShapes,
  { kind }: LabelSpec,
): void {
  if (typeof teacherScale !== "object") return;
  const { probability } = teacherScale;
  const other = comparisons.map(([from]) => from!).find((from) =>
    kind !== "binary" || (shapes[from] ?? [1]).join() !== "1" || !isLogits(from)
  );
  if (other === undefined) return;
  throw new UserError(
    `\`teacherScale: { probability: ${probability} }\` requires a binary label and the logits of ` +
      `the teacher; the teacher's output is ${other}, and the label is ${labelText[kind]}`,
    {
      place: reference.place,
      hint: hint(
        "loss/teacher-probability",
        `write \`teacherScale: ${probability}\`, the factor of the output itself`,
        { set: { teacherScale: probability } },
      ),
      exitCode: 2,
    },
  );
}

const labelText = {
  class: "a class",
  binary: "binary",
  number: "a number",
  "multi-label": "multi-label",
  several: "not named",
} as const;

/** Whether an output, as `NET.OUTPUT`, has the logits of the label. */
const isLogits = (output: string) => /\.(logits|auxiliary)$/.test(output);

const netOf = (output: string): NetName | typeof OUTSIDE => parseOutput(output).net;
