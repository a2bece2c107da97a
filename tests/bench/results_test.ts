import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { writeResult } from "../../bench/results.ts";
import { result } from "./support.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-bench-" });
  try {
    await test(join(folder, "results"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const order = ["a", "b"];

Deno.test("writeResult() keeps the rows that were written before, in the table's order", () =>
  withFolder(async (folder) => {
    await writeResult(folder, result({ id: "b", row: "row b" }), order);
    await writeResult(folder, result({ id: "a", row: "row a" }), order);
    const written = JSON.parse(await Deno.readTextFile(join(folder, "b.json")));
    assertEquals(written, result({ id: "b", row: "row b" }));
    const table = await Deno.readTextFile(join(folder, "latest.md"));
    assert(table.indexOf("row a") < table.indexOf("row b"), table);
  }));

Deno.test("writeResult() replaces a row that was run again", () =>
  withFolder(async (folder) => {
    await writeResult(folder, result({ id: "a", row: "before" }), order);
    await writeResult(folder, result({ id: "a", row: "after" }), order);
    const table = await Deno.readTextFile(join(folder, "latest.md"));
    assert(table.includes("after") && !table.includes("before"), table);
  }));

Deno.test("writeResult() records the machine and versions of each row", () =>
  withFolder(async (folder) => {
    await writeResult(folder, result({ id: "a" }), order);
    await writeResult(folder, result({ id: "b", rounds: 9 }), order);
    const table = await Deno.readTextFile(join(folder, "latest.md"));
    const machine = "Abacus 9, 2 cores, 8 GiB, linux x86_64; 2030-01-02";
    const versions = "Deno 2.9.6, Fast 1.0, Peer 2.0";
    assertStringIncludes(table, `- ${machine}, 3 rounds; ${versions}: a\n`);
    assertStringIncludes(table, `- ${machine}, 9 rounds; ${versions}: b\n`);
  }));
