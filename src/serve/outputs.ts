/**
 * Predictions as tensors of responses.
 *
 * @module
 */

import { joinArrays } from "../base/join_arrays.ts";
import type { ClassValue, LabelAnswers, Predictions } from "../model/answers.ts";
import { refuse } from "./http_error.ts";
import type { WantedOutput } from "./infer_request.ts";

/** What an output of a served model has. */
type OutputForm = "prediction" | "score" | "probabilities" | "logits";

/** The name, datatype, and shape of one output, as listed in the metadata of the served model. */
export interface OutputColumn {
  /** The name: what the output has, after the name of its label if there are several. */
  readonly name: string;
  /** The datatype. */
  readonly datatype: string;
  /** The shape of a row. */
  readonly shape: readonly number[];
  /** The classes in the order of the values of a row, for a multi-label label. */
  readonly classes?: readonly ClassValue[] | undefined;
}

/** The facts about a model's label that determine the outputs of the served model. */
export interface OutputLabel {
  /** Each label by its name, if there are several. */
  readonly labels?: LabelAnswers["labels"];
  /** The kind of the label. */
  readonly kind: Predictions["kind"];
  /** The classes in the order of the logits. */
  readonly classes: readonly ClassValue[];
  /** The number of logits of a row. */
  readonly units: number;
}

/**
 * Lists the outputs of a served model: the name, type, and shape of each.
 *
 * @param label The label.
 */
export function outputColumns(label: OutputLabel): OutputColumn[] {
  return outputsOf(label).map(({ name, datatype, shape, classes }) => ({
    ...{ name, datatype, shape },
    ...(classes && { classes }),
  }));
}

/** An output of a model, with the label that it belongs to. */
interface LabelOutput extends OutputColumn {
  readonly form: OutputForm;
  readonly of: Pick<OutputLabel, "kind" | "classes" | "units">;
  /** Returns the predictions for the label. */
  readonly part: (all: Predictions) => Predictions;
}

function outputsOf({ labels, ...label }: OutputLabel): LabelOutput[] {
  if (!labels) return outputsOfLabel(label, "", (all) => all);
  return Object.entries(labels).flatMap(([name, own]) =>
    outputsOfLabel(own, `${name}_`, (all) => all.labels[name]!)
  );
}

function outputsOfLabel(
  of: LabelOutput["of"],
  prefix: string,
  part: LabelOutput["part"],
): LabelOutput[] {
  const { kind, classes, units } = of;
  const output = (form: OutputForm, datatype: string, shape: readonly number[]): LabelOutput => ({
    ...{ name: `${prefix}${form}`, form, datatype, shape, of, part },
  });
  const logits = output("logits", "FP32", [units]);
  if (kind === "number") return [output("prediction", "FP32", []), logits];
  if (kind === "multi-label") {
    return [output("probabilities", "FP32", [units]), logits].map((one) => ({ ...one, classes }));
  }
  return [
    ...kind === "class" ? [output("prediction", classDatatype(classes), [])] : [],
    output("score", "FP32", []),
    output("probabilities", "FP32", [units]),
    logits,
  ];
}

function classDatatype(classes: readonly ClassValue[]): "BYTES" | "BOOL" | "INT64" {
  if (classes.every((name) => typeof name === "boolean")) return "BOOL";
  const whole = (name: ClassValue) => typeof name === "number" || typeof name === "bigint";
  return classes.every(whole) ? "INT64" : "BYTES";
}

/** An output of a model in a response to a request for predictions. */
export interface OutputTensor extends OutputColumn {
  /** The values; null for rows without a prediction. */
  readonly values: Float32Array | readonly (ClassValue | null)[];
}

/**
 * Converts predictions to the output tensors that a client asks for.
 *
 * @param parts The predictions, in the order of the rows.
 * @param label The label.
 * @param wanted The names of the outputs.
 */
export function outputTensors(
  parts: readonly Predictions[],
  label: OutputLabel,
  wanted: readonly WantedOutput[],
): OutputTensor[] {
  const outputs = new Map(outputsOf(label).map((output) => [output.name, output]));
  const rows = parts.reduce((sum, { rows }) => sum + rows, 0);
  return wanted.map(({ name }) => {
    const { datatype, shape, form, of, part } = outputs.get(name)!;
    const values = joined(parts.map((all) => valuesOf(part(all), form, of)));
    return { name, datatype, shape: [rows, ...shape], values };
  });
}

function valuesOf(
  part: Predictions,
  name: OutputForm,
  { kind, classes, units }: LabelOutput["of"],
): Float32Array | (ClassValue | null)[] {
  if (name === "logits") return part.logits;
  if (name === "probabilities") return part.probabilities!;
  if (name === "prediction" && kind === "class") {
    return Array.from(
      { length: part.rows },
      (_, row) => part.answered?.[row] === 0 ? null : classes[part.classId(row)]!,
    );
  }
  if (kind === "number") return part.logits;
  if (kind === "binary") return part.probabilities!;
  const probabilities = part.probabilities!;
  return Float32Array.from(
    { length: part.rows },
    (_, row) => probabilities[row * units + part.classId(row)]!,
  );
}

function joined(
  parts: readonly (Float32Array | (ClassValue | null)[])[],
): Float32Array | (ClassValue | null)[] {
  const [first] = parts;
  if (!first) return [];
  if (parts.length === 1) return first;
  if (Array.isArray(first)) return (parts as (ClassValue | null)[][]).flat();
  return joinArrays(parts as Float32Array[], Float32Array);
}

/**
 * Converts values to JSON. Numbers have the nine digits that identify a float32.
 *
 * @param values The values.
 */
export function jsonValues(values: OutputTensor["values"]): unknown[] {
  if (values instanceof Float32Array) {
    return Array.from(
      values,
      (value) => Number.isFinite(value) ? Number(value.toPrecision(9)) : null,
    );
  }
  return values.map((value) => typeof value === "bigint" ? String(value) : value);
}

const encoder = new TextEncoder();

/**
 * Converts values to the bytes in which the Open Inference Protocol sends binary data.
 *
 * @param tensor The tensor.
 * @throws {HttpError} If a row has no prediction, which only numbers can express (as NaN).
 */
export function binaryValues({ name, datatype, values }: OutputTensor): Uint8Array {
  if (values instanceof Float32Array) {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
  const row = values.indexOf(null);
  if (row >= 0) {
    refuse(
      `row ${row} has a null where the training rows have none, so it has no ${name}; binary data ` +
        "cannot express this: ask for the output score, or for JSON",
    );
  }
  if (datatype === "BOOL") return Uint8Array.from(values, Number);
  if (datatype === "INT64") {
    const numbers = BigInt64Array.from(values, (value) => BigInt(value as number));
    return new Uint8Array(numbers.buffer);
  }
  const texts = values.map((value) => encoder.encode(String(value)));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
