import { type Data, DataType, Field, FixedSizeList, makeData, Uint8 } from "apache-arrow";
import type { ImageOptions } from "../../pipeline/data_options.ts";
import { hint, type HintText } from "../../base/hints.ts";
import { isNull, valueReader } from "../layout.ts";
import { type Channels, isColored, isTransparent, upright, withChannels } from "./convert.ts";
import { decodeImage, type OpenedImage, openImage, uprightSize } from "./decode.ts";
import { DamagedImage, maxPixels, UnsupportedImage } from "./picture.ts";
import { resized } from "./resize.ts";

/** How a column of images is read: the expected shape, and how images are converted to it. */
export interface ImageRequest {
  /** The shape of the feature in the pipeline file. */
  readonly shape: readonly number[] | undefined;
  /** The shape of the training rows, if other rows are read. */
  readonly known: readonly number[] | undefined;
  /** How images are converted. */
  readonly options: ImageOptions;
  /** Rejects a row. */
  readonly fail: (row: number, message: string, hint: HintText) => never;
}

/** A shape as height, width, and channels. */
interface Target {
  readonly height: number;
  readonly width: number;
  readonly channels: Channels;
}

/**
 * Reads a column of bytes as pixels: PNG and JPEG images, alone or in a struct with their path as
 * Hugging Face writes them, or raw pixels. The first value decides whether the column contains
 * images or raw pixels. For rows to predict on, the first value of each record batch decides this
 * again. If the pipeline file contains no shape, the shape is that of the first image in the
 * training rows.
 */
export class ImageReader {
  readonly #request: ImageRequest;
  #shape: readonly number[] | undefined;
  #hasImages: boolean | undefined;

  /** Creates a reader of a column. */
  constructor(request: ImageRequest) {
    this.#request = request;
    this.#shape = request.known ?? request.shape;
  }

  /** The shape of a row; undefined until the first image was read. */
  get shape(): readonly number[] | undefined {
    return this.#shape;
  }

  /**
   * Decodes a column.
   *
   * @param data The column in one record batch.
   * @returns The pixels, as lists of the same length; their length is 0 while the shape is unknown.
   */
  read(data: Data): Data {
    const { length } = data, { bytes, path } = imageParts(data);
    // A model answers requests with images and with raw pixels, one after the other.
    if (this.#request.known) this.#hasImages = undefined;
    const read = valueReader(bytes), nameOf = path && valueReader(path);
    const isMissing = (row: number) => isNull(data, row) || data !== bytes && isNull(bytes, row);
    let pixels = new Uint8Array(), size = 0, nulls = 0;
    const valid = new Uint8Array(length + 7 >> 3);
    for (let row = 0; row < length; row++) {
      const name = nameOf && !isNull(data, row) && !isNull(path, row)
        ? decoder.decode(nameOf(row))
        : undefined;
      if (isMissing(row)) {
        if (name !== undefined) this.#failWithoutBytes(row, name);
        nulls++;
        continue;
      }
      valid[row >> 3]! |= 1 << (row & 7);
      const value = this.#valueOf(read(row), row, name);
      if (size === 0) {
        size = value.length;
        pixels = new Uint8Array(length * size);
      }
      pixels.set(value, row * size);
    }
    size ||= (this.#shape ?? [0]).reduce((product, axis) => product * axis, 1);
    if (pixels.length === 0) pixels = new Uint8Array(length * size);
    const child = makeData({
      type: new Uint8(),
      length: pixels.length,
      nullCount: 0,
      data: pixels,
    });
    const type = new FixedSizeList(size, new Field("item", child.type));
    return makeData({ type, length, nullCount: nulls, nullBitmap: valid, child });
  }

  #valueOf(bytes: Uint8Array, row: number, name: string | undefined): Uint8Array {
    const whose = name === undefined ? "has" : `(${name}) has`;
    const fail = (message: string, hint: HintText) =>
      this.#request.fail(row, `${whose} ${message}`, hint);
    if (this.#hasImages === false) return this.#raw(bytes, fail);
    try {
      const image = openImage(bytes);
      this.#hasImages ??= image !== undefined;
      if (image) return this.#decoded(image, fail);
    } catch (error) {
      if (error instanceof DamagedImage) {
        return fail(`a damaged image: ${error.message}`, damagedHint());
      }
      if (error instanceof UnsupportedImage) {
        return fail(`${error.message}; expected a PNG or JPEG image`, formatHint());
      }
      throw error;
    }
    if (!this.#hasImages) return this.#raw(bytes, fail);
    return fail(`${bytes.length} bytes that are neither a PNG nor a JPEG image`, damagedHint());
  }

  #raw(bytes: Uint8Array, fail: Fail): Uint8Array {
    const shape = this.#shape;
    if (!shape) {
      return fail(
        `${bytes.length} bytes that are neither a PNG nor a JPEG image, and the feature has no shape for raw pixels`,
        hint("image/raw-shape", "for raw pixels, write their shape, such as `shape: [28, 28, 1]`", {
          edit: "the feature's shape",
        }),
      );
    }
    const size = shape.reduce((product, axis) => product * axis, 1);
    if (bytes.length === size) return bytes;
    return fail(
      `${bytes.length} bytes that are neither a PNG nor a JPEG image; raw pixels of the shape [${
        shape.join(", ")
      }] have ${size} bytes`,
      hint("image/raw-size", "correct the shape, or the rows whose values have another length", {
        edit: "the feature's shape, or the data file",
      }),
    );
  }

  #decoded(image: OpenedImage, fail: Fail): Uint8Array {
    const { options, shape: given } = this.#request;
    const { orientation: how = "apply" } = options;
    const orientation = how === "apply" ? image.orientation : 1;
    const { width, height } = uprightSize({ ...image, orientation });
    const size = `${width} × ${height} pixels`;
    const target = this.#target(fail);
    if (target && !options.resize && (width !== target.width || height !== target.height)) {
      return fail(
        `an image of ${size}; expected ${target.width} × ${target.height}, ${
          given ? "the feature's shape" : "as in the first training row"
        }`,
        resizeHint(target),
      );
    }
    if (width * height > maxPixels) {
      return fail(
        `an image of ${size}, more than ${maxPixels.toLocaleString("en")}`,
        pixelsHint(),
      );
    }
    if (image.bits === 16 && options.bits === undefined) {
      return fail(
        "a PNG image with 16 bits per value; images are read as 8 bits, 0 to 255",
        hint("image/bits", "to round the values to 8 bits, write `image: { bits: 8 }`", {
          set: { "image/bits": 8 },
        }),
      );
    }
    let picture = upright(decodeImage(image), orientation);
    const transparent = isTransparent(picture);
    const channels: Channels = target?.channels ??
      (transparent ? 4 : picture.channels < 3 ? 1 : 3);
    this.#shape ??= [height, width, channels];
    const { height: rows, width: columns } = target ?? { height, width };
    if (transparent && channels !== 4 && !options.alpha) {
      return fail(
        `an image with transparent pixels, but the shape [${
          this.#shape.join(", ")
        }] has no place for alpha`,
        hint(
          "image/alpha",
          `write \`image: { alpha: white }\` or \`alpha: black\` for a background, \`alpha: drop\` to ignore alpha, or \`shape: [${rows}, ${columns}, 4]\` to keep it`,
          [
            ...["white", "black", "drop"].map((alpha) => ({ set: { "image/alpha": alpha } })),
            { set: { shape: [rows, columns, 4] } },
          ],
        ),
      );
    }
    if (channels === 1 && !given && isColored(picture)) {
      return fail(
        "a color image, but the first image of the training rows is gray",
        hint(
          "image/colors",
          `write \`shape: [${rows}, ${columns}, 3]\` to read all images in color, or \`shape: [${rows}, ${columns}, 1]\` in gray`,
          [{ set: { shape: [rows, columns, 3] } }, { set: { shape: [rows, columns, 1] } }],
        ),
      );
    }
    picture = withChannels(picture, channels, options.alpha);
    return resized(picture, columns, rows, options.resize ?? "stretch").pixels;
  }

  /** Returns the size and channels that images are converted to; undefined before the first one. */
  #target(fail: Fail): Target | undefined {
    if (!this.#shape) return undefined;
    const [height, width, channels = 1, ...more] = this.#shape;
    const isImage = width !== undefined && more.length === 0 &&
      (channels === 1 || channels === 3 || channels === 4);
    if (isImage) return { height: height!, width, channels };
    return fail(
      `an image, but the shape [${this.#shape.join(", ")}] is not that of an image`,
      hint(
        "image/shape",
        "write the shape as height, width and channels (1 for gray, 3 for colors, 4 with alpha), such as `shape: [32, 32, 3]`, or remove it",
        { remove: ["shape"] },
      ),
    );
  }

  #failWithoutBytes(row: number, name: string): never {
    return this.#request.fail(
      row,
      `has the path ${JSON.stringify(name)} but no bytes of an image`,
      hint(
        "image/path",
        "store the bytes of the images in the file, not only their paths",
        { edit: "the data file" },
      ),
    );
  }
}

type Fail = (message: string, hint: HintText) => never;

const decoder = new TextDecoder();

/**
 * Returns the columns of bytes and of paths of a column of images.
 *
 * @param data The column.
 */
export function imageParts(data: Data): { readonly bytes: Data; readonly path: Data | undefined } {
  if (!DataType.isStruct(data.type)) return { bytes: data, path: undefined };
  const child = (name: string) => {
    const index = data.type.children.findIndex((field: Field) => field.name === name);
    return index < 0 ? undefined : data.children[index];
  };
  return { bytes: child("bytes")!, path: child("path") };
}

const damagedHint = () =>
  hint("image/damaged", "replace the image, or remove the row", { edit: "the data file" });

const pixelsHint = () =>
  hint("image/pixels", "store a smaller version of the image", { edit: "the data file" });

const formatHint = () =>
  hint("image/format", "convert the image to a PNG or JPEG file in gray or RGB", {
    edit: "the data file",
  });

function resizeHint({ height, width, channels }: Target): HintText {
  const shape = [height, width, channels];
  return hint(
    "image/resize",
    `write \`shape: [${
      shape.join(", ")
    }]\` and \`image: { resize: stretch }\`, or \`resize: crop\` to keep the proportions`,
    [
      { set: { shape, "image/resize": "stretch" } },
      { set: { shape, "image/resize": "crop" } },
    ],
  );
}
