import type { Field } from "apache-arrow";
import { layoutOf } from "../layout.ts";
import { loadJpegDecoder } from "./jpeg.ts";

/**
 * Loads the decoders that columns need. Columns are decoded without waiting, so this must be awaited
 * before the first record batch.
 *
 * @param fields The columns to read.
 */
export async function loadDecoders(fields: readonly Field[]): Promise<void> {
  if (fields.some(({ type }) => layoutOf(type)?.family === "images")) await loadJpegDecoder();
}
