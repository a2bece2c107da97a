/**
 * The program that times how Rocket decodes images: a step decodes a picture many times, as a column
 * of a record batch, with one thread.
 *
 * @module
 */

import { Binary, Field, makeData } from "apache-arrow";
import { parseArgs } from "@std/cli/parse-args";
import { ColumnReader } from "../src/input/columns.ts";
import { loadJpegDecoder } from "../src/input/images/jpeg.ts";
import { serve } from "./worker.ts";

const options = parseArgs(Deno.args, {
  string: ["file", "images"],
  default: { file: "32.jpg", images: "1000" },
});
const images = Number(options.images);
const bytes = Deno.readFileSync(new URL(`images/${options.file}`, import.meta.url));

const data = new Uint8Array(images * bytes.length);
for (let image = 0; image < images; image++) data.set(bytes, image * bytes.length);
const valueOffsets = Int32Array.from({ length: images + 1 }, (_, row) => row * bytes.length);
const column = makeData({
  type: new Binary(),
  length: images,
  nullCount: 0,
  valueOffsets,
  data,
});

await loadJpegDecoder();
const reader = new ColumnReader(new Field("image", new Binary()), {
  column: "image",
  options: { nulls: "error" },
  place: () => undefined,
});
await serve(() => {
  const { values } = reader.read(column);
  if (values.length % images !== 0 || values.length === 0) {
    throw new Error("expected images of one size");
  }
});
