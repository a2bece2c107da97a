import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { preparedYaml } from "../../src/input/prepare_features.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { withFiles } from "../support/formats.ts";

/** A row of a table whose columns have all kinds of names; `when` is the number of the row. */
const rows = Array.from({ length: 40 }, (_, row) => ({
  when: row,
  "mean radius (mm)": row % 7 === 2 ? "NA" : String(row * 1.5 - 3),
  "a.b": row % 3,
  "5*": row / 4,
  "größe": row % 5 === 0 ? "NA" : ["s", "m", "l", "xl"][row % 4]!,
  "!key": `k${row}`,
  diagnosis: row % 2 === 0 ? "ill" : "well",
}));
const names = Object.keys(rows[0]!);
const csv = [names, ...rows.map((row) => Object.values(row))].map((cells) => `${cells}\n`).join("");

const pipeline = (data: Record<string, unknown>) =>
  stringify({
    name: "own",
    data: {
      all: { use: "csv", path: "all.csv" },
      nullValues: ["NA"],
      split: { test: 0.25, by: { time: "when" } },
      label: "diagnosis",
      nulls: "median",
      ...data,
    },
    network: { use: "mlp", light: [4], booster: [8] },
    losses: [{ use: "cross-entropy", on: "light" }],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 1, batch: 8 },
  });

async function prepared<T>(
  data: Record<string, unknown>,
  use: (data: PreparedData) => T | Promise<T>,
): Promise<T> {
  let used: T;
  await withFiles({ "all.csv": csv, "p.yaml": pipeline(data) }, async (folder) => {
    const data = await prepareData(await readPlan(join(folder, "p.yaml")));
    try {
      used = await use(data);
    } finally {
      await data.close();
    }
  });
  return used!;
}

/** What a net would receive of all splits. */
async function batchesOf({ splits, transforms, measured }: PreparedData) {
  const found: unknown[] = [measured];
  for (const split of Object.values(splits)) {
    const batch = await split.slice(0, split.rows);
    found.push(transforms.apply(batch, { seed: 1, epoch: 0, batch: 0, training: false }));
  }
  return found;
}

Deno.test("prepare: auto measures on the training rows alone, and check's YAML gives the same rows", async () => {
  const automatic = { features: ["*", "!\\!key"], prepare: "auto" };
  const { yaml, batches } = await prepared(automatic, async (data) => {
    // The last quarter of the rows is for tests, so the training rows are the first 30.
    const train = rows.slice(0, 30), { features } = data.splits.train;
    assertEquals(data.splits.train.rows, 30);
    assertEquals(Object.keys(features), ["mean radius (mm)", "a.b", "5*", "größe"]);
    assertEquals(features["größe"]!.vocabulary, ["", "l", "m", "s", "xl"]);
    assertEquals(data.transforms.features!["größe"]!.shape, [6]);
    const radii = train.map((row) => row["mean radius (mm)"])
      .filter((text) => text !== "NA").map(Number).sort((a, b) => a - b);
    const middle = (radii[(radii.length - 1) >> 1]! + radii[radii.length >> 1]!) / 2;
    assertEquals(data.measured.nulls["mean radius (mm)"], [middle]);
    const [moments] = data.measured.transforms as Record<
      string,
      { mean: number[]; std: number[] }
    >[];
    const mean = train.reduce((sum, row) => sum + row["a.b"], 0) / 30;
    const variance = train.reduce((sum, row) => sum + (row["a.b"] - mean) ** 2, 0) / 30;
    const { mean: [found], std: [deviation] } = moments!["a.b"]!;
    assert(Math.abs(found! - mean) < 1e-12 && Math.abs(deviation! ** 2 - variance) < 1e-12);
    const { ids } = data.plan.features["größe"]!;
    assertEquals(ids, { train: true, minCount: 2 });
    return { yaml: preparedYaml(data.plan), batches: await batchesOf(data) };
  });
  const pasted = (parse(yaml) as { data: Record<string, unknown> }).data;
  assertEquals(Object.keys(pasted), ["features", "transforms"]);
  assertEquals(await prepared(pasted, batchesOf), batches);
});

Deno.test("prepare: auto gives ids to values that occur twice, or to all if none does", async () => {
  await prepared({ features: "rest", prepare: "auto" }, ({ splits, plan, transforms }) => {
    const { train: { features, idCounts } } = splits;
    // The text that replaces nulls has an id, too.
    assertEquals([features["!key"]!.vocabulary!.length, idCounts["!key"]!.once], [31, 30]);
    assertEquals(plan.features["!key"]!.ids, "train");
    assertEquals(plan.features["größe"]!.ids, { train: true, minCount: 2 });
    assertEquals(transforms.features!["!key"]!.shape, [32]);
  });
});

Deno.test("features are chosen by names and patterns, in the order of the entries", async () => {
  const chosen = (features: unknown) =>
    prepared({ features, prepare: "auto" }, ({ splits }) => Object.keys(splits.train.features));
  assertEquals(
    await chosen("rest"),
    ["mean radius (mm)", "a.b", "5*", "größe", "!key"],
  );
  assertEquals(await chosen(["a.b", "mean *", "*.b"]), ["a.b", "mean radius (mm)"]);
  // The column of the split is a feature if it is named.
  assertEquals(await chosen(["5\\*", "gr*", "when"]), ["5*", "größe", "when"]);
  assertEquals(await chosen({ "*": {}, "\\!key": { ids: { hash: 4 } } }), [
    "mean radius (mm)",
    "a.b",
    "5*",
    "größe",
    "!key",
  ]);
  assertEquals(await chosen({ size: { column: "größe" }, "*b": null }), ["size", "a.b"]);
});
