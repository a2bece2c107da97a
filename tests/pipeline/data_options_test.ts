import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { featureSchema, labelSchema } from "../../src/pipeline/data_options.ts";

const issues = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

Deno.test("featureSchema takes all defaults for a feature without options", () => {
  for (const value of [null, {}]) assertEquals(featureSchema.parse(value), {});
});

Deno.test("featureSchema reports what it expected", () => {
  const cases: [unknown, string][] = [
    [{ shape: [28, 0] }, "shape.1: expected at least 1"],
    [{ shape: "28x28" }, "shape: expected a list of whole numbers, such as [28, 28, 1]"],
    [{ dtype: "float16" }, "dtype: expected float32 or int32"],
    [{ nulls: "skip" }, "nulls: expected error, drop, mean, median or { fill: VALUE }"],
    [{ nan: "drop" }, "nan: expected error or missing"],
    [{ pad: "zero" }, "pad: expected a number"],
    [{ column: "" }, "column: expected the name of a column"],
  ];
  for (const [value, issue] of cases) assertEquals(issues(featureSchema, value), [issue]);
  assert(!featureSchema.safeParse({ colunm: "x" }).success);
});

Deno.test("labelSchema takes a column's name for a label without options", () => {
  assertEquals(labelSchema.parse("digit"), { column: "digit" });
  assertEquals(labelSchema.parse({ column: "digit", classes: ["a", "b"] }), {
    column: "digit",
    classes: ["a", "b"],
  });
  assertEquals(labelSchema.parse({ column: "y", classes: [-1, 1] }), {
    column: "y",
    classes: ["-1", "1"],
  });
  for (
    const value of [3, "", {}, { column: "y", classes: 1 }, { column: "y", classes: ["a", "a"] }, {
      column: "y",
      nulls: "mean",
    }]
  ) {
    assert(!labelSchema.safeParse(value).success, JSON.stringify(value));
  }
});

Deno.test("all options of the data are described in the JSON Schema", () => {
  for (const schema of [featureSchema, labelSchema]) {
    const json = z.toJSONSchema(schema, { io: "input" }) as {
      anyOf: z.core.JSONSchema.JSONSchema[];
    };
    const properties = json.anyOf.flatMap(({ properties }) => Object.entries(properties ?? {}));
    assert(properties.length >= 4);
    for (const [name, property] of properties) {
      assert(typeof property === "object" && property.description, name);
    }
  }
});
