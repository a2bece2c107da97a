import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { allowedCode } from "../../../src/pipeline/allowed_code.ts";
import { readPlan } from "../../../src/run/read_plan.ts";
import { planOf } from "../../../src/sweep/check.ts";
import { readSweep } from "../../../src/pipeline/sweep_file/read.ts";
import { digitsPipeline } from "../../support/pipelines.ts";
import { problemsOf, withFiles } from "../../support/problems.ts";
import { allCode } from "../../support/all_code.ts";
import { shortNames } from "../../../src/pipeline/sweep_file/grid.ts";

const base = stringify(digitsPipeline());
const mod = new URL("../../../mod.ts", import.meta.url).href;

/** Reads a sweep file in the folder of `base.yaml`. */
function withSweep<T>(
  text: string,
  test: (file: string, folder: string) => Promise<T>,
): Promise<T> {
  return withFiles(
    { "base.yaml": base, "sweep.yaml": text },
    (folder) => test(join(folder, "sweep.yaml"), folder),
  );
}

Deno.test("a setting merges maps into the base and sets values at paths", () =>
  withSweep(
    `
base: base.yaml
seeds: [3, 4]
settings:
  basic:
    losses: [{ use: cross-entropy, on: light }]
  rocket:
  loud: { network: { light: [12] }, losses.2.weight: 0.5, "losses[2].gradient": none }
  other: { network: { use: wide-resnet, light: { depth: 10 } } }
`,
    async (file) => {
      const { runs, settings, name } = await readSweep(file, { allowed: allCode });
      assertEquals(name, "sweep");
      assertEquals(settings.map(({ key, reference }) => [key, reference]), [
        ["basic", "basic"],
        ["rocket", "basic"],
        ["loud", "basic"],
        ["other", "basic"],
      ]);
      assertEquals(
        runs.map(({ setting, seed }) => `${setting} ${seed}`),
        [3, 4].flatMap((seed) => settings.map(({ key }) => `${key} ${seed}`)),
      );
      const value = (index: number) => runs[index]!.document().value as Record<string, unknown>;
      const plain = digitsPipeline() as Record<string, Record<string, unknown>>;
      assertEquals(value(0), {
        ...plain,
        seed: 3,
        losses: [{ use: "cross-entropy", on: "light" }],
      });
      assertEquals(value(5), { ...plain, seed: 4 });
      assertEquals(value(2).network, { use: "mlp", shared: [16], light: [12], booster: [32] });
      assertEquals((value(2).losses as unknown[])[2], {
        ...(plain.losses as unknown as Record<string, unknown>[])[2],
        weight: 0.5,
        gradient: "none",
      });
      assertEquals(value(3).network, { use: "wide-resnet", light: { depth: 10 } });
    },
  ));

Deno.test("a run of a sweep has the plan of its pipeline, with the run's seed and without a baseline", () =>
  withFiles({
    "base.yaml": stringify(
      digitsPipeline({ train: { epochs: 1, batch: 64, baseline: "light-alone" } }),
    ),
    "sweeps/sweep.yaml":
      "base: ../base.yaml\nseeds: [7]\nsettings: { rocket: { losses.2.weight: 0.1 } }\n",
  }, async (folder) => {
    const { runs } = await readSweep(join(folder, "sweeps/sweep.yaml"), {
      allowed: allCode,
      set: ["train.epochs=3"],
    });
    const plan = await planOf(runs[0]!, await allowedCode(folder));
    const alone = await readPlan(join(folder, "base.yaml"), [
      ...["seed=7", "losses.2.weight=0.1", "train.baseline=none", "train.epochs=3"],
    ]);
    assertEquals(plan.resolved, alone.resolved);
  }));

Deno.test("the key of a setting does not change if another setting with a grid is added", () => {
  const sweep = `
base: base.yaml
seeds: [1]
grid: { network.light: { small: [4] } }
settings:
  basic: {}
  logits: { grid: { losses.2.weight: [0.1] } }
`;
  const label = "  label: { grid: { losses.0.weight: [0.2], network.booster: { light: [8] } } }\n";
  const keys = ["basic,light=small", "logits,light=small,weight=0.1"];
  const keysOf = async (file: string) =>
    (await readSweep(file, { allowed: allCode })).settings.map(({ key }) => key);
  return withSweep(sweep, async (file) => {
    assertEquals(await keysOf(file), keys);
    await Deno.writeTextFile(file, sweep + label);
    assertEquals(await keysOf(file), [...keys, "label,light=small,weight=0.2,booster=light"]);
  });
});

Deno.test("a sweep whose file's name consists of dots is called sweep", async () => {
  const text = "base: base.yaml\nseeds: [1]\nsettings: { a: {} }\n";
  const base = stringify(digitsPipeline());
  await withFiles({ "...yaml": text, "b.yaml": text, "base.yaml": base }, async (folder) => {
    const names = ["...yaml", "b.yaml"].map(async (file) =>
      (await readSweep(join(folder, file), { allowed: allCode })).name
    );
    assertEquals(await Promise.all(names), ["sweep", "b"]);
  });
});

Deno.test("the name of a folder has no characters that file systems refuse", () => {
  const names = shortNames([
    "data.features.a/b.L1",
    "data.features.c\0\u2028d",
    "losses[2].weight",
  ]);
  assertEquals([...names.values()], ["L1", "c__d", "weight"]);
});

Deno.test("a grid gives all combinations, each compared with the reference at the same point", () =>
  withSweep(
    `
base: base.yaml
seeds: [1]
grid:
  network.light: { small: [4], large: [16] }
settings:
  basic:
    losses: [{ use: cross-entropy, on: light }]
  rocket:
    grid: { losses.2.weight: [0.01, 0.1] }
`,
    async (file, folder) => {
      const { settings, runs } = await readSweep(file, { allowed: allCode });
      assertEquals(settings.map(({ key, reference }) => [key, reference]), [
        ["basic,light=small", "basic,light=small"],
        ["basic,light=large", "basic,light=large"],
        ["rocket,light=small,weight=0.01", "basic,light=small"],
        ["rocket,light=small,weight=0.1", "basic,light=small"],
        ["rocket,light=large,weight=0.01", "basic,light=large"],
        ["rocket,light=large,weight=0.1", "basic,light=large"],
      ]);
      const { resolved } = await planOf(runs[5]!, await allowedCode(folder));
      assertEquals((resolved.network as { light: unknown }).light, [16]);
      assertEquals((resolved.losses as { weight: number }[])[2]!.weight, 0.1);
    },
  ));

Deno.test("a sweep file may be written in TypeScript", () =>
  withFiles({
    "base.yaml": base,
    "sweep.ts": `import { defineSweep } from ${JSON.stringify(mod)};
export default defineSweep({
  base: "base.yaml",
  seeds: [0, 1].map((n) => n + 5),
  settings: { rocket: { "losses.2.weight": 0.1 } },
});\n`,
  }, async (folder) => {
    const { runs } = await readSweep(join(folder, "sweep.ts"), { allowed: allCode });
    assertEquals(runs.map(({ seed }) => seed), [5, 6]);
  }));

const cases: [name: string, sweep: string, expected: [string, string, string][]][] = [
  [
    "a key that is misspelled",
    "base: base.yaml\nsede: [1]\nsettings: { a: {} }\n",
    [["sweep.yaml:2:1", 'the sweep has no option "sede"', "did you mean seeds?"]],
  ],
  [
    "a base that is not there",
    "base: bse.yaml\nseeds: [1]\nsettings: { a: {} }\n",
    [["sweep.yaml:1:7", "there is no file bse.yaml", "did you mean base.yaml?"]],
  ],
  [
    "a duplicate seed and an unknown reference",
    "base: base.yaml\nseeds: [1, 2, 1]\nsettings: { basic: {}, rocket: {} }\nreference: basik\n",
    [
      [
        "sweep.yaml:4:1",
        'the reference "basik" is not a setting of the sweep',
        "did you mean basic?",
      ],
      ["sweep.yaml:2:15", "the seed 1 is listed twice", ""],
    ],
  ],
  [
    "a path that leads nowhere",
    "base: base.yaml\nseeds: [1]\nsettings:\n  a: { losses.9.weight: 1 }\n",
    [[
      "sweep.yaml:4:25",
      'losses is a list of length 3; expected an index from 0 to 3, got "9"',
      "",
    ]],
  ],
  [
    "a value of a grid without a name",
    "base: base.yaml\nseeds: [1]\nsettings: { a: {} }\ngrid: { network.light: [[4]] }\n",
    [[
      "sweep.yaml:4:25",
      'grid["network.light"][0] of the sweep: expected a number, true, false, or text of letters, digits, dots, +, dashes and underscores; ' +
      "name other values in a map: { NAME: VALUE }, got [4]",
      "",
    ]],
  ],
  [
    "grids with many million combinations",
    `base: base.yaml\nseeds: [1]\nsettings: { a: {} }\ngrid: { ${
      ["seed", "train.epochs", "train.batch", "network.light", "network.booster"]
        .map((path) => `${path}: [${Array.from({ length: 30 }, (_, value) => value + 1)}]`)
    } }\n`,
    [["sweep.yaml:4:7", "the sweep has 24,300,000 runs; at most 10,000 are allowed", ""]],
  ],
  [
    "a grid with thousands of paths",
    `base: base.yaml\nseeds: [1]\nsettings: { a: {} }\ngrid: { ${
      Array.from({ length: 5000 }, (_, at) => `x${at}.k: [1]`)
    } }\n`,
    [["sweep.yaml:4:7", "a grid of the sweep varies 5,000 options; at most 50 are allowed", ""]],
  ],
  [
    "a grid of the reference's own",
    "base: base.yaml\nseeds: [1]\nsettings: { a: { grid: { seed: [1, 2] } } }\n",
    [[
      "sweep.yaml:3:18",
      "the reference setting cannot have its own `grid`, because there can be only one reference",
      "",
    ]],
  ],
];

for (const [name, text, expected] of cases) {
  Deno.test(`a sweep file is rejected for ${name}, with its place`, () =>
    withSweep(text, async (file, folder) => {
      assertEquals(await problemsOf(() => readSweep(file, { allowed: allCode }), folder), expected);
    }));
}
