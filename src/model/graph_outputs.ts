import type { ModelContent } from "../run/model/model_file.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { labelParts } from "../stages/labels.ts";

/** An output of an exported graph. */
export interface GraphOutput {
  /** The name. */
  readonly name: string;
  /** The label whose output it is; undefined for the logits of all labels, and for a single label. */
  readonly label: string | undefined;
  /** The position of its first logit. */
  readonly firstUnit: number;
  /** The number of its logits. */
  readonly units: number;
  /** How it is computed from the logits. */
  readonly form: "logits" | "softmax" | "sigmoid";
}

/**
 * Lists the outputs of an exported graph: `logits` and, unless the label is a number,
 * `probabilities`. With several labels, `logits` are those of all labels side by side, and each
 * label has outputs of its own, such as `click_logits` and `click_probabilities`.
 *
 * @param model The content of `model.json`.
 * @param inputs The names of the inputs, which no output of a label gets.
 */
export function graphOutputs(
  { label, network: { units } }: Pick<ModelContent, "label" | "network">,
  inputs: readonly string[],
): GraphOutput[] {
  const parts = labelParts(label.spec);
  const all = { name: "logits", label: undefined, firstUnit: 0, units, form: "logits" } as const;
  if (parts.length === 0) {
    const form = formOf(label.spec);
    return form === "logits" ? [all] : [all, { ...all, name: "probabilities", form }];
  }
  const taken = new Set(inputs);
  const free = (name: string) => {
    let own = name;
    for (let number = 2; taken.has(own); number++) own = `${name}_${number}`;
    taken.add(own);
    return own;
  };
  return [
    all,
    ...parts.flatMap(({ name, spec, firstUnit, units }): GraphOutput[] => {
      const form = formOf(spec), own = { label: name, firstUnit, units };
      return [
        { name: free(`${name}_logits`), ...own, form: "logits" },
        ...form === "logits" ? [] : [{ name: free(`${name}_probabilities`), ...own, form }],
      ];
    }),
  ];
}

const formOf = ({ kind }: LabelSpec): GraphOutput["form"] =>
  kind === "class" ? "softmax" : kind === "binary" || kind === "multi-label" ? "sigmoid" : "logits";
