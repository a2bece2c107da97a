import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import type { Plan, PlannedLoss } from "../pipeline/plan.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { labelParts, unitsOf } from "../stages/labels.ts";
import type { VariableRegistry } from "../stages/network.ts";
import { AUXILIARY, type AuxiliaryHead, declareHead } from "../train/auxiliary.ts";

/** The name of the auxiliary head's output in the entries of losses. */
export const HEAD_OUTPUT = `light.${AUXILIARY}`;

/** The shapes of the nets' outputs by `NET.OUTPUT`, without the batch axis. */
type Shapes = Readonly<Record<string, readonly number[]>>;

/** The nets and losses for which {@linkcode auxiliaryHead} declares a head. */
export interface HeadRequest {
  /** The losses that are computed. */
  readonly losses: readonly Pick<PlannedLoss, "comparisons">[];
  /** The shapes of the outputs that the network itself returns. */
  readonly shapes: Shapes;
  /** The label, whose number of logits is that of the head. */
  readonly label: LabelSpec;
  /** Takes the variables of the head. */
  readonly variables: VariableRegistry;
}

/**
 * Declares the auxiliary head of the light net, if the plan has one and a loss reads it.
 *
 * @param plan The plan.
 * @param request The losses and the outputs of the nets.
 * @throws {UserError} If the light net does not have the output that the head reads.
 */
export function auxiliaryHead(
  { auxiliary, network, document }: Pick<Plan, "auxiliary" | "network" | "document">,
  { losses, shapes, label, variables }: HeadRequest,
): AuxiliaryHead | undefined {
  if (!auxiliary) return undefined;
  if (shapes[HEAD_OUTPUT]) {
    throw new UserError(
      `the network ${network.reference.name} itself returns the output ${HEAD_OUTPUT}`,
      {
        place: document.keyPlace(["network", "auxiliary"]),
        hint: hint("network/own-head", "remove `auxiliary`, or rename the output in the stage", {
          remove: ["."],
        }),
        exitCode: 2,
      },
    );
  }
  const { from } = auxiliary, shape = shapes[`light.${from}`];
  if (!shape || shape.length === 0) {
    throw new UserError(`the light net has no output ${from} that a head can read`, {
      place: document.place(["network", "auxiliary", "from"]),
      hint: nameHint("network/head-from", {
        written: from,
        names: lightOutputs(shapes),
        intro: "the outputs are",
        change: (name) => ({ set: { ".": name } }),
      }),
      exitCode: 2,
    });
  }
  const outputs = Object.keys(headShapes(label));
  const isRead = losses.some(({ comparisons }) =>
    comparisons.flat().some((output) => outputs.includes(output))
  );
  return isRead ? declareHead(auxiliary, shape, label, variables) : undefined;
}

/**
 * Returns the shapes of the outputs of the auxiliary head: the logits of all labels, and those of
 * each label if there are several.
 *
 * @param label The label.
 */
export function headShapes(label: LabelSpec): Shapes {
  return {
    [HEAD_OUTPUT]: [unitsOf(label)],
    ...Object.fromEntries(
      labelParts(label).map(({ name, units }) => [`light.${name}.${AUXILIARY}`, [units]]),
    ),
  };
}

/**
 * Lists the outputs of the light net that an auxiliary head can read, the last hidden one last.
 *
 * @param shapes The shapes of the outputs.
 */
export function lightOutputs(shapes: Shapes): string[] {
  return Object.entries(shapes)
    .filter(([name, shape]) => name.startsWith("light.") && shape.length > 0)
    .map(([name]) => name.replace("light.", ""))
    .toSorted((one, other) => Number(other === "logits") - Number(one === "logits"));
}
