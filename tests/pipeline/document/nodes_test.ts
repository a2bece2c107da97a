import { assertEquals } from "@std/assert";
import {
  childOf,
  follow,
  formatPath,
  merge,
  type Node,
  nodeOf,
  type Origin,
  placeOf,
  valueOf,
} from "../../../src/pipeline/document/nodes.ts";
import { parseYaml } from "../../../src/pipeline/document/parse_yaml.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";

const origin: Origin = { file: "above.yaml", folder: "." };
const below: Origin = { file: "below.yaml", folder: "base" };

/** Merges two values and returns the result. */
const merged = (under: unknown, over: unknown) =>
  valueOf(merge(nodeOf(under, below), nodeOf(over, origin)));

Deno.test("valueOf() inverts nodeOf()", () => {
  const value = { text: "a", list: [1, [true, null], {}], map: { empty: [], deep: { x: -0.5 } } };
  assertEquals(valueOf(nodeOf(value, origin)), value);
});

Deno.test("nodeOf() keeps stages, functions and instances unchanged", () => {
  const schedule = () => 1, date = new Date(0);
  const value = { use: mseHint, schedule, date };
  const node = nodeOf(value, origin);
  assertEquals(childOf(node, "use")?.kind, "scalar");
  const back = valueOf(node) as typeof value;
  assertEquals([back.use === mseHint, back.schedule === schedule, back.date === date], [
    true,
    true,
    true,
  ]);
});

Deno.test("nodeOf() leaves out undefined values", () => {
  const node = nodeOf({ a: undefined, b: 1 }, origin);
  assertEquals(valueOf(node), { b: 1 });
});

Deno.test("nodeOf() accepts maps without a prototype", () => {
  const value: Record<string, unknown> = Object.create(null);
  value.a = 1;
  assertEquals(nodeOf(value, origin).kind, "map");
});

Deno.test("follow() finds a value, or its deepest existing parent", () => {
  const node = nodeOf({ losses: [{ weight: 0.5 }] }, origin);
  const cases: [(string | number)[], unknown, (string | number)[]][] = [
    [[], { losses: [{ weight: 0.5 }] }, []],
    [["losses", 0, "weight"], 0.5, []],
    [["losses", 0, "weight", "x", "y"], 0.5, ["x", "y"]],
    [["losses", 1, "weight"], [{ weight: 0.5 }], [1, "weight"]],
    [["network"], { losses: [{ weight: 0.5 }] }, ["network"]],
  ];
  for (const [path, value, rest] of cases) {
    const found = follow(node, path);
    assertEquals([valueOf(found.node), found.rest], [value, rest]);
  }
});

Deno.test("formatPath() writes paths like expressions in code", () => {
  const cases: [(string | number)[], string][] = [
    [[], ""],
    [["losses"], "losses"],
    [["losses", 2, "weight"], "losses[2].weight"],
    [["data", "features", "image"], "data.features.image"],
    [["a", 0, 1], "a[0][1]"],
  ];
  for (const [path, text] of cases) assertEquals(formatPath(path), text);
});

Deno.test("placeOf() has no line if the file has no positions", () => {
  assertEquals(placeOf(nodeOf(1, origin), ["a", 0]), { file: "above.yaml", path: "a[0]" });
  const node = parseYaml("\n  x", origin);
  assertEquals(placeOf(node, ["a"]), { file: "above.yaml", line: 2, column: 3, path: "a" });
});

Deno.test("merge() merges maps at all depths and replaces other values", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 1, b: 2 }, { b: 3, c: 4 }, { a: 1, b: 3, c: 4 }],
    [{ a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 3 } } }, { a: { b: { c: 3, d: 2 } } }],
    [{ a: [1, 2, 3] }, { a: [4] }, { a: [4] }],
    [{ a: { b: 1 } }, { a: null }, { a: null }],
    [{ a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    [[1], { a: 1 }, { a: 1 }],
  ];
  for (const [under, over, value] of cases) assertEquals(merged(under, over), value);
});

Deno.test("merge() keeps the options if the stage is the same", () => {
  const sgd = { use: "sgd", learningRate: 0.1, momentum: 0.9 };
  assertEquals(merged(sgd, { learningRate: 0.2 }), { ...sgd, learningRate: 0.2 });
  assertEquals(merged(sgd, { use: "sgd", learningRate: 0.2 }), { ...sgd, learningRate: 0.2 });
});

Deno.test("merge() replaces a stage and its options by a different stage", () => {
  const sgd = { use: "sgd", learningRate: 0.1, momentum: 0.9 };
  assertEquals(merged(sgd, { use: "adam", learningRate: 0.2 }), { use: "adam", learningRate: 0.2 });
  assertEquals(merged({ by: "random" }, { use: "arrow" }), { use: "arrow" });
  const [one, other] = [{ ...mseHint }, { ...mseHint }];
  assertEquals(merged({ use: one, a: 1 }, { use: one, b: 2 }), { use: one, a: 1, b: 2 });
  assertEquals(merged({ use: one, a: 1 }, { use: other, b: 2 }), { use: other, b: 2 });
});

Deno.test("merge() keeps the origin of each value", () => {
  const node = merge(
    parseYaml("a: { b: 1, c: 2 }", below),
    parseYaml("\na: { c: 3 }", origin),
  );
  const file = (path: string[]) => placeOf(follow(node, path).node, path);
  assertEquals(file(["a", "b"]), { file: "below.yaml", line: 1, column: 9, path: "a.b" });
  assertEquals(file(["a", "c"]), { file: "above.yaml", line: 2, column: 9, path: "a.c" });
  assertEquals(file(["a"]), { file: "above.yaml", line: 2, column: 4, path: "a" });
});

Deno.test("merge() does not modify its arguments", () => {
  const under: Node = nodeOf({ a: { b: 1 } }, below), over: Node = nodeOf({ a: { c: 1 } }, origin);
  merge(under, over);
  assertEquals([valueOf(under), valueOf(over)], [{ a: { b: 1 } }, { a: { c: 1 } }]);
});
