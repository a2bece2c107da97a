import { assertEquals } from "@std/assert";
import { Field, Float32, Utf8 } from "apache-arrow";
import { outputNames } from "../../src/model/output_names.ts";

const named = (kept: readonly string[], added: readonly string[]) => {
  const names = outputNames(
    kept.map((name) => new Field(name, new Utf8(), true)),
    added.map((name) => new Field(name, new Float32(), true)),
  );
  const of = (fields: readonly Field[]) => fields.map(({ name }) => name);
  return { kept: of(names.kept), added: of(names.added), warnings: names.warnings };
};

Deno.test("outputNames() changes no name if all are different", () => {
  assertEquals(named(["a", "b"], ["score"]), {
    kept: ["a", "b"],
    added: ["score"],
    warnings: [],
  });
});

Deno.test("outputNames() gives a number to a column of the input with the name of a prediction", () => {
  assertEquals(named(["score_2", "score", "a", "prediction"], ["prediction", "score"]), {
    kept: ["score_2", "score_3", "a", "prediction_2"],
    added: ["prediction", "score"],
    warnings: [
      "columns of the input have names of columns that Rocket adds: " +
      "score is written as score_3, prediction is written as prediction_2",
    ],
  });
});

Deno.test("outputNames() gives a number to a column whose name differs only in case or spaces", () => {
  assertEquals(named(["SCORE", " score", "scores", "Score_2"], ["score", "probability_A"]), {
    kept: ["SCORE_3", " score_4", "scores", "Score_2"],
    added: ["score", "probability_A"],
    warnings: [
      "columns of the input have names of columns that Rocket adds: " +
      "SCORE is written as SCORE_3,  score is written as  score_4",
    ],
  });
  const classes = ["probability_yes", "probability_Yes"];
  assertEquals(named([], classes), {
    kept: [],
    added: classes,
    warnings: [
      "SQL does not distinguish the names of columns of different classes: " +
      "probability_Yes and probability_yes",
    ],
  });
});

Deno.test("outputNames() gives a number to the second of two columns of labels", () => {
  // The label `a` has the class `b_score`, and there is a label `a_probability_b`.
  assertEquals(named(["a"], ["a_probability_b_score", "a_probability_b_score"]), {
    kept: ["a"],
    added: ["a_probability_b_score", "a_probability_b_score_2"],
    warnings: [
      "columns of different labels have the same name: " +
      "a_probability_b_score is written as a_probability_b_score_2",
    ],
  });
});

Deno.test("outputNames() names five columns in a warning", () => {
  const names = Array.from({ length: 8 }, (_, index) => `c${index}`);
  const { kept, warnings } = named(names, names);
  assertEquals(kept, names.map((name) => `${name}_2`));
  assertEquals(warnings.length, 1);
  assertEquals(warnings[0]!.endsWith("c4 is written as c4_2, and 3 more"), true, warnings[0]);
});
