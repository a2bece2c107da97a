import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { createRegistry, isElsewhere, isStage, isUrl } from "../../src/pipeline/registry.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import type { AnyStage, StageKind } from "../../src/stages/stage.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import { builtins } from "../../plugins/mod.ts";
import { allCode } from "../support/all_code.ts";
import { pluginApi } from "../support/pipelines.ts";
import { problemsOf, withFiles } from "../support/problems.ts";

const registry = createRegistry(builtins, allCode);
const place = { file: "f.yaml", line: 7, column: 3 };

/** A module that exports a loss and a metric. */
const plugin = `
import { defineLoss, defineMetric, z } from ${JSON.stringify(pluginApi)};
const options = z.object({});
export default defineLoss({
  name: "mine", summary: "Mine.", form: "hint", options, create: () => (from) => from,
});
export const other = defineLoss({
  name: "other", summary: "Mine.", form: "hint", options, create: () => (from) => from,
});
export const broken = 3;
`;

/** Writes some files and finds a stage in them. */
const findIn = (files: Record<string, string>, kind: StageKind, use: string) =>
  withFiles(files, (folder) => registry.find(kind, use, { folder, place }));

/** Writes some files and returns the error for a stage that is not found. */
const refused = (files: Record<string, string>, kind: StageKind, use: string) =>
  withFiles(
    files,
    (folder) => problemsOf(() => registry.find(kind, use, { folder, place }), folder),
  );

Deno.test("isElsewhere() distinguishes files and packages from built-in names", () => {
  const elsewhere = [
    "./mine.ts",
    "../plugins/mine.js",
    "/abs/mine.ts",
    "mine.ts",
    "folder/mine.mjs",
    "mine.ts#other",
    "jsr:@scope/name",
    "npm:name@1/sub",
    "https://example.com/mine.ts",
    "file:///mine.ts",
    "C:\\plugins\\mine",
  ];
  for (const use of elsewhere) assertEquals(isElsewhere(use), true, use);
  for (const use of ["mse-hint", "kl", "", "mine.tsv", "a:b", "mine.ts.txt"]) {
    assertEquals(isElsewhere(use), false, use);
  }
});

Deno.test("isUrl() accepts schemes with two or more letters", () => {
  assertEquals(["npm:x", "https://x", "C:\\x", "./a:b", "x"].map(isUrl), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("isStage() recognizes the results of the define… functions", () => {
  assert(isStage(mseHint));
  const { create: _, ...rest } = mseHint;
  for (const value of [null, undefined, 3, "mse-hint", {}, rest, { ...mseHint, kind: "hint" }]) {
    assert(!isStage(value));
  }
});

Deno.test("find() finds each built-in stage by its kind and name", async () => {
  for (const stage of builtins) {
    const found = await registry.find(stage.kind, stage.name, { folder: ".", place });
    assert(found === stage, stage.name);
  }
});

Deno.test("find() accepts a stage object", async () => {
  assert(await registry.find("loss", mseHint, { folder: ".", place }) === mseHint);
  assertEquals(
    await problemsOf(() => registry.find("metric", mseHint, { folder: ".", place })),
    [["f.yaml:7:3", "mse-hint is a loss stage; expected a metric stage", ""]],
  );
  assertEquals(
    await problemsOf(() => registry.find("loss", {} as AnyStage, { folder: ".", place })),
    [[
      "f.yaml:7:3",
      "the value of `use` is not a stage",
      "use the value that a function such as defineLoss() returns",
    ]],
  );
});

Deno.test("find() suggests the most similar name for an unknown stage", async () => {
  const optimizers = "the optimizer stages are adagrad, adam, adamw, sgd";
  const cases: [StageKind, string, string, string][] = [
    ["loss", "mse-hnit", 'there is no loss stage called "mse-hnit"', "did you mean mse-hint?"],
    ["optimizer", "rocket", 'there is no optimizer stage called "rocket"', optimizers],
    ["metric", "mse-hint", 'there is no metric stage called "mse-hint"', "mse-hint is a loss"],
    ["source", "constructor", 'there is no source stage called "constructor"', "arrow"],
  ];
  for (const [kind, use, message, hint] of cases) {
    const [[at, said, hinted], ...others] = await problemsOf(() =>
      registry.find(kind, use, { folder: ".", place })
    ) as [[string, string, string]];
    assertEquals([at, said, others], ["f.yaml:7:3", message, []]);
    assert(hinted.includes(hint), hinted);
  }
});

Deno.test("find() loads a file relative to the folder of the file that names it", async () => {
  for (
    const [path, use] of [
      ["mine.ts", "./mine.ts"],
      ["mine.ts", "mine.ts"],
      ["a b/mine 1.ts", "./a b/mine 1.ts"],
      ["sub/mine.mts", "sub/mine.mts"],
      ["mine.ts", "mine.ts#default"],
    ] as const
  ) {
    const stage = await findIn({ [path]: plugin }, "loss", use);
    assertEquals([stage.kind, stage.name], ["loss", "mine"], use);
  }
  const named = await findIn({ "mine.ts": plugin }, "loss", "./mine.ts#other");
  assertEquals(named.name, "other");
});

Deno.test("find() loads absolute paths and URLs", async () => {
  await withFiles({ "mine.ts": plugin }, async (folder) => {
    const file = join(folder, "mine.ts");
    for (const use of [file, pathToFileURL(file).href, `${pathToFileURL(file).href}#other`]) {
      const stage = await registry.find("loss", use, { folder: "/nowhere", place });
      assertEquals(stage.kind, "loss", use);
    }
  });
  const script = `data:application/typescript,${encodeURIComponent(plugin)}`;
  assertEquals((await registry.find("loss", script, { folder: ".", place })).name, "mine");
});

Deno.test("find() loads packages from npm", async () => {
  const [problem] = await refused({}, "loss", "npm:zod@^4.1.0");
  assertEquals(problem!.slice(0, 2), [
    "f.yaml:7:3",
    "the export of npm:zod@^4.1.0 is not a stage",
  ]);
  const [other] = await refused({}, "loss", "npm:zod@^4.1.0#nothing");
  assertEquals(other![1], 'npm:zod@^4.1.0 has no export "nothing"');
});

Deno.test("find() reports the stage and the place of a module that cannot be loaded", async () => {
  const throws = (thrown: string) => ({ "mine.ts": `throw ${thrown};\nexport default 1;` });
  const cases: [Record<string, string>, string][] = [
    [throws('new RangeError("no luck")'), "RangeError: no luck"],
    [throws('"words"'), "Error: words"],
    [throws("undefined"), "Error: undefined"],
    [
      {
        "mine.ts": `import { UserError } from ${JSON.stringify(pluginApi)};
          throw new UserError("there is no key");`,
      },
      "UserError: there is no key",
    ],
  ];
  for (const [files, text] of cases) {
    assertEquals(await refused(files, "loss", "./mine.ts"), [[
      "f.yaml:7:3",
      `the loss stage "./mine.ts" cannot be loaded: ${text}`,
      "run again with --debug to see the stack trace",
    ]]);
  }
  for (const text of ["export default {;", 'import "./none.ts";']) {
    const [[at, message]] = await refused({ "mine.ts": text }, "loss", "./mine.ts") as [
      [string, string, string],
    ];
    assertEquals(at, "f.yaml:7:3");
    assert(message.startsWith('the loss stage "./mine.ts" cannot be loaded: '), message);
  }
});

Deno.test("find() reports the stage whose module throws, and keeps the cause", async () => {
  const error = await assertRejects(
    () => findIn({ "mine.ts": 'throw new Error("x");' }, "metric", "./mine.ts"),
    StageError,
  );
  assertEquals(error.stage, { kind: "metric", name: "./mine.ts", place });
  assertInstanceOf(error.cause, Error);
});

Deno.test("find() rejects modules that do not export the requested stage", async () => {
  const no = "./mine.ts has no default export";
  const define =
    "export a stage as the default: `export default defineLoss({ … })`, or another define… function";
  const something = "the export of ./mine.ts is not a stage";
  const returns = "use the value that a function such as defineLoss() returns";
  const named = plugin.replace("export default", "export const mine =");
  const cases: [string, StageKind, string, string, string][] = [
    ["export const x = 1;", "loss", "./mine.ts", no, define],
    ["", "loss", "./mine.ts", no, define],
    [named, "loss", "./mine.ts", no, "it exports the stages ./mine.ts#mine, ./mine.ts#other"],
    [
      plugin,
      "loss",
      "./mine.ts#othr",
      './mine.ts has no export "othr"',
      "did you mean ./mine.ts#other?",
    ],
    [
      plugin,
      "loss",
      "./mine.ts#toString",
      './mine.ts has no export "toString"',
      "it exports the stages ./mine.ts#default, ./mine.ts#other",
    ],
    ["export default 3;", "loss", "./mine.ts", something, returns],
    ["export default null;", "loss", "./mine.ts", something, returns],
    ["export default async () => {};", "loss", "./mine.ts", something, returns],
    ['export default { kind: "loss", name: "x" };', "loss", "./mine.ts", something, returns],
    [
      plugin,
      "loss",
      "./mine.ts#broken",
      "the export of ./mine.ts#broken is not a stage",
      returns,
    ],
    [plugin, "metric", "./mine.ts", "./mine.ts is a loss stage; expected a metric stage", ""],
    [plugin, "output", "./mine.ts", "./mine.ts is a loss stage; expected an output stage", ""],
  ];
  for (const [text, kind, use, message, hint] of cases) {
    assertEquals(await refused({ "mine.ts": text }, kind, use), [["f.yaml:7:3", message, hint]]);
  }
});

Deno.test("find() suggests the most similar file name for a missing file", async () => {
  const files = { "plugins/mine.ts": plugin, "plugins/far.ts": plugin };
  assertEquals(await refused(files, "loss", "./plugins/mime.ts"), [
    ["f.yaml:7:3", "there is no file ./plugins/mime.ts", "did you mean ./plugins/mine.ts?"],
  ]);
  assertEquals(await refused(files, "loss", "mine.ts"), [[
    "f.yaml:7:3",
    "there is no file mine.ts",
    "write a path relative to the folder of the pipeline file; this path leads to mine.ts",
  ]]);
  assertEquals(await refused(files, "loss", "./no/mine.ts"), [[
    "f.yaml:7:3",
    "there is no file ./no/mine.ts",
    "write a path relative to the folder of the pipeline file; this path leads to no/mine.ts",
  ]]);
});
