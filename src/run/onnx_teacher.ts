/**
 * Teachers that are ONNX models: their outputs for the training rows.
 *
 * @module
 */

import type { Schema } from "apache-arrow";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { onnxRuntimePackages } from "../base/machine/onnx_packages.ts";
import { ROCKET_VERSION } from "../base/package.ts";
import { inOneLine } from "../base/printable.ts";
import { formatCount } from "../base/text_table.ts";
import type { TeacherOutputs, TeacherRows } from "../input/outside_outputs.ts";
import { evaluationRows } from "../input/prepare_data.ts";
import { recordBatches, rowsOf } from "../input/split.ts";
import type { PlannedTeacher, TeacherOnnx } from "../pipeline/plan.ts";
import { loadOnnxRuntime, type OnnxRuntime, type OrtTensor } from "./model/onnx_runtime.ts";
import { rowsStage } from "./model/open_run.ts";
import { fits, type InputType, inputTypes, inputValues } from "./onnx_inputs.ts";
import { hashesOfOnnxFiles } from "./onnx_files.ts";
import type { RowHash } from "./row_hash.ts";
import { type Computed, joined, keptOrComputed, sha256 } from "./teacher_cache.ts";

/** An input of the model, and how its values are made. */
interface Input {
  readonly name: string;
  readonly column: string;
  readonly type: InputType;
  /** The shape of one row. */
  readonly shape: readonly number[];
}

/**
 * Computes an output of an ONNX model for the training rows, or reads it from the cache.
 *
 * @param teacher The teacher.
 * @param from The model.
 * @param rows The rows.
 * @param context The folder of the cache, and the receiver of log lines.
 * @throws {UserError} If the model cannot be loaded or computed, or if its inputs do not fit the
 *   columns.
 */
export async function outputsOfOnnx(
  teacher: PlannedTeacher,
  from: TeacherOnnx,
  rows: TeacherRows,
  { report, folder }: { readonly report: (line: string) => void; readonly folder: string },
): Promise<TeacherOutputs> {
  const { onnx, output } = from;
  const hashes = await hashesOf(teacher, onnx);
  const identity = sha256([...hashes, output, from.inputs]);
  const which = rows.name === undefined ? "rows with keys" : "training rows";
  const about = `the output ${output} of the teacher ${onnx}`;
  const runtime = await loadOnnxRuntime();
  const session = await runtime.InferenceSession.create(onnx, { logSeverityLevel: 4 })
    .catch((error: Error) => {
      throw refusal(teacher, `ONNX Runtime cannot load ${onnx}: ${inOneLine(error.message)}`);
    });
  try {
    const outputs = session.outputMetadata;
    const own = outputs.find(({ name }) => name === output);
    if (!own?.isTensor) throw noOutput(teacher, from, outputs.map(({ name }) => name));
    const units = own.shape.slice(1).reduce<number>((all, size) => all * Number(size), 1);
    const inputs = session.inputMetadata.map((given) => inputOf(teacher, from, given));
    const versions = [ROCKET_VERSION, onnxRuntimePackages[0]];
    const { isKept, ...found } = await keptOrComputed({
      ...{ folder, units, open: () => openRows(inputs, rows) },
      about: Number.isFinite(units) ? ["onnx", ...versions, identity, units] : undefined,
      async compute(hash) {
        const computed = await compute(teacher, from, rows, { runtime, session, inputs, hash });
        // Otherwise, outputs of another model could be kept as those of this one.
        if (!isDeepStrictEqual(await hashesOf(teacher, onnx), hashes)) {
          throw refusal(
            teacher,
            `${onnx}, or a file with its weights, was changed while it was used`,
          );
        }
        return computed;
      },
    });
    const count = formatCount(found.values.length / found.units);
    report(
      isKept
        ? `teacher: ${about} for the ${which} is in the cache`
        : `teacher: ${about} was computed for ${count} ${which}`,
    );
    return { ...found, label: undefined, identity };
  } finally {
    await session.release();
  }
}

/** Hashes the files of the model. */
async function hashesOf(teacher: PlannedTeacher, onnx: string): Promise<string[]> {
  try {
    return await hashesOfOnnxFiles(onnx);
  } catch (error) {
    throw refusal(teacher, `${onnx} cannot be read: ${inOneLine((error as Error).message)}`);
  }
}

/** Opens the rows with the columns that the model reads. */
const openRows = (inputs: readonly Input[], { open }: TeacherRows) =>
  open(inputs.map(({ column }) => column), (opened) => Promise.resolve(opened));

type Loaded = Awaited<ReturnType<OnnxRuntime["InferenceSession"]["create"]>>;

function inputOf(
  teacher: PlannedTeacher,
  { onnx, inputs }: TeacherOnnx,
  given: Loaded["inputMetadata"][number],
): Input {
  const { name } = given;
  if (!given.isTensor || !inputTypes.some((type) => type === given.type)) {
    throw refusal(
      teacher,
      `the input ${name} of ${onnx} has the type ${given.isTensor ? given.type : "sequence"}; ` +
        `expected ${inputTypes.join(", ")}`,
    );
  }
  const shape = given.shape.slice(1);
  if (!shape.every((size) => typeof size === "number")) {
    throw refusal(
      teacher,
      `the input ${name} of ${onnx} has the shape [${given.shape.join(", ")}]; expected a fixed ` +
        "size for all axes but the first",
    );
  }
  const column = Object.hasOwn(inputs, name) ? inputs[name]! : name;
  return { name, column, type: given.type as Input["type"], shape: shape as number[] };
}

/** Computes the output for all rows. */
async function compute(
  teacher: PlannedTeacher,
  { onnx, output }: TeacherOnnx,
  rows: TeacherRows,
  { runtime, session, inputs, hash }: {
    readonly runtime: OnnxRuntime;
    readonly session: Loaded;
    readonly inputs: readonly Input[];
    readonly hash: RowHash;
  },
): Promise<Computed> {
  const dataset = await openRows(inputs, rows);
  const where = rowsOf(dataset, { name: rows.name });
  const parts: Float32Array[] = [];
  let before = 0, units = 1;
  try {
    const { fields } = dataset.schema as Schema, names = fields.map(({ name }) => name);
    for (const { name, column, type } of inputs) {
      const field = fields.find((field) => field.name === column);
      if (!field) throw noColumn(teacher, name, column, names);
      if (fits(field.type, type)) continue;
      throw new UserError(
        `the column ${column} has the type ${field.type}, but the input ${name} of ${onnx} has the ` +
          `type ${type}`,
        { place: teacher.place("onnx"), hint: fitHint(), exitCode: 2 },
      );
    }
    for await (const { batch } of recordBatches(dataset, rowsStage)) {
      hash.add(batch);
      for (let start = 0; start < batch.numRows; start += evaluationRows) {
        const part = batch.slice(start, start + evaluationRows), count = part.numRows;
        const missing = new Uint8Array(count);
        const feeds: Record<string, OrtTensor> = {};
        for (const input of inputs) {
          const fail = (row: number, what: string): never => {
            throw new UserError(
              `${
                where(before + row)
              }, column ${input.column}: ${what} for the input ${input.name} ` +
                `of ${onnx} (rows count from 0)`,
              { place: teacher.place("onnx"), hint: fitHint() },
            );
          };
          const { type, shape } = input, size = shape.reduce((all, one) => all * one, 1);
          const [column] = part.getChild(input.column)!.data;
          const data = inputValues(column!, { type, size, missing, fail });
          feeds[input.name] = new runtime.Tensor(input.type as "string", data as string[], [
            count,
            ...input.shape,
          ]);
        }
        const result = await session.run(feeds, [output]).catch((error: Error) => {
          throw refusal(
            teacher,
            `ONNX Runtime cannot compute ${onnx}: ${inOneLine(error.message)}`,
          );
        });
        const { data, dims: [rows] } = result[output]!;
        const isNumbers = data instanceof Float32Array || data instanceof Float64Array;
        const isFirst = parts.length === 0;
        if (!isNumbers || rows !== count || (!isFirst && data.length !== count * units)) {
          throw refusal(
            teacher,
            `the output ${output} of ${onnx} does not have the same number of floating point ` +
              `values for each row`,
          );
        }
        units = data.length / count;
        const own = Float32Array.from(data);
        missing.forEach((is, row) => {
          if (is) own.fill(NaN, row * units, (row + 1) * units);
        });
        parts.push(own);
        before += count;
      }
    }
  } finally {
    await dataset.close?.();
  }
  return { values: joined(parts), units };
}

const fitHint = () =>
  hint("teacher/onnx-column", "name a column that fits the input with `inputs` in `teacher`", {
    edit: "the inputs of the teacher",
  });

function noColumn(
  { place }: PlannedTeacher,
  input: string,
  column: string,
  names: readonly string[],
): UserError {
  return new UserError(
    `the data has no column ${JSON.stringify(column)}, which the teacher's input ${input} reads`,
    {
      place: place("onnx"),
      hint: nameHint("teacher/onnx-input", {
        written: column,
        names,
        intro: `name one with \`inputs: { ${input}: COLUMN }\`; the columns are`,
        change: (near) => ({ set: { [`../inputs/${input}`]: near } }),
      }),
      exitCode: 2,
    },
  );
}

function noOutput(
  { place }: PlannedTeacher,
  { onnx, output }: TeacherOnnx,
  names: readonly string[],
): UserError {
  return new UserError(`${onnx} has no output ${JSON.stringify(output)} of numbers`, {
    place: place("output") ?? place("onnx"),
    hint: nameHint("teacher/onnx-output", {
      written: output,
      names,
      intro: "its outputs are",
      change: (near) => ({ set: { "../output": near } }),
    }),
    exitCode: 2,
  });
}

const refusal = ({ place }: PlannedTeacher, message: string) =>
  new UserError(message, {
    place: place("onnx"),
    hint: hint(
      "teacher/onnx",
      "name an ONNX file whose inputs are columns of numbers or text, with the rows as first axis",
      { edit: "the ONNX file of the teacher" },
    ),
    exitCode: 2,
  });
