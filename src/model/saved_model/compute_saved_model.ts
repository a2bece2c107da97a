import { runSavedModel } from "../../engine/saved_model.ts";
import type { InputArray } from "../runners.ts";
import type { SavedModelBuilder } from "./builder.ts";
import { DType, type TensorMessage } from "./messages.ts";
import { writeSavedModel } from "./write_saved_model.ts";

/** The TensorFlow types by the names that ONNX Runtime uses. */
const types: Readonly<Record<string, DType>> = {
  ...DType,
  float32: DType.float,
  float64: DType.double,
};

/**
 * Computes the logits of a SavedModel with the native engine. The engine accepts texts and int64
 * only as constants of a graph, so the rows are stored as default values of the inputs.
 *
 * @param builder The builder of the SavedModel.
 * @param rows The number of rows.
 * @param inputs The values of the inputs.
 */
export async function computeSavedModel(
  builder: SavedModelBuilder,
  rows: number,
  inputs: readonly InputArray[],
): Promise<Float32Array> {
  const given = inputs.map(({ name, type, data, shape }): [string, TensorMessage] => {
    const array = data as readonly string[] | Float32Array;
    const values = array instanceof Array
      ? array
      : new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    return [name, { type: types[type]!, shape: [rows, ...shape], data: values }];
  });
  const folder = await Deno.makeTempDir({ prefix: "rocket-export-" });
  try {
    await writeSavedModel(folder, builder.finish(Object.fromEntries(given)));
    return runSavedModel(folder, "logits");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
