import type { Mend } from "./changed_input.ts";
import { type CommandCase, inPipeline, ofRows, rows } from "./rows_pipeline.ts";
import { multiLabelCases } from "./multi_label_cases.ts";
import { arrowFile, type Column, renamed } from "./small_rows.ts";

const lists: Column = ["intLists", [[0, 1], [1], [2, 0, 1], []]];
const numbers: Column = ["floatLists", [[0, 1], [1], [2, 0, 1], []]];

/** A hint from the column `t`, with more options of the teacher and of the loss. */
const taught = (teacher = "", loss = "use: kl") =>
  `[{ use: binary-cross-entropy, on: light }, { ${loss}, teacher: { column: t${teacher} } }]`;

/** Columns with a teacher's output that are not what the pipeline says of them. */
function* teacherCases(): Iterable<CommandCase> {
  const probabilities: Column = ["float", [0.1, 0.9, 0.2, 0.8]];
  const of = (t: Column) => ({ features: "{ n: }", columns: { t } });
  yield ofRows("a teacher's column that does not exist", 2, ['no column "t"', "its columns are"], {
    features: "{ n: }",
    losses: taught(),
  });
  yield ofRows("a teacher that says text", 2, ["cannot be a teacher's output"], {
    ...of(["text", ["x", "y", "x", "y"]]),
    losses: taught(),
  }, { "teacher/type": inPipeline("column: t", "column: a, of: logits") });
  yield ofRows("a teacher's probability of 3", 1, ["has 3; expected prob", "write `of: logits`"], {
    ...of(["float", [0, 1, 3, 1]]),
    losses: taught(),
  });
  yield ofRows("a teacher without an output", 1, ["row 2 of", "is missing", "`missing: skip`"], {
    ...of(["float", [0, 1, null, 1]]),
    losses: taught(),
  });
  yield ofRows(
    "a teacher of two classes for one logit",
    2,
    ["of the shape [2]", "one number per"],
    {
      ...of(["ints", [[0, 1], [0, 1], [0, 1], [1, 0]]]),
      losses: taught(),
    },
    { "teacher/units": inPipeline("column: t", "column: a, of: logits") },
  );
  yield ofRows("a teacher's lists of several lengths", 1, ["give each row a list"], {
    ...of(["floatLists", [[1], [1], [0, 1], [1]]]),
    losses: taught(),
  }, { "teacher/lengths": inPipeline("column: t", "column: a, of: logits") });
  yield ofRows("a teacher's probabilities of a number", 2, ["has no probabilities"], {
    ...of(probabilities),
    label: "{ column: y, kind: number }",
    losses: "[{ use: mse-hint, teacher: { column: t, of: probabilities } }]",
  });
  yield ofRows("a hint of a whole batch that skips rows", 2, ["cannot skip single rows"], {
    ...of(probabilities),
    losses: taught(", missing: skip", "use: dist, beta: 0"),
  });
  yield ofRows("a column that is to learn", 2, ["is outside the run", "remove `gradient`"], {
    ...of(probabilities),
    losses: taught("", "use: kl, gradient: mutual"),
  });
}

/** A hint from an ONNX model, whose inputs are `a`, `b`, and `word`. */
const onnxCase = (name: string, code: 1 | 2, teacher: string, words: string[], mended?: Mend) => {
  const id = name.includes("read") ? "teacher/onnx" : "teacher/onnx-column";
  return ofRows(name, code, words, {
    features: "{ n: }",
    losses: `[{ use: kl, teacher: { ${teacher} } }]`,
    files: {
      "teacher.onnx": Deno.readFileSync(new URL("../reference/teacher.onnx", import.meta.url)),
    },
  }, mended && { [id]: mended });
};

/** ONNX models that cannot teach. */
function* onnxCases(): Iterable<CommandCase> {
  yield onnxCase(
    "a teacher's ONNX file that cannot be read",
    2,
    "onnx: none.onnx",
    ["none.onnx cannot be read"],
    inPipeline("none.onnx", "teacher.onnx"),
  );
  yield onnxCase(
    "an output that the teacher's ONNX model does not have",
    2,
    "onnx: teacher.onnx, output: logit",
    ['no output "logit"', "did you mean logits?"],
  );
  yield onnxCase(
    "an input of the teacher's ONNX model without a column",
    2,
    "onnx: teacher.onnx, inputs: { b: bb }",
    ['no column "bb", which the teacher\'s input b reads', "did you mean b?"],
  );
  yield onnxCase(
    "an input of the teacher's ONNX model with other values",
    2,
    "onnx: teacher.onnx, inputs: { word: n }",
    ["the column n has the type", "but the input word of", "has the type string"],
    inPipeline("{ word: n }", "{}"),
  );
}

/** Keys that do not join the outputs of a teacher with the training rows. */
function* keyCases(): Iterable<CommandCase> {
  const keyed = (
    name: string,
    code: 1 | 2,
    teacher: string,
    words: string[],
    mended?: CommandCase["mended"],
  ) =>
    ofRows(`a key of a teacher ${name}`, code, words, {
      features: "{ n: }",
      losses: `[{ use: kl, teacher: { onnx: teacher.onnx, ${teacher} } }]`,
      files: {
        "teacher.onnx": Deno.readFileSync(new URL("../reference/teacher.onnx", import.meta.url)),
        "other.arrow": arrowFile({ ...rows, a: ["int", [3, 2, 1, 7]] }),
        "keys.arrow": arrowFile({
          ...rows,
          ...{ a: ["text", ["p", "q", "r", "s"]], i: ["int", [0, 1, 2, 3]] },
        }),
      },
    }, mended);
  const other = (file: string) => `rows: { use: arrow, path: ${file} }`;
  yield keyed(
    "that it has no row for",
    1,
    `key: a, ${other("other.arrow")}`,
    ["row 0 of", "column a: the teacher has no output for the key 0", "`missing: skip`"],
  );
  yield keyed(
    "that two of its rows have",
    1,
    "key: word",
    ["row 2 of", 'column word: has the key "x", as row 0 has'],
    { "teacher/key-twice": inPipeline("key: word", "key: a") },
  );
  yield keyed(
    "that does not exist",
    2,
    "key: aa",
    ['no column "aa", which is the key', "did you mean a?"],
  );
  yield keyed("of fractions", 2, "key: n", ["has the type Float32, which cannot be a key"], {
    "teacher/key-type": inPipeline("key: n", "key: a"),
  });
  yield keyed(
    "of texts where the training rows have numbers",
    2,
    `key: a, inputs: { a: i }, ${other("keys.arrow")}`,
    ["consists of whole numbers in the training rows, and of texts"],
    {
      "teacher/key-types": inPipeline(
        "inputs: { a: i }, rows: { use: arrow, path: keys.arrow }",
        "inputs: {}",
      ),
    },
  );
  yield keyed("that rows of its own lack", 2, other("other.arrow"), ["`rows` requires `key`"]);
}

/** Columns that are not what the pipeline says of them. */
export function* columnCases(): Iterable<CommandCase> {
  yield* teacherCases();
  yield* onnxCases();
  yield* keyCases();
  yield* multiLabelCases();
  yield ofRows("a column of structs", 2, ["has the type Struct"], {
    columns: { raw: ["struct", [1, 2, 3, 4].map((n) => ({ n }))] },
    features: "{ raw: }",
  }, { "column/type": inPipeline("{ raw: }", "{ n: }") });
  yield ofRows("ids beyond int32", 1, ["which is not an int32 number", "ids: train"], {
    columns: { a: ["uint", [0, 1, 3e9, 2]] },
    features: "{ a: { dtype: int32 } }",
  });
  yield ofRows("an id beyond its count", 1, ["write `count: 4` or more"], {
    features: "{ a: { ids: { count: 3 } } }",
  });
  yield ofRows("an id beyond the count of another feature", 1, ["at the feature b"], {
    features: "{ b: { ids: { count: 3 } }, a: { ids: { of: b } } }",
  });
  yield ofRows("an id below 0", 1, ["map the values to ids"], {
    columns: { a: ["int", [0, 1, -1, 2]] },
    features: "{ a: { ids: { count: 3 } } }",
  });
  yield ofRows("the mean of ids", 2, ["write `nulls: drop`"], {
    features: "{ a: { ids: { count: 4 }, nulls: mean } }",
  });
  yield ofRows("the mean of int32", 2, ["remove `dtype: int32`"], {
    features: "{ a: { dtype: int32, nulls: mean } }",
  });
  yield ofRows("the mean of padded lists", 2, ["for whose positions no mean"], {
    columns: { list: numbers },
    features: "{ list: { shape: [2], pad: 0, nulls: mean } }",
  });
  yield ofRows("nulls that become no id", 2, ["write a number from 0 to 3"], {
    features: "{ a: { ids: { count: 4 }, nulls: { fill: 9 } } }",
  });
  yield ofRows("nulls of text that become a number", 2, ["write a string"], {
    features: "{ word: { nulls: { fill: 0 } } }",
  });
  yield ofRows("nulls of numbers that become text", 2, ["write a number"], {
    features: "{ n: { nulls: { fill: none } } }",
  });
  yield ofRows("nulls of int32 that become a fraction", 2, ["write a whole number"], {
    features: "{ a: { dtype: int32, nulls: { fill: 0.5 } } }",
  });
  yield ofRows("padding of int32 with a fraction", 2, ["write a whole number"], {
    columns: { list: lists },
    features: "{ list: { dtype: int32, shape: [2], pad: 0.5 } }",
  });
  yield ofRows("lists of several lengths", 1, ["write `pad: 0` and `shape: [2]`"], {
    columns: { list: numbers },
    features: "{ list: }",
  });
  yield ofRows("lists that are null in all rows", 2, ["null in all rows", "`shape`"], {
    columns: { list: ["floatLists", [null, null, null, null]] },
    features: "{ list: { nulls: { fill: 0 } } }",
  });
  yield ofRows("lists of ids of several lengths", 1, ["`length: 2`"], {
    columns: { list: lists },
    features: "{ list: { ids: { count: 3 } } }",
    network: "{ use: ctr, light: { hidden: [4] }, booster: { hidden: [8] } }",
  });
  yield ofRows("lists of another length in the test split", 1, ["with the same schema"], {
    test: { list: ["three", [[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 1, 1]]] },
    features: "{ list: }",
  }, { "column/one-shape": { files: { "test.arrow": arrowFile(rows) } } });
  yield ofRows("ids of floats", 2, ["remove `ids`"], { features: "{ n: { ids: train } }" });
  yield ofRows("a length without ids", 2, ["write `ids: train`; for lists of numbers"], {
    columns: { list: lists },
    features: "{ list: { length: 2 } }",
  });
  yield ofRows("a length of single ids", 2, ["remove `length`"], {
    features: "{ a: { ids: { count: 4 }, length: 2 } }",
  });
  yield ofRows("padding of single numbers", 2, ["remove `pad`"], {
    features: "{ n: { pad: 0 } }",
  });
  yield ofRows("padding to no shape", 2, ["such as shape: [20]"], {
    columns: { list: numbers },
    features: "{ list: { pad: 0 } }",
  });
  yield ofRows("text where the training split has numbers", 2, ["with the same schema"], {
    test: { n: ["text", ["0", "1", "2", "3"]] },
    features: "{ n: }",
  }, { "column/one-schema": { files: { "test.arrow": arrowFile(rows) } } });
  yield ofRows("a null in one of several labels", 1, ["`z: { column: z, nulls: mask }`"], {
    columns: { z: ["int", [0, null, 1, 0]] },
    features: "{ n: }",
    labels: "{ y: { column: y, kind: binary }, z: { column: z, kind: binary } }",
    losses: "[{ use: binary-cross-entropy, on: light, label: z }]",
  });
  yield ofRows("pairs of rows without one of several labels", 2, ["write `nulls: drop`"], {
    columns: { z: ["int", [0, null, 1, 0]] },
    features: "{ n: }",
    labels: "{ y: { column: y, kind: binary }, z: { column: z, kind: binary, nulls: mask } }",
    losses: "[{ use: ranknet, on: light, label: z, by: a }]",
  });
  yield ofRows("a null in text", 1, ['nulls: { fill: "none" }'], {
    columns: { word: ["text", ["x", null, "x", "z"]] },
    features: "{ word: }",
    transforms: "[one-hot]",
  });
  yield ofRows("a null in int32", 1, ["`nulls: { fill: 0 }`"], {
    columns: { a: ["int", [0, null, 1, 2]] },
    features: "{ a: { dtype: int32 } }",
    transforms: "[{ use: one-hot, count: 4 }]",
  });
  yield ofRows("a null in a weight", 1, ["`nulls: drop` in data"], {
    columns: { w: ["float", [1, null, 1, 1]] },
    features: "{ n: }",
    data: "weight: w",
  });
  yield ofRows("NaN in a column of a metric", 1, ["write nulls instead"], {
    columns: { w: ["float", [1, NaN, 1, 1]] },
    features: "{ n: }",
    metrics: "[{ use: gauc, by: w }]",
  }, {
    "nan/other": {
      files: { "rows.arrow": arrowFile({ ...rows, w: ["float", [1, null, 1, 1]] }) },
      args: ["check", "--engine", "wasm", "--quiet", "p.yaml", "--set", "data.nulls=drop"],
    },
  });
  yield ofRows("a metric of a column that is none", 2, ["its columns are"], {
    features: "{ n: }",
    metrics: "[{ use: gauc, by: user }]",
  }, { "column/name": inPipeline("by: user", "by: a") });
  yield ofRows("numbers in CSV files that are to be text", 2, ["to read numbers"], {
    source: "{ use: csv, path: a.csv, columns: { x: string } }",
    features: "{ x: }",
    files: { "a.csv": "x,y\n1,0\n2,1\n3,0\n4,1\n" },
  });
  yield ofRows("a weight below 0", 1, ["weights must be 0 or more"], {
    columns: { w: ["float", [1, -1, 1, 1]] },
    features: "{ n: }",
    data: "weight: w",
  }, {
    "weight/negative": {
      files: { "rows.arrow": arrowFile({ ...rows, w: ["float", [1, 0, 1, 1]] }) },
    },
  });
  for (const weight of [1e-30, 1e30]) {
    yield ofRows(`a weight of ${weight}`, 1, ["expected 0, or 1e-20 to 1e20"], {
      columns: { w: ["float", [1, weight, 1, 1]] },
      features: "{ n: }",
      data: "weight: w",
    }, {
      "weight/range": {
        files: { "rows.arrow": arrowFile({ ...rows, w: ["float", [1, 1, 1, 1]] }) },
      },
    });
  }
  yield ofRows("a weight of text", 2, ["name a column of numbers that are 0 or more"], {
    features: "{ n: }",
    data: "weight: word",
  }, { "weight/type": inPipeline("weight: word", "weight: n") });
  yield ofRows("a weight that is none", 2, ["its columns are"], {
    features: "{ n: }",
    data: "weight: importance",
  });
  yield ofRows("the ids of a feature without ids", 2, ["features.b, such as `ids: train`"], {
    features: "{ a: { ids: { of: b } }, b: }",
  });
  yield ofRows("the ids of no feature", 2, ["features with ids of their own are b"], {
    features: "{ a: { ids: { of: none } }, b: { ids: { count: 3 } } }",
  });
  yield ofRows("the ids of no feature, where none has ids", 2, ["write `ids: train` here"], {
    features: "{ a: { ids: { of: none } }, b: }",
  });
  yield ofRows("two columns of one name", 2, ["give each column of the data file a unique name"], {
    features: "{ colA: }",
    files: {
      "rows.arrow": renamed(arrowFile({ ...rows, colA: rows["n"]!, colB: rows["n"]! })),
    },
  }, { "column/twice": { files: { "rows.arrow": arrowFile({ ...rows, colA: rows["n"]! }) } } });
  yield ofRows("numbers that are written as text", 2, ["or cast it with the source sql"], {
    columns: { word: ["text", ["1", "2", "3", "4"]] },
    features: "{ word: }",
  }, { "text/numbers": { files: { "rows.arrow": arrowFile({ ...rows, word: rows["n"]! }) } } });
  yield ofRows("more rows than there are", 2, ["write 4 or less"], {
    features: "{ n: }",
    data: "rows: 9",
  });
  yield ofRows("a value that only the test split has", 1, ["write `ids: train`"], {
    test: { word: ["text", ["x", "y", "w", "z"]] },
    features: "{ word: }",
    transforms: "[one-hot]",
  });
  yield ofRows("no loss for the light net alone", 2, ["add a loss with `on: light`"], {
    features: "{ n: }",
    losses: "[{ use: binary-cross-entropy, on: booster }, mse-hint]",
    train: "{ epochs: 1, batch: 2, baseline: light-alone }",
  }, {
    "nets/loss": inPipeline("mse-hint]", "mse-hint, { use: binary-cross-entropy, on: light }]"),
  });
  yield* labelCases();
}

function* labelCases(): Iterable<CommandCase> {
  const n = "{ n: }";
  const text = (values: readonly string[]): Column => ["text", values];
  const many = (count: number) => Array.from({ length: count }, (_, row) => row);
  /** Every column has as many rows as there are labels. */
  const ofLabels = (
    name: string,
    words: readonly string[],
    code: 1 | 2,
    label: string,
    y: Column,
    test?: Column,
    mended?: CommandCase["mended"],
  ): CommandCase =>
    ofRows(`label: ${name}`, code, words, {
      files: {
        "rows.arrow": arrowFile({ n: ["float", y[1].map((_, row) => row)], y }),
        ...test &&
          { "test.arrow": arrowFile({ n: ["float", test[1].map((_, row) => row)], y: test }) },
      },
      ...test && { test: {} },
      features: n,
      label,
      losses: "[{ use: cross-entropy, on: light }]",
    }, mended);
  const names = many(25).map((id) => `name${String(id).padStart(2, "0")}`);
  yield ofLabels(
    "nulls that become no class",
    ["write nulls: drop"],
    2,
    "{ column: y, classes: [a, b], nulls: { fill: c } }",
    text(["a", "b", "a", "b"]),
  );
  yield ofLabels(
    "more names than classes",
    ["classes: [a, b, c]"],
    2,
    "{ column: y, kind: class, classes: 2 }",
    text(["a", "b", "c", "b"]),
  );
  yield ofLabels(
    "many more names than classes",
    ["or remove `classes`"],
    2,
    "{ column: y, classes: 2 }",
    text(names),
  );
  yield ofLabels(
    "one name of two",
    ["classes: [a, other]"],
    2,
    "{ column: y, kind: binary }",
    text(["a", "a", "a", "a"]),
  );
  yield ofLabels(
    "a class that is not in a list",
    ["add the value to the list"],
    1,
    "{ column: y, classes: [a, b] }",
    text(["a", "b", "c", "b"]),
  );
  yield ofLabels(
    "a class that only the test split has",
    ["list all classes in order"],
    1,
    "y",
    text(["a", "b", "a", "b"]),
    text(["a", "b", "c", "b"]),
  );
  yield ofLabels(
    "many numbers that are no classes",
    ["classes: 25"],
    1,
    "{ column: y, classes: 2 }",
    ["int", many(25)],
  );
  yield ofLabels(
    "many names that are no classes",
    ["correct the data"],
    1,
    "{ column: y, classes: [name00, name01] }",
    text(names),
    undefined,
    { "label/data": inPipeline("[name00, name01]", `[${names.join(", ")}]`) },
  );
  yield ofLabels(
    "a name for each number but one",
    ["list all classes"],
    1,
    "{ column: y, classes: [no, yes] }",
    ["int", [0, 1, 2, 1]],
    undefined,
    { "label/more-names": inPipeline("[no, yes]", "[no, yes, maybe]") },
  );
}
