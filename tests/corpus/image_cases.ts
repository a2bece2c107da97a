import { join } from "node:path";
import { imageFixtures, pngOf } from "../support/images.ts";
import { type CommandCase, inPipeline, ofRows, rows } from "./rows_pipeline.ts";
import { arrowFile, type Column } from "./small_rows.ts";

const { named } = imageFixtures;

/** The images of four rows; the first one is repeated. */
const files = (...all: (Uint8Array | null)[]): Column => [
  "bytes",
  [0, 1, 2, 3].map((row) => row < all.length ? all[row] : all[0]),
];

const rgb = named("png rgb").file, wide = named("png smooth rgb").file;

/** Images that the pipeline does not suit, and names of classes that contradict each other. */
export function* imageCases(): Iterable<CommandCase> {
  const one = (
    name: string,
    words: readonly string[],
    picture: Column,
    options = "",
    mended?: CommandCase["mended"],
    code: 1 | 2 = 1,
  ) =>
    ofRows(`images: ${name}`, code, words, {
      columns: { picture },
      features: `{ picture: { ${options} } }`,
    }, mended);
  const good = {
    files: { "rows.arrow": arrowFile({ ...rows, picture: files(rgb, rgb, rgb, rgb) }) },
  };

  yield one("one of another size", [
    "row 1 of rows.arrow (train split), column picture: has an image of 23 × 17 pixels; expected 7 × 9",
  ], files(rgb, wide, rgb, rgb));
  yield one("one in color after a gray one", ["[9, 7, 3]"], files(named("png gray").file, rgb));
  yield one("transparent pixels", ["alpha: white"], files(rgb, named("png rgba").file));
  yield one("16 bits", ["bits: 8"], files(named("png rgb of 16 bits").file));
  yield one(
    "a shape that is none of an image",
    ["height, width and channels"],
    files(rgb),
    "shape: [189]",
  );
  yield one(
    "null in all rows",
    ["so the size of its images is not known"],
    files(null, null, null, null),
    "nulls: { fill: 0 }",
    undefined,
    2,
  );
  yield one("padding", ["remove `pad`"], files(rgb), "shape: [9, 7, 3], pad: 0", undefined, 2);
  yield one(
    "a damaged one",
    ["row 2 of rows.arrow", "the file ends too early"],
    files(rgb, rgb, rgb.slice(0, 99)),
    "",
    { "image/damaged": good },
  );
  yield one("another format", ["a GIF image"], files(new TextEncoder().encode("GIF89a")), "", {
    "image/format": good,
  });
  yield one(
    "too many pixels",
    ["60000 × 60000 pixels"],
    files(pngOf([60_000, 60_000], 0, 8, new Uint8Array(9))),
    "",
    { "image/pixels": good },
  );
  const large = pngOf([4_000, 4_000], 0, 8, new Uint8Array(4_001 * 4_000));
  const many: Column = ["bytes", Array.from({ length: 200_000 }, (_, row) => row ? null : large)];
  yield ofRows(
    "images: a large one among many nulls",
    1,
    [
      "rows.arrow",
      "column picture: the values of 200,000 rows of a record batch do not fit in memory",
    ],
    {
      files: {
        "rows.arrow": arrowFile({
          picture: many,
          y: ["int", Array.from({ length: 200_000 }, (_, row) => row & 1)],
        }),
      },
      features: "{ picture: { nulls: drop } }",
    },
    { "column/memory": good },
  );
  const raw = files(...[1, 2, 3, 4].map((byte) => new Uint8Array(4).fill(byte)));
  yield one("raw pixels without a shape", ["write their shape"], raw, "", {
    "image/raw-shape": inPipeline("picture: {  }", "picture: { shape: [2, 2, 1] }"),
  });
  yield one("raw pixels of another shape", ["4 bytes that are neither"], raw, "shape: [3, 3, 1]", {
    "image/raw-size": inPipeline("[3, 3, 1]", "[2, 2, 1]"),
  });
  yield one(
    "a path without bytes",
    ['has the path "cat.png"'],
    [
      "image",
      ["a.png", "cat.png", "b.png", "c.png"].map((path) => ({
        bytes: path === "cat.png" ? null : rgb,
        path,
      })),
    ],
    "",
    { "image/path": good },
  );
  yield ofRows("images: options of images for numbers", 2, ["remove `image`"], {
    features: "{ n: { image: { alpha: drop } } }",
  });
  yield ofRows("images: a weight of images", 2, ["can only be a feature"], {
    columns: { picture: files(rgb) },
    features: "{ n: }",
    data: "weight: picture",
  }, { "image/use": inPipeline("weight: picture", "weight: n") });

  const photos = (
    name: string,
    words: readonly string[],
    paths: readonly string[],
    hintId: string,
    path = "photos",
  ) =>
    ofRows(`images: ${name}`, 1, words, {
      source: `{ use: images, path: ${path} }`,
      features: "{ image: }",
      label: "{ column: label, kind: binary }",
      files: Object.fromEntries(
        [...paths, "good/a/1.png", "good/b/2.png"].map((file) => [file, rgb]),
      ),
    }, { [hintId]: inPipeline(`path: ${path}`, "path: good") });
  yield photos("no folder", ["there is no folder photos"], [], "images/no-folder");
  yield photos(
    "a file as the folder",
    ["is a file; expected a folder"],
    ["photos.txt"],
    "images/folder",
    "photos.txt",
  );
  yield photos(
    "no images",
    ["photos has no PNG or JPEG images"],
    ["photos/a/1.txt"],
    "images/none",
  );
  yield photos("images and classes", ["both images (1.png) and subfolders"], [
    "photos/1.png",
    "photos/a/1.png",
  ], "images/mixed");
  yield photos("a class without images", ["photos/b has no PNG or JPEG images"], [
    "photos/a/1.png",
    "photos/b/1.txt",
  ], "images/empty-class");
  yield photos("another format in the folder", ["photos/a/2.gif is not a PNG or JPEG image"], [
    "photos/a/1.png",
    "photos/a/2.gif",
  ], "images/other-format");
  yield {
    ...photos("a link to a folder", ["photos/link is a link to a folder"], [
      "photos/a/1.png",
      "photos/b/1.png",
    ], "images/link"),
    before: async (_run, folder) => {
      await Deno.symlink("a", join(folder, "photos", "link"));
      return undefined;
    },
  };

  const classes = (...names: string[]) => {
    const features = { y: { _type: "ClassLabel", names } };
    return arrowFile(rows, { huggingface: JSON.stringify({ info: { features } }) });
  };
  yield ofRows("classes: other names in the test split", 2, ["cat, dog in this split"], {
    features: "{ n: }",
    test: {},
    label: "y",
    losses: "[{ use: cross-entropy, on: light }]",
    files: { "rows.arrow": classes("dog", "cat"), "test.arrow": classes("cat", "dog") },
  }, { "classes/splits": { files: { "test.arrow": classes("dog", "cat") } } });
  yield ofRows("classes: other names in another file", 1, ["dog, cat in a.arrow, cat, dog in b"], {
    features: "{ n: }",
    source: "{ use: arrow, path: [a.arrow, b.arrow] }",
    label: "y",
    losses: "[{ use: cross-entropy, on: light }]",
    files: { "a.arrow": classes("dog", "cat"), "b.arrow": classes("cat", "dog") },
  }, { "classes/files": { files: { "b.arrow": classes("dog", "cat") } } });
}
