import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readEnvironment } from "../../../src/pipeline/document/environment.ts";
import type { Problem } from "../../../src/base/errors.ts";
import { nodeOf, valueOf } from "../../../src/pipeline/document/nodes.ts";

const read = (value: unknown) => {
  const problems: Problem[] = [], names: string[] = [];
  const node = nodeOf(value, { file: "a.ts", folder: "/" });
  const result = readEnvironment(node, problems, {
    onVariable: (name) => void names.push(name),
  });
  return { value: valueOf(result), problems, names };
};

/** The name of an environment variable that is not set on any machine. */
const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,6}$/).map((name) => `ROCKET_TEST_${name}`);
const variables = fc.dictionary(
  name,
  fc.string({ maxLength: 10 }).filter((text) => !text.includes("\0")),
  { minKeys: 1, maxKeys: 4, noNullPrototype: true },
);

function withVariables(variables: Readonly<Record<string, string>>, test: () => void): void {
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    test();
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
}

/** Parts of a text: as written, and as read. */
type Part = { readonly literal: string } | { readonly escape: true } | {
  readonly variable: number;
};

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.string({ maxLength: 8 }).filter((text) => !text.includes("$"))
    .map((literal) => ({ literal })),
  fc.constant({ escape: true as const }),
  fc.nat().map((variable) => ({ variable })),
);

Deno.test("${env:NAME} within a longer text is replaced by the unchanged value of the variable", () => {
  fc.assert(
    fc.property(variables, fc.array(part, { minLength: 1 }), (variables, parts) => {
      withVariables(variables, () => {
        const names = Object.keys(variables);
        const nameOf = (number: number) => names[number % names.length]!;
        const used = parts.flatMap((part) => "variable" in part ? [nameOf(part.variable)] : []);
        // A text that consists of one variable is parsed as YAML.
        const written = "«" +
          parts.map((part) =>
            "literal" in part
              ? part.literal
              : "escape" in part
              ? "$${"
              : `\${env:${nameOf(part.variable)}}`
          ).join("");
        const expected = "«" +
          parts.map((part) =>
            "literal" in part
              ? part.literal
              : "escape" in part
              ? "${"
              : variables[nameOf(part.variable)]
          ).join("");
        const found = read({ list: [written] });
        assertEquals(found, { value: { list: [expected] }, problems: [], names: used });
      });
    }),
    { numRuns: 300 },
  );
});

Deno.test("${env:NAME} alone gives the number, boolean or text that YAML reads from the value", () => {
  const written = fc.oneof(
    fc.integer().map((value) => [String(value), value] as const),
    fc.double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => [String(value), Object.is(value, -0) ? 0 : value] as const),
    fc.boolean().map((value) => [String(value), value] as const),
    fc.stringMatching(/^[a-z]+\/[a-z.]+$/).map((value) => [value, value] as const),
    fc.array(fc.integer(), { maxLength: 3 })
      .map((value) => [JSON.stringify(value), JSON.stringify(value)] as const),
  );
  fc.assert(
    fc.property(name, written, (name, [text, expected]) => {
      withVariables({ [name]: text }, () => {
        const found = read([`\${env:${name}}`]);
        assertEquals(found, { value: [expected], problems: [], names: [name] });
      });
    }),
    { numRuns: 300 },
  );
});

Deno.test("${env:NAME} is a problem at its place if the variable is not set", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 5 }), fc.boolean(), (names, alone) => {
      const { problems } = read(names.map((name) => `${alone ? "" : "a "}\${env:${name}}`));
      assertEquals(
        problems.map(({ message, place }) => [message, place?.path]),
        names.map((name, index) => [`the environment variable ${name} is not set`, `[${index}]`]),
      );
    }),
  );
});
