/**
 * Where the values and the logits of each label are, if a pipeline has several. Their values are
 * side by side in one column, and their logits in one output of each net: a last layer for all
 * labels computes the same as one last layer for each label.
 *
 * @module
 */

import type { Column, LabelSpec, Values } from "./batch.ts";
import { mapValues } from "./parts.ts";

/** A label among several, and the positions of its values and logits. */
export interface LabelPart {
  /** The label's name. */
  readonly name: string;
  /** The label. */
  readonly spec: LabelSpec;
  /** The position of its first value in a row of the column of labels. */
  readonly at: number;
  /** The number of its values in a row. */
  readonly size: number;
  /** The position of its first logit. */
  readonly firstUnit: number;
  /** The number of its logits. */
  readonly units: number;
}

/**
 * Returns the number of logits for a label, or for all labels together.
 *
 * @param label The label.
 */
export function unitsOf({ kind, classes, labels = {} }: LabelSpec): number {
  if (kind === "several") return Object.values(labels).reduce((sum, one) => sum + unitsOf(one), 0);
  return kind === "class" || kind === "multi-label" ? classes : 1;
}

/**
 * Lists the labels of a pipeline with several labels.
 *
 * @param label The label.
 * @returns The labels in order; an empty list for a single label.
 */
export function labelParts({ labels = {} }: LabelSpec): LabelPart[] {
  let at = 0, firstUnit = 0;
  return Object.entries(labels).map(([name, spec]) => {
    const units = unitsOf(spec), size = sizeOf(spec);
    const part = { name, spec, at, size, firstUnit, units };
    at += size;
    firstUnit += units;
    return part;
  });
}

const sizeOf = ({ shape }: LabelSpec) => shape.reduce((product, length) => product * length, 1);

/**
 * Finds a label by its name.
 *
 * @param label The label, or several labels.
 * @param name The name; undefined for a pipeline with a single label.
 * @returns The label; undefined for a pipeline with a single label, and without a name.
 * @throws {Error} If there is no label with this name.
 */
export function labelPart(label: LabelSpec, name: string | undefined): LabelPart | undefined {
  if (name === undefined) return undefined;
  const part = labelParts(label).find((part) => part.name === name);
  if (part) return part;
  throw new Error(`there is no label ${JSON.stringify(name)}`);
}

/**
 * Describes several labels as one column.
 *
 * @param labels The labels by name.
 */
export function severalLabels(labels: Readonly<Record<string, LabelSpec>>): LabelSpec {
  return {
    shape: [Object.values(labels).reduce((sum, one) => sum + sizeOf(one), 0)],
    dtype: "float32",
    kind: "several",
    classes: 0,
    labels,
  };
}

/**
 * Applies a function to a single label, or to each of several labels.
 *
 * @param label The label.
 * @param change Returns the new description of a label.
 */
export function mapLabels(
  label: LabelSpec,
  change: (label: LabelSpec, part: LabelPart | undefined) => LabelSpec,
): LabelSpec {
  if (!label.labels) return change(label, undefined);
  return {
    ...label,
    labels: mapValues(label.labels, (one, name) => change(one, labelPart(label, name))),
  };
}

/**
 * Returns the value of a label in a row, or the first of its values: NaN if a null masks it.
 *
 * @param column The column of the label, or of several labels.
 * @param row The row.
 * @param part The label among several; undefined for a single label.
 */
export function labelValue(
  { values, shape }: Column,
  row: number,
  part: LabelPart | undefined,
): number {
  const width = shape[0] ?? 1;
  return values[row * width + (part?.at ?? 0)]!;
}

/**
 * Returns all values of a label in a row, as a view: one for each class of a label of kind
 * `multi-label`, and one for each other label. If a null masks the label, all are NaN.
 *
 * @param column The column of the label, or of several labels.
 * @param row The row.
 * @param part The label among several; undefined for a single label.
 */
export function labelValues(
  { values, shape }: Column,
  row: number,
  part: LabelPart | undefined,
): Values {
  const width = shape[0] ?? 1, start = row * width + (part?.at ?? 0);
  return values.subarray(start, start + (part?.size ?? width));
}
