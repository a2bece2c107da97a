import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { applyChange } from "../../../src/pipeline/document/changes.ts";
import { UserError } from "../../../src/base/errors.ts";
import { nodeOf, valueOf } from "../../../src/pipeline/document/nodes.ts";

const origin = { file: "a.ts", folder: "/" };
/** Keys other than `use`. Other tests cover the names of stages, which are merged differently. */
const key = fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,6}$/).filter((name) => name !== "use");

type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string({ maxLength: 8 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const map = fc.dictionary(key, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });

const isMap = (value: Value | undefined): value is { [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Merges plain values, independently of the implementation. */
function over(below: Value | undefined, above: Value): Value {
  if (!isMap(below) || !isMap(above)) return above;
  const all = { ...below };
  for (const [name, inner] of Object.entries(above)) all[name] = over(below[name], inner);
  return all;
}

/** Draws a path into a value: to an existing part, or to a new one. */
const walk = (
  from: Value,
  choices: readonly number[],
): { path: (string | number)[]; old: Value | undefined } => {
  const path: (string | number)[] = [];
  let at: Value | undefined = from;
  for (const choice of choices) {
    if (Array.isArray(at)) {
      const index: number = choice % (at.length + 1);
      path.push(index);
      at = at[index];
    } else if (isMap(at)) {
      const names: string[] = [...Object.keys(at), "added"];
      const name = names[choice % names.length]!;
      path.push(name);
      at = Object.hasOwn(at, name) ? at[name] : undefined;
    } else break;
    if (at === undefined) break;
  }
  return { path, old: at };
};

function replaced(within: Value, [name, ...rest]: (string | number)[], next: Value): Value {
  if (name === undefined) return next;
  if (Array.isArray(within)) {
    const items = [...within];
    items[Number(name)] = replaced(items[Number(name)]!, rest, next);
    return items;
  }
  const parts = within as { [key: string]: Value };
  return { ...parts, [name]: replaced(parts[name]!, rest, next) };
}

Deno.test("--set changes only the value at its path", () => {
  const choices = fc.array(fc.nat(), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(map, choices, value, fc.boolean(), (pipeline, steps, next, brackets) => {
      const { path, old } = walk(pipeline, steps);
      const [first, ...rest] = path;
      const text = rest.reduce<string>(
        (text, part) =>
          typeof part === "number" && brackets ? `${text}[${part}]` : `${text}.${part}`,
        String(first),
      );
      const changed = applyChange(nodeOf(pipeline, origin), `${text}=${JSON.stringify(next)}`);
      const expected = replaced(pipeline, path, old === undefined ? next : over(old, next));
      assertEquals(valueOf(changed), expected, text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("--set with any text changes the pipeline or causes a UserError", () => {
  const root = nodeOf({ a: { b: [1, { use: "kl" }] }, c: "x" }, origin);
  const texts = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.array(fc.constantFrom("a", "b", "c", ".", "[", "]", "0", "1", "=", "{", "}", ":", "-", " "))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        valueOf(applyChange(root, text));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        assertEquals(error.exitCode, 2);
      }
    }),
    { numRuns: 2000 },
  );
  assertThrows(() => applyChange(root, "no-equals"), UserError);
});
