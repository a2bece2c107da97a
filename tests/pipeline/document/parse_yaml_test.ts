import { assert, assertEquals } from "@std/assert";
import { follow, type Node, type Path, valueOf } from "../../../src/pipeline/document/nodes.ts";
import { parseYaml } from "../../../src/pipeline/document/parse_yaml.ts";
import { problemsOf } from "../../support/problems.ts";

const origin = { file: "f.yaml", folder: "." };
const read = (text: string) => parseYaml(text, origin);
const refused = (text: string) => problemsOf(() => read(text));

/** Returns `LINE:COLUMN` of the value and of its key. */
function positions(node: Node, path: Path): [value: string, key: string] {
  const parent = follow(node, path.slice(0, -1)).node;
  const key = parent.kind === "map" ? parent.entries.get(String(path.at(-1)))?.key : undefined;
  const text = (at: typeof key) => at ? `${at.line}:${at.column}` : "";
  return [text(follow(node, path).node.position), text(key)];
}

Deno.test("parseYaml() reads values according to YAML 1.2", () => {
  const cases: [string, unknown][] = [
    ["a: 1", { a: 1 }],
    ["a: 5e-4", { a: 0.0005 }],
    ["a: -.5", { a: -0.5 }],
    ["a: yes", { a: "yes" }],
    ["a: true", { a: true }],
    ["a: ~", { a: null }],
    ["a:", { a: null }],
    ["a: 'it''s'", { a: "it's" }],
    ['a: "\\u00e9\\t\\x41"', { a: "é\tA" }],
    ["a: |\n  x\n  y\n", { a: "x\ny\n" }],
    ["a: >-\n  x\n  y\n", { a: "x y" }],
    ["a: b # comment\n# more\nc: 'd # e'", { a: "b", c: "d # e" }],
    ["- 1\n- [2, {a: 3}]", [1, [2, { a: 3 }]]],
    ["1: a\ntrue: b", { "1": "a", "true": "b" }],
    ["constructor: 1\ntoString: 2", { constructor: 1, toString: 2 }],
    ["---\na: 1\n...\n", { a: 1 }],
    ["", null],
    ["# nothing\n", null],
  ];
  for (const [text, value] of cases) {
    // Values are compared as JSON, since assertEquals() would treat a map with a key `constructor`
    // as an instance of a class.
    assertEquals(JSON.stringify(valueOf(read(text))), JSON.stringify(value), text);
  }
});

Deno.test("parseYaml() reads JSON", () => {
  const value = { "a b": [1, -2.5e3, true, null, { c: '" \\ / \b \f \n \r \t é 🚀' }], d: {} };
  assertEquals(valueOf(read(JSON.stringify(value))), value);
  assertEquals(valueOf(read(JSON.stringify(value, undefined, 2))), value);
  assertEquals(valueOf(read(JSON.stringify(value, undefined, "\t"))), value);
  assertEquals(valueOf(read('{"a":"\\u0041\\/\\ud83d\\ude80"}')), { a: "A/🚀" });
});

Deno.test("parseYaml() returns the line and the column of each key and value", () => {
  const text = [
    "# a comment", // 1
    "name: x", // 2
    "data:", // 3
    "  features: { image: { shape: [8, 9] } }", // 4
    "losses:", // 5
    "  - use: kl", // 6
    "    weight: 2", // 7
    "  - mse-hint", // 8
    "text: |", // 9
    "  more", // 10
    '"quoted": "y"', // 11
  ].join("\n");
  const cases: [Path, string, string][] = [
    [["name"], "2:7", "2:1"],
    [["data"], "4:3", "3:1"],
    [["data", "features", "image"], "4:22", "4:15"],
    [["data", "features", "image", "shape", 1], "4:35", ""],
    [["losses"], "6:3", "5:1"],
    [["losses", 0], "6:5", ""],
    [["losses", 0, "weight"], "7:13", "7:5"],
    [["losses", 1], "8:5", ""],
    [["text"], "9:7", "9:1"],
    [["quoted"], "11:11", "11:1"],
  ];
  for (const ending of ["\n", "\r\n"]) {
    const node = read(text.replaceAll("\n", ending));
    for (const [path, value, key] of cases) {
      assertEquals(positions(node, path), [value, key], path.join("."));
    }
  }
});

Deno.test("parseYaml() returns positions in JSON with tabs", () => {
  const node = read('{\n\t"a": {\n\t\t"b": [1,\t2]\n\t}\n}');
  assertEquals(positions(node, ["a", "b"]), ["3:8", "3:3"]);
  assertEquals(positions(node, ["a", "b", 1]), ["3:12", ""]);
});

Deno.test("parseYaml() returns the position of the key or the gap for an empty value", () => {
  const node = read("a:\nb: { c: , d }\n");
  for (const [path, line] of [[["a"], 1], [["b", "c"], 2], [["b", "d"], 2]] as const) {
    assertEquals(follow(node, path).node.position?.line, line, path.join("."));
  }
});

Deno.test("parseYaml() returns the position of the anchor for the values of an alias", () => {
  const node = read("a: &x { b: 1 }\nc: *x\n");
  assertEquals(valueOf(node), { a: { b: 1 }, c: { b: 1 } });
  assertEquals(positions(node, ["c", "b"]), ["1:12", "1:9"]);
});

Deno.test("parseYaml() prefers a map's own keys to keys merged with <<", () => {
  const text = [
    "base: &base { learningRate: 1, momentum: 2 }",
    "more: &more { learningRate: 3, decay: 4 }",
    "one: { <<: *base, learningRate: 5 }",
    "two: { own: 6, <<: [*base, *more] }",
    "three: { <<: { a: 1 } }",
  ].join("\n");
  assertEquals(valueOf(read(text)), {
    base: { learningRate: 1, momentum: 2 },
    more: { learningRate: 3, decay: 4 },
    one: { learningRate: 5, momentum: 2 },
    two: { own: 6, learningRate: 1, momentum: 2, decay: 4 },
    three: { a: 1 },
  });
});

Deno.test("parseYaml() reports syntax errors with their places", async () => {
  const cases: [string, string, string][] = [
    ["a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "Map keys must be unique"],
    ['1: a\n"1": b\n', "f.yaml:2:1", "Map keys must be unique"],
    ["data:\n\ttrain: x\n", "f.yaml:2:1", "Tabs are not allowed as indentation"],
    [
      "a: [1, 2\nb: 3\n",
      "f.yaml:2:1",
      "Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a: *none\n", "f.yaml:1:4", "there is no anchor &none"],
    ["a: *later\nb: &later 1\n", "f.yaml:1:4", "there is no anchor &later"],
    ["a: !secret b\n", "f.yaml:1:4", "Unresolved tag: !secret"],
    ["? [a]\n: 1\n", "f.yaml:1:3", "the key of a map must be text"],
    ["a: { <<: 3 }\n", "f.yaml:1:6", "only a map can be merged with <<"],
    ["a: &x [1, *x]\n", "f.yaml:1:11", "the alias *x contains itself"],
    ["a: &x { b: { c: *x } }\n", "f.yaml:1:17", "the alias *x contains itself"],
    ["a:\n  __proto__: { b: 1 }\n", "f.yaml:2:3", "__proto__ cannot be used as a key"],
    [`a: ${"[".repeat(5000)}`, "", "the file is nested too deeply"],
    [`a: ${"[".repeat(5000)}${"]".repeat(5000)}`, "", "the file is nested too deeply"],
  ];
  for (const [text, place, message] of cases) {
    const problems = await refused(text);
    assertEquals(problems.map(([, message]) => message), [message], text);
    if (place) assertEquals(problems[0]![0], place);
  }
});

Deno.test("parseYaml() reports a second document in plain words", async () => {
  assertEquals(await refused("a: 1\n---\nb: 2\n"), [
    [
      "f.yaml:2:1",
      "a pipeline file must contain a single YAML document, but another one starts here",
      "",
    ],
  ]);
});

Deno.test("parseYaml() reports all syntax errors at once", async () => {
  const problems = await refused("a: 1\na: 2\nb: 'x\n");
  assertEquals(problems.map(([place]) => place), ["f.yaml:2:1", "f.yaml:4:1"]);
});

Deno.test("parseYaml() rejects aliases of aliases that expand to millions of values", async () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level++) {
    const before = Array(10).fill(`*a${level - 1}`).join(", ");
    lines.push(`a${level}: &a${level} [${before}]`);
  }
  const [problem] = await refused(lines.join("\n"));
  assertEquals(problem!.slice(1), [
    "the file has more than 100000 values after its aliases are expanded",
    "look for YAML aliases of aliases, which multiply the values",
  ]);
  assert(problem![0].startsWith("f.yaml:"), problem![0]);
});
