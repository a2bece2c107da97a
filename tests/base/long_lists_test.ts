import { assert, assertEquals, assertRejects } from "@std/assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { collect } from "../../src/base/collect.ts";
import { type Problem, UserError } from "../../src/base/errors.ts";
import { appendTo, largest, smallest } from "../../src/base/long_lists.ts";
import { combineParts } from "../../src/stages/parts.ts";
import { root } from "../support/command_line.ts";

/** More numbers than a call can have arguments. */
const many = Array.from({ length: 200_000 }, (_, index) => index);

Deno.test("appendTo() appends more items than a call can have arguments", () => {
  const list = [-1];
  appendTo(list, many);
  assertEquals([list.length, list[0], list[1], list.at(-1)], [200_001, -1, 0, 199_999]);
});

Deno.test("largest() and smallest() agree with Math.max() and Math.min(), for any number of numbers", () => {
  assertEquals([largest(many), smallest(many)], [199_999, 0]);
  for (const numbers of [[], [-3], [2, 5, -1], [0, -0], [-0, 0], [1, NaN, 2], [-Infinity, 4]]) {
    assertEquals(largest(numbers), Math.max(...numbers));
    assertEquals(smallest(numbers), Math.min(...numbers));
  }
});

Deno.test("collect() collects 200,000 problems", async () => {
  const problems: Problem[] = [];
  const error = new UserError(many.map((column) => ({ message: `no column ${column}` })));
  await collect(problems, () => Promise.reject(error));
  assertEquals(problems.length, 200_000);
  await assertRejects(() => collect(problems, () => Promise.reject(new TypeError())), TypeError);
});

Deno.test("combineParts() combines 200,000 batches", () => {
  const parts = many.map((number) => ({ features: { x: number }, label: -number }));
  assertEquals(combineParts(parts, (numbers: number[]) => largest(numbers)), {
    features: { x: 199_999 },
    label: 0,
  });
});

/** Calls in which the number of arguments has a limit that neither data nor a model decides. */
const bounded = new Map([
  ["plugins/networks/wide_resnet.ts: teacher.push(...shared)", "blocks of a net"],
  [
    "plugins/sources/images.ts: results.push(...await Promise.all(items.slice(at, at + openAtOnce).map(call)))",
    "files that are open at once",
  ],
  ["plugins/sources/long_lines.ts: Math.min(...ends)", "two kinds of line ends"],
  ["src/cluster/slurm.ts: Math.max(...counts)", "hosts of a cluster"],
  [
    "src/commands/evaluate.ts: Math.max(...[title, ...cells].map(widthOf))",
    "rows of a table that is cut",
  ],
  ["src/engine/cluster/running_cluster.ts: Math.max(...lengths)", "processes of a cluster"],
  ["src/engine/native/gpu_recipe.ts: Math.max(...wheels.map(({ bytes }) => bytes))", "packages"],
  ["src/engine/ops/rows_of_all.ts: Math.max(1, ...counts)", "processes of a cluster"],
  ["src/input/images/decode.ts: String.fromCharCode(...bytes.subarray(0, 16))", "16 bytes"],
  ["src/input/images/png.ts: String.fromCharCode(...bytes.subarray(at + 4, at + 8))", "4 bytes"],
  ["src/run/check_pipeline.ts: Math.max(...phases.map(({ batch }) => batch.peakBytes))", "phases"],
  ["src/run/folder/run_state.ts: Math.max(...times)", "files of a run folder"],
  [
    "src/serve/metrics.ts: lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values)",
    "endpoints and statuses",
  ],
]);

Deno.test("no call in the sources passes a list of unknown length as arguments", async () => {
  const found: string[] = [];
  for (const folder of ["src", "plugins", "data"]) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (!name.endsWith(".ts")) continue;
      const code = await Deno.readTextFile(join(root, folder, name));
      found.push(...spreadCalls(code).map((call) => `${folder}/${name}: ${call}`));
    }
  }
  const unknown = found.filter((call) => !bounded.has(call));
  assertEquals(unknown, [], "use a loop or a function of src/base/long_lists.ts");
  for (const call of bounded.keys()) assert(found.includes(call), `no longer there: ${call}`);
});

Deno.test("the search for lists that are passed as arguments finds them", () => {
  const calls = ["a.push(...b)", "this.#a.unshift(1, ...b(c))", "Math.max(0, ...b)"];
  const others = ["a.push([...b])", "a.push({ ...b }, c)", "a.push(((...b) => c)(1))", "f(...b)"];
  for (const call of calls) assertEquals(spreadCalls(`const a = ${call};`), [call]);
  assertEquals(spreadCalls("a.push(\n  // All.\n  ...b,\n);"), ["a.push( ...b, )"]);
  for (const call of others) assertEquals(spreadCalls(call), []);
});

/** The calls of functions for any number of arguments in which a list becomes the arguments. */
function spreadCalls(code: string): string[] {
  const plain = code.replaceAll(/^\s*(?:\*|\/\*\*|\/\/).*$/gm, "").replaceAll(/\s+/g, " ");
  const starts = plain.matchAll(
    /[\w$#.!]*\.(?:push|unshift|max|min|of|fromCharCode|splice)\(/g,
  );
  return Array.from(starts).flatMap(({ index, 0: { length } }) => {
    let depth = 1, spreads = false, at = index + length;
    for (; depth > 0 && at < plain.length; at++) {
      if (depth === 1 && plain.startsWith("...", at)) spreads = true;
      if ("([{".includes(plain[at]!)) depth++;
      else if (")]}".includes(plain[at]!)) depth--;
    }
    return spreads ? [plain.slice(index, at)] : [];
  });
}
