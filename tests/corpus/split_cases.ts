import { type CommandCase, inPipeline, ofRows, rows } from "./rows_pipeline.ts";
import { arrowFile, type Column } from "./small_rows.ts";

const source = "{ use: arrow, path: rows.arrow }";

/** One source, which a pipeline divides. */
const divided = (split: string) => `all: ${source}\n  split: ${split}`;

/** Twice as many rows. */
const twice: Readonly<Record<string, Column>> = Object.fromEntries(
  Object.entries(rows).map(([name, [type, values]]) => [name, [type, [...values, ...values]]]),
);

/** Sources that are divided into splits, and features that are chosen by their names. */
export function* splitCases(): Iterable<CommandCase> {
  const features = "{ n: }";
  yield ofRows("split: no test rows", 2, ["data needs a source of its test rows"], {
    features,
    sources: `train: ${source}`,
  }, { "plan/sources": inPipeline("  train:", `  test: ${source}\n  train:`) });
  yield ofRows("split: one source and another one", 2, ["remove data.test, or data.all"], {
    features,
    sources: `${divided("{ test: 0.25 }")}\n  test: ${source}`,
  });
  yield ofRows("split: one source as a whole", 2, ["write split: { test: 0.2, validation: 0.1 }"], {
    features,
    columns: twice,
    sources: `all: ${source}`,
  });
  for (const validation of ["", ", validation: 0.25"]) {
    yield ofRows(`split: test rows of two sources${validation}`, 2, ["remove data.split"], {
      features,
      data: `split: { test: 0.25${validation} }`,
    });
  }
  yield ofRows("split: no validation rows", 2, ["data.split needs `validation`"], {
    features,
    columns: twice,
    data: "split: { by: random }",
  });
  yield ofRows("split: types of columns that have some", 2, ["none of the sources is csv"], {
    features,
    data: "types: { n: float32 }",
  });
  yield ofRows("split: less than a row", 1, ["the test split would have no rows", "0.25 or more"], {
    features,
    sources: divided("{ test: 0.1 }"),
  });
  yield ofRows("split: no training rows", 1, ["the train split would have no rows"], {
    features,
    sources: divided("{ test: 0.9 }"),
  }, { "split/rows": { files: { "rows.arrow": arrowFile(twice) } } });
  yield ofRows("split: an unknown column", 2, ["did you mean word?"], {
    features,
    sources: divided("{ test: 0.25, by: { group: wrd } }"),
  });
  yield ofRows("split: groups of lists", 2, ["cannot decide the split of a row"], {
    features,
    sources: divided("{ test: 0.25, by: { group: list } }"),
  });
  yield ofRows("split: a null time", 1, [
    "row 2 of rows.arrow, column n: the value is null",
    "1 row has",
  ], {
    columns: { n: ["float", [0, 1, null, 3]] },
    features: "{ a: }",
    sources: divided("{ test: 0.25, by: { time: n } }"),
  });
  yield ofRows("split: words in time", 2, ["whose values have no order in time", "timestamp"], {
    features,
    sources: divided("{ test: 0.25, by: { time: word } }"),
  }, { "split/time-type": inPipeline("time: word", "time: time") });
  yield ofRows("split: too few groups", 1, ["2 different values", "at least 3 groups"], {
    features,
    sources: divided("{ test: 0.25, validation: 0.25, by: { group: y } }"),
  });
  yield ofRows("split: a value in one row", 1, ['the value "y"', "in one row only"], {
    features,
    sources: divided("{ test: 0.25, by: { stratify: word } }"),
  });
  yield ofRows("features: an unknown column of a list", 2, ["did you mean time?"], {
    features: "[n, tmie]",
  });
  yield ofRows("features: a pattern of no column", 2, ['no column of the data matches "lis*x"'], {
    features: '{ n: , "lis*x": }',
  });
  yield ofRows("features: no column left", 2, ["no column is left for the features"], {
    features: '["*", "!*"]',
  }, { "features/none": inPipeline('["*", "!*"]', "[n]") });
  for (const features of ['["*"]', "rest", "[__proto__]"]) {
    yield ofRows(
      `features: the column __proto__ in ${features}`,
      2,
      ["no feature can have the name __proto__"],
      {
        features,
        source: "{ use: csv, path: rows.csv }",
        files: { "rows.csv": "__proto__,n,y\n1,2,0\n2,3,1\n3,1,0\n4,0,1\n" },
      },
    );
  }
}
