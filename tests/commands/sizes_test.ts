/**
 * Tests that `check` and a run reject sizes that exceed any machine's memory before they allocate
 * anything.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { deno, inFolder, launcher } from "../support/command_line.ts";
import { dayPipeline, writeRows } from "../support/hand_over.ts";

/** Data options, networks, and the expected messages. */
const cases: Readonly<
  Record<string, { data: unknown; network?: unknown; words: string[] }>
> = {
  "a table of two billion ids": {
    data: { features: { x: { ids: { hash: 2_000_000_000 } } } },
    network: { use: "ctr", embedding: 16 },
    words: [
      "the table embedding/x of size 2,000,000,001 × 16 needs 128 GB; this machine has ",
      "hint: use fewer ids",
    ],
  },
  "a layer of ten billion units": {
    data: { features: { z: {} } },
    network: { use: "mlp", booster: [10_000_000_000] },
    words: ["the variable booster/dense1/kernel of size 1 × 10,000,000,000 needs 40 GB"],
  },
  "one-hot places": {
    data: {
      features: { x: {} },
      transforms: [{ use: "cast", dtype: "int32" }, { use: "one-hot", count: 1_000_000_000 }],
    },
    network: { use: "mlp", light: [2] },
    words: ["after the transform one-hot: the feature x has 1,000,000,000 numbers per row"],
  },
  "an image": {
    data: {
      features: { z: { shape: [1] } },
      transforms: [
        { use: "reshape", shape: [1, 1, 1] },
        { use: "resize", to: [1_000_000, 1_000_000], mode: "bilinear" },
      ],
    },
    network: { use: "mlp", light: [2] },
    words: ["after the transform resize: the feature z has 1,000,000 × 1,000,000 × 1 numbers"],
  },
  "a list of ids": {
    data: { features: { x: { ids: { hash: 9 }, length: 1e12 } } },
    words: ["a row of the feature x needs 4"],
  },
  "a net of a billion layers": {
    data: {
      features: { z: { shape: [1] } },
      transforms: [{ use: "reshape", shape: [1, 1, 1] }, { use: "resize", to: [4, 4] }],
    },
    network: {
      use: "wide-resnet",
      sharing: "none",
      light: { depth: 10 },
      booster: { depth: 6_000_000_004 },
    },
    words: ["the nets declare more than 100,000 variables", "such as `depth: 40`"],
  },
};

for (const [name, { data, network, words }] of Object.entries(cases)) {
  Deno.test(`pipeline check rejects ${name} before allocating anything`, async () => {
    await inFolder(async (folder) => {
      const rows = Array.from({ length: 20 }, (_, row) => row);
      await writeRows(join(folder, "day.csv"), {
        x: rows,
        z: rows.map((row) => row + 0.5),
        y: rows.map((row) => row % 2),
      });
      const file = join(folder, "p.json");
      const given = network === undefined ? {} : { network };
      await Deno.writeTextFile(file, JSON.stringify(dayPipeline("day", { data, ...given })));
      const commands = name.startsWith("a table") ? [["check", file], [file]] : [["check", file]];
      for (const command of commands) {
        const { code, stderr } = await deno([...launcher, ...command, "--engine", "wasm"], {
          cwd: folder,
        });
        assertEquals(code, 2, stderr);
        for (const word of words) assertStringIncludes(stderr, word);
        assert(!stderr.includes("a bug in Rocket"), stderr);
      }
    });
  });
}

Deno.test("pipeline sweep and resume reject the same sizes as run", async () => {
  await inFolder(async (folder) => {
    const rows = Array.from({ length: 20 }, (_, row) => row);
    await writeRows(join(folder, "day.csv"), { x: rows, y: rows.map((row) => row % 2) });
    const { data, network } = cases["a table of two billion ids"]!;
    const write = (name: string, content: unknown) =>
      Deno.writeTextFile(join(folder, name), JSON.stringify(content));
    await write("large.json", dayPipeline("day", { data, ...network ? { network } : {} }));
    await write("sweep.json", {
      name: "sizes",
      base: "large.json",
      seeds: [1],
      settings: { large: {} },
    });
    const small = { features: { x: { ids: { hash: 7 } } } };
    await write(
      "small.json",
      dayPipeline("day", { data: small, train: { epochs: 1, batch: 16 }, outputs: ["checkpoint"] }),
    );
    const call = (...args: string[]) =>
      deno([...launcher, ...args, "--engine", "wasm"], { cwd: folder });
    const refused = await call("sweep", "sweep.json", "--out", "swept");
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(
      refused.stderr,
      "the table embedding/x of size 2,000,000,001 × 16 needs 128 GB",
    );
    const run = await call("small.json", "--out", "run", "--quiet");
    assertEquals(run.code, 0, run.stderr);
    // A run may be resumed on a machine with less memory.
    const path = join(folder, "run", "pipeline.json");
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      text.replaceAll(/("hash": ?)7\b/g, (_, key) => `${key}2000000000`),
    );
    const resumed = await call("resume", "run", "--epochs", "2");
    assertEquals(resumed.code, 2, resumed.stderr);
    assertStringIncludes(resumed.stderr, "the table embedding/x of size 2,000,000,001 ×");
    assertStringIncludes(resumed.stderr, "this machine has ");
  });
});
