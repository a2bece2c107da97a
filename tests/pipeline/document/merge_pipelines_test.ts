import { assertEquals } from "@std/assert";
import { mergePipelines } from "../../../src/pipeline/document/merge_pipelines.ts";
import { nodeOf, valueOf } from "../../../src/pipeline/document/nodes.ts";

/** The section `data` of two merged pipelines. */
function dataOf(below: object, above: object): unknown {
  const node = (data: object) => nodeOf({ name: "a", data }, { file: "a.yaml", folder: "." });
  const { data, ...rest } = valueOf(mergePipelines(node(below), node(above))) as { data: unknown };
  assertEquals(rest, { name: "a" });
  return data;
}

const train = { use: "csv", path: "train.csv" }, test = { use: "csv", path: "test.csv" };
const all = { use: "csv", path: "all.csv" };

Deno.test("mergePipelines(): one source for all splits replaces sources of single splits", () => {
  const rest = { features: "rest", split: { validation: 0.1 } };
  assertEquals(
    dataOf({ train, validation: test, test, ...rest }, { all, split: { test: 0.2 } }),
    { all, features: "rest", split: { validation: 0.1, test: 0.2 } },
  );
  assertEquals(dataOf({ train, ...rest }, { all: "./source.ts" }), {
    all: "./source.ts",
    ...rest,
  });
});

Deno.test("mergePipelines(): a source of training rows replaces one for all splits, and its split", () => {
  const below = { all, split: { test: 0.2 }, label: "y" };
  assertEquals(dataOf(below, { train, test }), { train, test, label: "y" });
  assertEquals(dataOf(below, { train, split: { validation: 0.1 } }), {
    train,
    split: { validation: 0.1 },
    label: "y",
  });
});

Deno.test("mergePipelines(): labels replace a label, and a label replaces labels", () => {
  const labels = { click: "clicked", buy: { column: "bought" } };
  assertEquals(dataOf({ label: "clicked" }, { labels }), { labels });
  assertEquals(dataOf({ labels }, { label: "clicked" }), { label: "clicked" });
  assertEquals(dataOf({ labels }, { label: { column: "y", kind: "binary" } }), {
    label: { column: "y", kind: "binary" },
  });
});

Deno.test("mergePipelines() merges changes of what is below, and keeps what is on both sides", () => {
  assertEquals(dataOf({ train, test }, { train: { path: "b.csv" } }), {
    train: { use: "csv", path: "b.csv" },
    test,
  });
  // These have no complete source, so they are mistakes, which later checks report.
  assertEquals(dataOf({ train, test }, { all: { path: "b.csv" } }), {
    train,
    test,
    all: { path: "b.csv" },
  });
  assertEquals(dataOf({ all }, { test }), { all, test });
  assertEquals(dataOf({ all }, { all, train }), { all, train });
  assertEquals(dataOf({ label: "y" }, { label: { kind: "binary" } }), {
    label: { kind: "binary" },
  });
  assertEquals(dataOf({ labels: { a: "a" } }, { labels: { b: "b" } }), {
    labels: { a: "a", b: "b" },
  });
});
