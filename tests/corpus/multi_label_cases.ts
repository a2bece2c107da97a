import { type CommandCase, inPipeline, ofRows, type Rows, rows } from "./rows_pipeline.ts";
import { arrowFile, type Column } from "./small_rows.ts";

const names: Column = ["textLists", [["x"], ["x", "z"], [], ["y"]]];
const indicators: Column = ["intLists", [[0, 1], [1, 1], [0, 0], [1, 0]]];

/** Rows with a label of kind `multi-label`, or with options of it. */
const tagged = (tags: Column, options = "", own: Partial<Rows> = {}): Rows => ({
  columns: { tags },
  features: "{ n: }",
  label: `{ column: tags, kind: multi-label${options} }`,
  ...own,
});

/** The label of the other cases is right. */
const otherColumn = inPipeline("column: tags", "column: list");

/** Labels of kind `multi-label` that are not what the pipeline says of them. */
export function* multiLabelCases(): Iterable<CommandCase> {
  yield ofRows("a list as a label without a kind", 2, ["`label: { column: tags, kind: multi"], {
    ...tagged(names),
    label: "{ column: tags }",
  });
  yield ofRows("a list of times as a label", 2, ["cannot be a label", "use a column with one"], {
    ...tagged(names),
    label: "{ column: pictures }",
    columns: { pictures: ["bytes", [0, 1, 2, 3].map((n) => new Uint8Array([n]))] },
  }, { "label/type": inPipeline("column: pictures", "column: y, kind: binary") });
  yield ofRows(
    "a multi-label label of texts",
    2,
    ["needs a list in each row", '`columns: { word: { separator: "|", type: string } }`'],
    tagged(names, "", { label: "{ column: word, kind: multi-label }" }),
    { "multi-label/separator": inPipeline("column: word", "column: tags") },
  );
  yield ofRows(
    "a multi-label label of numbers",
    2,
    ["needs a list in each row", "name these columns in `labels`"],
    tagged(names, "", { label: "{ column: a, kind: multi-label }" }),
    { "multi-label/type": inPipeline("column: a", "column: tags") },
  );
  yield ofRows(
    "a null in a multi-label label",
    1,
    ["row 1 of", "column tags: is null", "`nulls: { fill: [] }`"],
    tagged(["textLists", [["x"], null, [], ["y"]]]),
  );
  yield ofRows(
    "a null in a list of a multi-label label",
    1,
    ["row 3 of", "has a null in its list; 1 of 4 rows has"],
    tagged(["intLists", [[0, 1], [1, 1], [0, 0], [1, null]]]),
  );
  yield ofRows(
    "nulls of a multi-label label that become text",
    2,
    ['the fill value "none" for nulls is not a list', "write `nulls: { fill: [] }`"],
    tagged(names, ", nulls: { fill: none }"),
  );
  yield ofRows(
    "a class that a multi-label label does not list",
    1,
    ["row 1 of", 'the label "z" is not a class; expected one of x, y', "add the value to the list"],
    tagged(names, ", classes: [x, y]"),
  );
  yield ofRows(
    "a multi-label label with another number of names",
    2,
    ["has 3 classes in the training rows; expected 5", "list the names of all classes"],
    tagged(names, ", classes: 5"),
    { "multi-label/count": inPipeline("classes: 5", "classes: [x, y, z]") },
  );
  yield ofRows(
    "a multi-label label of one class",
    2,
    ["has fewer than two classes", "kind: multi-label, classes: [x, other]"],
    tagged(["textLists", [["x"], ["x"], [], []]]),
  );
  yield ofRows(
    "a multi-label label with too many classes",
    2,
    ["more than 65536 different values", "list the classes in `classes`"],
    tagged([
      "textLists",
      [Array.from({ length: 65_537 }, (_, id) => `c${id}`), ["x"], ["x"], ["x"]],
    ]),
    { "multi-label/many": otherColumn },
  );
  yield ofRows(
    "a multi-label label with numbers of classes",
    1,
    ["row 2 of", "has 7; expected 0 or 1", "list_transform(tags"],
    tagged(["intLists", [[0, 1], [1, 1], [0, 7], [1, 0]]]),
    { "multi-label/numbers": otherColumn },
  );
  yield ofRows(
    "a multi-label label with lists of several lengths",
    1,
    ["row 2 of", "has 3 values; expected 2, one 0 or 1", "give each row a list"],
    tagged(["intLists", [[0, 1], [1, 1], [0, 1, 1], [1, 0]]]),
    { "multi-label/lengths": otherColumn },
  );
  yield ofRows(
    "a multi-label label with other lists than classes",
    1,
    ["row 0 of", "has 2 values; expected 3", "or list 2 classes"],
    tagged(indicators, ", classes: [x, y, z]"),
    { "multi-label/classes": inPipeline("[x, y, z]", "[x, y]") },
  );
  yield ofRows(
    "a multi-label label with one value in each list",
    2,
    ["row 0 of", "has one value", "with `kind: binary`"],
    tagged(["intLists", [[0], [1], [0], [1]]]),
    { "multi-label/one-class": inPipeline("tags, kind: multi-label", "y, kind: binary") },
  );
  yield ofRows(
    "a multi-label label with names in one split, and numbers in the other",
    2,
    ["holds whole numbers in this split", "strings in the training split"],
    tagged(names, "", { test: { tags: indicators } }),
    {
      "multi-label/one-schema": {
        files: { "test.arrow": arrowFile({ ...rows, tags: names }) },
      },
    },
  );
  yield ofRows(
    "a loss of classes for a multi-label label",
    2,
    ["the loss cross-entropy does not support a label of kind multi-label", "use binary-cross-en"],
    tagged(names, "", { losses: "[{ use: cross-entropy, on: light }]" }),
  );
  yield ofRows(
    "a hint of classes for a multi-label label",
    2,
    ["the loss dist does not support", "use mse-hint, kl"],
    tagged(names, "", {
      losses: "[{ use: binary-cross-entropy, on: light }, { use: dist }]",
    }),
  );
  yield ofRows(
    "a metric of classes for a multi-label label",
    2,
    ["the metric calibration does not support", "use auc, pr-auc"],
    tagged(names, "", { metrics: "[calibration]" }),
  );
  yield ofRows("an average of a binary label", 2, ["remove `average`"], {
    features: "{ n: }",
    metrics: "[{ use: auc, average: micro }]",
  });
  yield ofRows(
    "weights of classes that a row may have together",
    2,
    ["`classWeights` weighs each row by its class", "remove `classWeights`"],
    tagged(names, "", {
      losses: "[{ use: binary-cross-entropy, on: light, classWeights: [1, 2, 3] }]",
    }),
  );
  yield ofRows(
    "sampling of a multi-label label",
    2,
    ["but a row has several classes"],
    tagged(names, "", { data: "sampling: { keep: { x: 0.5 } }" }),
  );
}
