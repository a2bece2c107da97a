import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { follow, type Path, valueOf } from "../../../src/pipeline/document/nodes.ts";
import { parseYaml } from "../../../src/pipeline/document/parse_yaml.ts";

/** A value and its text. */
type Written =
  | { readonly kind: "scalar"; readonly text: string; readonly value: unknown }
  | { readonly kind: "list"; readonly flow: boolean; readonly items: readonly Written[] }
  | {
    readonly kind: "map";
    readonly flow: boolean;
    readonly entries: readonly (readonly [string, Written])[];
  };

const scalar = fc.oneof(
  fc.integer().map((value) => ({ text: String(value), value })),
  fc.boolean().map((value) => ({ text: String(value), value })),
  fc.constantFrom("null", "~").map((text) => ({ text, value: null })),
  fc.string({ unit: "grapheme", maxLength: 12 })
    .filter((value) => value.isWellFormed())
    .map((value) => ({ text: JSON.stringify(value), value })),
  fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
    .filter((value) => !/^(true|false|null|yes|no|on|off)$/.test(value))
    .map((value) => ({ text: value, value })),
).map((one): Written => ({ kind: "scalar", ...one }));

const key = fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,6}$/)
  .filter((name) => !/^(true|false|null)$/.test(name));

const { tree } = fc.letrec<{ tree: Written }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", maxDepth: 5 },
    scalar,
    fc.record({
      kind: fc.constant("list" as const),
      flow: fc.boolean(),
      items: fc.array(tie("tree"), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant("map" as const),
      flow: fc.boolean(),
      entries: fc.uniqueArray(fc.tuple(key, tie("tree")), {
        maxLength: 4,
        selector: ([name]) => name,
      }),
    }),
  ),
}));

/** Writes a value as YAML and records where each part of it starts. */
class Writer {
  text = "";
  readonly places: { path: Path; line: number; column: number }[] = [];

  write(node: Written, path: Path, depth: number, inFlow: boolean): void {
    const lines = this.text.split("\n");
    this.places.push({ path, line: lines.length, column: lines.at(-1)!.length + 1 });
    if (node.kind === "scalar") this.text += node.text;
    else if (inFlow || isFlow(node)) this.#flow(node, path, depth);
    else this.#block(node, path, depth);
  }

  #flow(node: Written, path: Path, depth: number): void {
    this.text += node.kind === "list" ? "[ " : "{ ";
    for (const [index, [name, inner]] of partsOf(node).entries()) {
      if (index > 0) this.text += ", ";
      if (node.kind === "map") this.text += `${name}: `;
      this.write(inner, [...path, name], depth, true);
    }
    this.text += node.kind === "list" ? " ]" : " }";
  }

  #block(node: Written, path: Path, depth: number): void {
    for (const [index, [name, inner]] of partsOf(node).entries()) {
      if (index > 0) this.text += `\n${index % 2 ? "# between\n" : ""}${"  ".repeat(depth)}`;
      this.text += node.kind === "list" ? "- " : `${name}:`;
      if (node.kind === "map") {
        const below = inner.kind !== "scalar" && !isFlow(inner);
        this.text += below ? `\n${"  ".repeat(depth + 1)}` : " ";
      }
      this.write(inner, [...path, name], depth + 1, false);
      if (inner.kind === "scalar") this.text += " # é a comment: with [marks]";
    }
  }
}

const isFlow = (node: Written) =>
  node.kind !== "scalar" && (node.flow || partsOf(node).length === 0);

function partsOf(node: Written): (readonly [string | number, Written])[] {
  if (node.kind === "list") return node.items.map((item, index) => [index, item]);
  return node.kind === "map" ? [...node.entries] : [];
}

function plain(node: Written): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries(node.entries.map(([name, inner]) => [name, plain(inner)]));
}

Deno.test("parseYaml() reads generated YAML and finds the position of each value", () => {
  fc.assert(
    fc.property(tree, (written) => {
      const writer = new Writer();
      writer.write(written, [], 0, false);
      const read = parseYaml(writer.text, { file: "a.yaml", folder: "/" });
      assertEquals(valueOf(read), plain(written));
      for (const { path, line, column } of writer.places) {
        const { node, rest } = follow(read, path);
        assertEquals([rest, node.position], [[], { line, column }], `${path} of\n${writer.text}`);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseYaml() reads JSON like JSON.parse()", () => {
  const pipelines = fc.dictionary(key, fc.jsonValue({ maxDepth: 4 })).filter((value) =>
    !keysIn(value).some((key) => key === "__proto__" || key === "<<" || key.startsWith("//"))
  );
  fc.assert(
    fc.property(pipelines, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assertEquals(
        valueOf(parseYaml(text, { file: "a.json", folder: "/" })),
        JSON.parse(text),
        text,
      );
    }),
    { numRuns: 500 },
  );
});

/** The keys of all maps in a value, at any depth. */
function keysIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.values(value).flatMap(keysIn);
  return Array.isArray(value) ? inside : [...Object.keys(value), ...inside];
}
