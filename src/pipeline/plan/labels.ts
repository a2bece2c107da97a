import { hint, nameHint } from "../../base/hints.ts";
import type { LabelOptions, SeveralLabelOptions } from "../data_options.ts";
import type { Path } from "../document/document.ts";
import type { PipelineValue } from "../file_schema.ts";
import type { Planner } from "./planner.ts";

/**
 * Lists the names of the labels of a pipeline with `data.labels`.
 *
 * @param planner The planner of the pipeline.
 * @returns The names; undefined for a pipeline with a single label.
 */
export function labelNames({ document }: Pick<Planner, "document">): string[] | undefined {
  const labels: unknown = Object(Object(document.value).data).labels;
  return typeof labels === "object" && labels !== null && !Array.isArray(labels)
    ? Object.keys(labels)
    : undefined;
}

/**
 * Returns the label, or the labels, of a pipeline.
 *
 * @param planner Collects problems.
 * @param data The value of `data` in the document.
 * @returns The label; one without a column if there is a problem.
 */
export function planLabel(
  planner: Planner,
  { label, labels }: PipelineValue["data"],
): LabelOptions | SeveralLabelOptions {
  if (label && labels) {
    planner.problem(
      "data has both `label` and `labels`",
      planner.document.keyPlace(["data", "label"]),
      hint("plan/both-labels", "remove one of them", [
        { remove: ["."] },
        { remove: ["../labels"] },
      ]),
    );
  }
  if (labels) return { labels };
  if (label) return label;
  planner.problem(
    "data needs `label`: the column that the nets predict",
    planner.document.place(["data"]),
    hint("plan/no-label", "write `label: COLUMN`, or `labels: { NAME: COLUMN, … }` for several", {
      edit: "the label",
    }),
  );
  return { column: "" };
}

/**
 * Checks the option `label` of a loss or a metric: it is allowed only in pipelines with several
 * labels, and must name one of them.
 *
 * @param planner Collects problems.
 * @param label The label that the entry names.
 * @param path The path of the entry in the document.
 * @returns Whether there is no problem.
 */
export function checkLabel(planner: Planner, label: string | undefined, path: Path): boolean {
  if (label === undefined) return true;
  // Losses are also checked if the schema has already refused a value.
  if (typeof label !== "string") return false;
  const names = labelNames(planner), place = planner.document.place([...path, "label"]);
  if (!names) {
    planner.problem(
      "`label` chooses one of several labels, but this pipeline has a single label",
      place,
      hint("labels/single", "remove `label`, or name several labels with `data.labels`", {
        remove: ["."],
      }),
    );
    return false;
  }
  if (names.includes(label)) return true;
  planner.problem(
    `there is no label ${JSON.stringify(label)} in data.labels`,
    place,
    nameHint("labels/name", {
      written: label,
      names,
      intro: "the labels are",
      change: (near) => ({ set: { ".": near } }),
    })!,
  );
  return false;
}

/**
 * Checks that `data.sampling` names a label if the pipeline has several labels.
 *
 * @param planner Collects problems.
 * @param label The label that it names.
 */
export function checkSamplingLabel(planner: Planner, label: string | undefined): void {
  const path = ["data", "sampling"], names = labelNames(planner);
  if (!checkLabel(planner, label, path) || !names || label !== undefined) return;
  planner.problem(
    `data.sampling needs \`label\`: this pipeline has the labels ${names.join(" and ")}`,
    planner.document.place(path),
    hint("labels/sampling", `write \`label: ${names[0]}\`, whose classes \`keep\` names`, {
      set: { label: names[0] },
    }),
  );
}

/**
 * Returns the label of a loss and the outputs that the loss compares. With several labels, the name
 * `logits` means the logits of the loss's label.
 *
 * @param planner Collects problems.
 * @param named The label that the entry names.
 * @param comparisons The outputs that the loss compares, as `NET.OUTPUT`.
 * @param isTask Whether the loss compares an output with the label.
 * @param path The path of the entry in the document.
 * @returns The label and the outputs; undefined if there are problems.
 */
export function outputsOfLabel(
  planner: Planner,
  named: string | undefined,
  comparisons: readonly (readonly string[])[],
  isTask: boolean,
  path: Path,
): { label: string | undefined; comparisons: string[][] } | undefined {
  if (!checkLabel(planner, named, path)) return undefined;
  // Teachers outside the run are not outputs of nets.
  const outputs = comparisons.flat().filter((output) => /^(light|booster)\./.test(output));
  const names = labelNames(planner);
  const wrong = outputs.find((output) => {
    const label = labelOf(output);
    return label !== undefined && !names?.includes(label);
  });
  if (wrong !== undefined) {
    planner.problem(
      names
        ? `there is no label ${
          JSON.stringify(labelOf(wrong))
        } in data.labels, so there is no ${wrong}`
        : `this pipeline has a single label, so there is no output ${wrong}`,
      planner.document.place(path),
      hint(
        "labels/output",
        names
          ? `the labels are ${names.join(", ")}: write \`label: ${names[0]}\``
          : `write ${wrong.replace(/\.[^.]*\./, ".")}`,
        { edit: "the outputs that the loss compares" },
      ),
    );
    return undefined;
  }
  if (!names) return { label: undefined, comparisons: comparisons.map((outputs) => [...outputs]) };
  const found = [...new Set(outputs.flatMap((output) => labelOf(output) ?? []))];
  const label = named ?? (found.length === 1 ? found[0] : undefined);
  const readsLogits = outputs.some((output) => /\.(logits|auxiliary)$/.test(output));
  if (label === undefined && (isTask || readsLogits)) {
    planner.problem(
      `the loss needs \`label\`: this pipeline has the labels ${names.join(" and ")}`,
      planner.document.place(path),
      hint("labels/loss", `write \`label: ${names[0]}\`, and one such loss for each label`, {
        set: { label: names[0] },
      }),
    );
    return undefined;
  }
  const other = found.find((one) => one !== label);
  if (other !== undefined) {
    planner.problem(
      `the loss has the label ${label}, but compares logits of the label ${other}`,
      planner.document.place(path),
      hint("labels/other", `write \`label: ${other}\`, or compare logits of ${label}`, {
        set: { label: other },
      }),
    );
    return undefined;
  }
  const ofLabel = (output: string) =>
    output.replace(/^(light|booster)\.(logits|auxiliary)$/, `$1.${label}.$2`);
  return { label, comparisons: comparisons.map((outputs) => outputs.map(ofLabel)) };
}

/** Returns the label of an output such as `light.click.logits`; undefined for other outputs. */
const labelOf = (output: string) => /^\w+\.([^.]+)\.(logits|auxiliary)$/.exec(output)?.[1];
