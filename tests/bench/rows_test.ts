import { assert, assertEquals } from "@std/assert";
import { importedModules } from "../../bench/python.ts";
import { rows } from "../../bench/rows.ts";

Deno.test("rows have ids that are file names, each its own", () => {
  for (const { id } of rows) assert(/^[a-z0-9-]+$/.test(id), id);
  assertEquals(new Set(rows.map(({ id }) => id)).size, rows.length);
  assertEquals(new Set(rows.map(({ name }) => name)).size, rows.length);
});

Deno.test("rows have Rocket first, then at least one peer, by names that differ", () => {
  for (const { id, contestants } of rows) {
    const names = contestants.map(({ name }) => name);
    assertEquals(names[0], "Rocket", id);
    assert(names.length > 1, id);
    assertEquals(new Set(names).size, names.length, id);
  }
});

Deno.test("rows give the same task to Rocket and to all peers", () => {
  // How each does the task; everything else is the task.
  const own = ["--mode", "--backend", "--engine", "--memory"];
  const task = (args: readonly string[]) =>
    args.filter((_, index) => !own.includes(args[index - index % 2]!)).join(" ");
  for (const { id, contestants } of rows) {
    const [first, ...rest] = contestants.map(({ args }) => task(args));
    for (const other of rest) assertEquals(other, first, id);
  }
});

Deno.test("rows name programs in TypeScript or Python within the bench's folder", () => {
  for (const { id, steps, contestants } of rows) {
    assert(Number.isInteger(steps) && steps > 0, id);
    for (const { program } of contestants) {
      assert(/^(peers\/)?\w+\.(ts|py)$/.test(program), program);
    }
  }
});

Deno.test("importedModules() finds the packages that a program in Python imports, at any depth", async () => {
  const files = ["infer.py", "worker.py"].map((name) =>
    new URL(`../../bench/peers/${name}`, import.meta.url)
  );
  const modules = (await importedModules(files)).map(([name]) => name);
  assertEquals(modules, ["numpy", "tensorflow", "onnxruntime", "openvino", "ai_edge_litert"]);
});
