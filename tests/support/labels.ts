/**
 * Labels as stages are told of them.
 *
 * @module
 */

import type { LabelSpec } from "../../plugin.ts";

/**
 * A label that is one of some classes.
 *
 * @param classes How many.
 */
export function classLabel(classes: number): LabelSpec {
  return { kind: "class", classes, shape: [], dtype: "int32" };
}

/**
 * A label whose rows may have several of some classes.
 *
 * @param classes How many.
 */
export function multiLabel(classes: number): LabelSpec {
  return { kind: "multi-label", classes, shape: [classes], dtype: "float32" };
}

/** A label of 0 or 1. */
export const binaryLabel: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };

/** A label that is a number. */
export const numberLabel: LabelSpec = { kind: "number", classes: 0, shape: [], dtype: "float32" };
