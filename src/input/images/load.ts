import type { Field } from "apache-arrow";
import { layoutOf } from "../layout.ts";
import { loadJpegDecoder } from "./jpeg.ts";

/**
 * Loads the image decoders that columns need. The functions that decode columns are synchronous and
 * cannot load a decoder, so await this function before the first record batch is decoded.
 *
 * @param fields The columns to read.
 */
export async function loadDecoders(fields: readonly Field[]): Promise<void> {
  if (fields.some(({ type }) => layoutOf(type)?.family === "images")) await loadJpegDecoder();
}
