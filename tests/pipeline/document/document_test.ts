import { join, relative } from "node:path";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Document,
  documentOfValue,
  readDocument,
} from "../../../src/pipeline/document/document.ts";
import { formatPlace, UserError } from "../../../src/base/errors.ts";
import type { Path } from "../../../src/pipeline/document/nodes.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import { problemsOf, withEnvironment, withFiles } from "../../support/problems.ts";
import { allCode } from "../../support/all_code.ts";

type Files = Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;

/** Writes some files and reads the first one as a pipeline. */
const readFirst = <T>(files: Files, test: (document: Document, folder: string) => T) =>
  withFiles(
    files,
    async (folder) =>
      await test(
        await readDocument(join(folder, Object.keys(files)[0]!), { allowed: allCode }),
        folder,
      ),
  );

/** Writes some files and returns the problems of the first one. */
const refused = (files: Files, set: readonly string[] = []) =>
  withFiles(
    files,
    (folder) =>
      problemsOf(
        () => readDocument(join(folder, Object.keys(files)[0]!), { allowed: allCode, set }),
        folder,
      ),
  );

/** Returns the places of a value and of its key as text, relative to the files' folder. */
function places(document: Document, path: Path, folder: string): [value: string, key: string] {
  return [document.place(path), document.keyPlace(path)]
    .map((place) => formatPlace(place).replace(`${folder}/`, "")) as [string, string];
}

Deno.test("readDocument() reads YAML and JSON", async () => {
  const value = { name: "x", losses: [{ use: "kl" }] };
  const json = JSON.stringify(value, undefined, "\t");
  const files: Files[] = [
    { "a.yaml": "name: x\nlosses: [{ use: kl }]\n" },
    { "a.yml": "name: x\r\nlosses:\r\n  - use: kl\r\n" },
    { "a.YAML": "name: x\nlosses: [{ use: kl }]" },
    { "a.json": json },
    { "a.json": json.replaceAll("\n", "\r\n") },
    { "a.json": `\ufeff${json}` },
    { "b.yaml": "\ufeffname: x\nlosses: [{ use: kl }]\n" },
  ];
  for (const file of files) {
    await readFirst(file, (document) => assertEquals(document.value, value));
  }
});

Deno.test("readDocument() does not count a byte order mark as a column", async () => {
  await readFirst(
    { "a.yaml": "\ufeffname: x\n" },
    (document, folder) =>
      assertEquals(places(document, ["name"], folder), ["a.yaml:1:7", "a.yaml:1:1"]),
  );
});

Deno.test("readDocument() provides the places of values, keys, and missing values", async () => {
  const text = "name: x\nlosses:\n  - use: kl\n    weight: 2\n";
  await readFirst({ "a.yaml": text }, (document, folder) => {
    const cases: [Path, string, string][] = [
      [[], "a.yaml:1:1", "a.yaml:1:1"],
      [["losses"], "a.yaml:3:3", "a.yaml:2:1"],
      [["losses", 0, "weight"], "a.yaml:4:13", "a.yaml:4:5"],
      [["losses", 0, "name"], "a.yaml:3:5", "a.yaml:3:5"],
      [["losses", 3], "a.yaml:3:3", "a.yaml:3:3"],
      [["network", "use"], "a.yaml:1:1", "a.yaml:1:1"],
    ];
    for (const [path, value, key] of cases) {
      assertEquals(places(document, path, folder), [value, key], path.join("."));
    }
    assertEquals(document.place(["losses", 0, "weight"]).path, "losses[0].weight");
    assertEquals(document.place(["losses", 0, "name"]).path, "losses[0]");
    assertEquals(document.folderOf(["losses", 0]), folder);
  });
});

Deno.test("readDocument() names files as the user did", async () => {
  await withFiles({ "a.yaml": "name: x" }, async (folder) => {
    const file = relative(Deno.cwd(), join(folder, "a.yaml"));
    const document = await readDocument(file, { allowed: allCode });
    assertEquals([document.file, document.place(["name"]).file], [file, file]);
  });
});

Deno.test("readDocument() rejects files that do not contain a pipeline", async () => {
  const hint = "pipelines/quickstart.yaml is an example to start from";
  const cases: [Files, string, string, string][] = [
    [{ "a.yaml": "" }, "a.yaml:1:1", "a.yaml does not contain a pipeline: it is empty", hint],
    [{ "a.yaml": "# x\n" }, "a.yaml:1:1", "a.yaml does not contain a pipeline: it is empty", hint],
    [{ "a.json": "\n" }, "a.json:1:1", "a.json does not contain a pipeline: it is empty", hint],
    [
      { "a.yaml": "- a\n" },
      "a.yaml:1:1",
      "a.yaml does not contain a pipeline: it is not a map",
      hint,
    ],
    [{ "a.json": "3" }, "a.json:1:1", "a.json does not contain a pipeline: it is not a map", hint],
    [{ "a.yaml": Uint8Array.of(97, 58, 32, 0xff) }, "", "a.yaml is not UTF-8 text", ""],
    [{ "a.yaml": Uint8Array.of(0xff, 0xfe, 97, 0) }, "", "a.yaml is not UTF-8 text", ""],
    [{ "a.yaml/b": "x" }, "", "a.yaml is a folder", ""],
    [
      { "a.toml": "x" },
      "",
      "a.toml is not a pipeline file",
      "name a file that ends in .yaml, .yml, .json or .ts",
    ],
    [
      { "a": "x" },
      "",
      "a is not a pipeline file",
      "name a file that ends in .yaml, .yml, .json or .ts",
    ],
    [
      { "a.yaml": new Uint8Array(4 * 2 ** 20 + 1).fill(32) },
      "",
      "a.yaml has 4194305 bytes; a pipeline file may have at most 524288",
      "",
    ],
  ];
  for (const [files, place, message, hint] of cases) {
    const name = Object.keys(files)[0]!.replace("/b", "");
    await withFiles(files, async (folder) => {
      assertEquals(
        await problemsOf(() => readDocument(join(folder, name), { allowed: allCode }), folder),
        [[place, message, hint]],
      );
    });
  }
});

Deno.test("readDocument() suggests the most similar file name for a missing file", async () => {
  await withFiles(
    { "quickstart.yaml": "", "quickstar.txt": "", "mine.ts": "" },
    async (folder) => {
      const missing = (name: string) =>
        problemsOf(() => readDocument(join(folder, name), { allowed: allCode }), folder);
      assertEquals(await missing("quikstart.yaml"), [
        ["", "there is no file quikstart.yaml", "did you mean quickstart.yaml?"],
      ]);
      assertEquals(await missing("mone.ts"), [
        ["", "there is no file mone.ts", "did you mean mine.ts?"],
      ]);
      assertEquals(await missing("other.json"), [["", "there is no file other.json", ""]]);
      assertEquals(await missing("no/such.yaml"), [["", "there is no file no/such.yaml", ""]]);
    },
  );
});

Deno.test("extends: merges files, and each value keeps its place", async () => {
  await readFirst({
    "top/top.yaml": "extends: ../middle.yaml\nname: top\ntrain:\n  epochs: 3\n",
    "middle.yaml": "# middle\nextends: base/base.yaml\nnetwork:\n  light: [8]\n",
    "base/base.yaml":
      "name: base\nnetwork:\n  use: mlp\n  light: [1]\n  booster: [2]\ntrain: { epochs: 1, batch: 2 }\n",
  }, (document, folder) => {
    assertEquals(document.value, {
      name: "top",
      network: { use: "mlp", light: [8], booster: [2] },
      train: { epochs: 3, batch: 2 },
    });
    const cases: [Path, string, string][] = [
      [["name"], "top/top.yaml:2:7", "top/top.yaml:2:1"],
      [["train", "epochs"], "top/top.yaml:4:11", "top/top.yaml:4:3"],
      [["train", "batch"], "base/base.yaml:6:28", "base/base.yaml:6:21"],
      [["network", "light", 0], "middle.yaml:4:11", "middle.yaml:4:11"],
      [["network", "light"], "middle.yaml:4:10", "middle.yaml:4:3"],
      [["network", "booster"], "base/base.yaml:5:12", "base/base.yaml:5:3"],
      [["network"], "middle.yaml:4:3", "middle.yaml:3:1"],
    ];
    for (const [path, value, key] of cases) {
      assertEquals(places(document, path, folder), [value, key], path.join("."));
    }
    assertEquals(document.folderOf(["network", "use"]), join(folder, "base"));
    assertEquals(document.folderOf(["network", "light"]), folder);
    assertEquals(document.folderOf(["train", "epochs"]), join(folder, "top"));
  });
});

Deno.test("extends: accepts several files, and later ones take precedence", async () => {
  await readFirst({
    "top.yaml": "extends: [one.yaml, two.json]\nc: top\n",
    "one.yaml": "a: one\nb: one\nc: one\n",
    "two.json": '{"b": "two", "c": "two", "d": "two"}',
  }, (document) => assertEquals(document.value, { a: "one", b: "two", c: "top", d: "two" }));
});

Deno.test("extends: accepts the same file twice through different files", async () => {
  await readFirst({
    "top.yaml": "extends: [one.yaml, two.yaml]\n",
    "one.yaml": "extends: base.yaml\na: 1\n",
    "two.yaml": "extends: base.yaml\nb: 2\n",
    "base.yaml": "c: 3\n",
  }, (document) => assertEquals(document.value, { a: 1, b: 2, c: 3 }));
});

Deno.test("extends: a stage with a different `use` and a list replace the values below", async () => {
  await readFirst({
    "top.yaml":
      "extends: base.yaml\noptimizer: { use: adam, learningRate: 1 }\nlosses: [kl]\ntrain: { epochs: 1 }\n",
    "base.yaml":
      "optimizer: { use: sgd, learningRate: 2, momentum: 0.9 }\nlosses: [a, b]\ntrain: { epochs: 2, batch: 3 }\n",
  }, (document) =>
    assertEquals(document.value, {
      optimizer: { use: "adam", learningRate: 1 },
      losses: ["kl"],
      train: { epochs: 1, batch: 3 },
    }));
});

Deno.test("extends: accepts paths with environment variables", async () => {
  const files = { "top.yaml": "extends: ${env:ROCKET_TEST_BASE}.yaml\n", "7.yaml": "a: 1\n" };
  await withEnvironment({ ROCKET_TEST_BASE: "7" }, async () => {
    await readFirst(files, (document) => assertEquals(document.value, { a: 1 }));
  });
  const whole = { "top.yaml": "extends: ${env:ROCKET_TEST_BASE}\n" };
  await withEnvironment({ ROCKET_TEST_BASE: "7" }, async () => {
    assertEquals(await refused(whole), [[
      "top.yaml:1:10",
      "7 is not a pipeline file",
      "name a file that ends in .yaml, .yml, .json or .ts",
    ]]);
  });
  await withEnvironment({ ROCKET_TEST_BASE: undefined }, async () => {
    const [problem, ...others] = await refused(whole);
    assertEquals(others, []);
    assertEquals(problem!.slice(0, 2), [
      "top.yaml:1:10",
      "the environment variable ROCKET_TEST_BASE is not set",
    ]);
  });
});

Deno.test("extends: rejects files that extend themselves", async () => {
  assertEquals(await refused({ "a.yaml": "extends: a.yaml\n" }), [
    ["a.yaml:1:10", "the pipeline extends itself: a.yaml → a.yaml", ""],
  ]);
  const files = {
    "top.yaml": "extends: one.yaml\n",
    "one.yaml": "a: 1\nextends: [two.yaml]\n",
    "two.yaml": "extends: ./one.yaml\n",
  };
  assertEquals(await refused(files), [
    ["two.yaml:1:10", "the pipeline extends itself: one.yaml → two.yaml → one.yaml", ""],
  ]);
});

Deno.test("extends: rejects values that are not paths, and unreadable files, at their places", async () => {
  const path = "expected the path of a pipeline file, or a list of paths";
  const cases: [Files, string, string, string][] = [
    [{ "a.yaml": "extends: 3\n" }, "a.yaml:1:10", path, ""],
    [{ "a.yaml": "extends: ''\n" }, "a.yaml:1:10", path, ""],
    [{ "a.yaml": "extends:\nb: 1\n" }, "a.yaml:1:9", path, ""],
    [{ "a.yaml": "extends: { use: x }\n" }, "a.yaml:1:10", path, ""],
    [{ "a.yaml": "extends: [b.yaml, [c]]\n", "b.yaml": "x: 1" }, "a.yaml:1:19", path, ""],
    [
      { "a.yaml": "extends: sub/bse.yaml\n", "sub/base.yaml": "" },
      "a.yaml:1:10",
      "there is no file sub/bse.yaml",
      "did you mean sub/base.yaml?",
    ],
    [
      { "a.yaml": "extends:\n  - b.yaml\n", "b.yaml": Uint8Array.of(0xff) },
      "a.yaml:2:5",
      "b.yaml is not UTF-8 text",
      "",
    ],
    [
      { "a.yaml": "extends: b.yaml\n", "b.yaml": "x: [\n" },
      "b.yaml:2:1",
      "Flow sequence in block collection must be sufficiently indented and end with a ]",
      "",
    ],
    [
      { "a.yaml": "extends: b.yaml\n", "b.yaml": "- x\n" },
      "b.yaml:1:1",
      "b.yaml does not contain a pipeline: it is not a map",
      "pipelines/quickstart.yaml is an example to start from",
    ],
  ];
  for (const [files, ...row] of cases) assertEquals(await refused(files), [row]);
});

Deno.test("--set applies after extends, and changes apply in order", async () => {
  await withFiles(
    { "a.yaml": "extends: b.yaml\n", "b.yaml": "train: { epochs: 1, batch: 2 }\nseed: 1\n" },
    async (folder) => {
      const set = ["train.epochs=5", "seed=${env:ROCKET_TEST_SEED}", "train.epochs=7"];
      await withEnvironment({ ROCKET_TEST_SEED: "9" }, async () => {
        const document = await readDocument(join(folder, "a.yaml"), { allowed: allCode, set });
        assertEquals(document.value, { train: { epochs: 7, batch: 2 }, seed: 9 });
        assertEquals(places(document, ["train", "epochs"], folder), [
          "--set train.epochs=7 (train.epochs)",
          "--set train.epochs=7 (train.epochs)",
        ]);
        assertEquals(places(document, ["train", "batch"], folder), ["b.yaml:1:28", "b.yaml:1:21"]);
      });
    },
  );
});

Deno.test("readDocument() reports all wrong changes and variables at once", async () => {
  await withEnvironment({ ROCKET_TEST_NONE: undefined }, async () => {
    const problems = await refused(
      { "a.yaml": "seed: ${env:ROCKET_TEST_NONE}\nmetrics: []\n" },
      ["metrics.3=loss", "seed", "name=x"],
    );
    assertEquals(problems.map(([place, message]) => [place, message]), [
      [
        "--set metrics.3=loss",
        'metrics is a list of length 0; expected an index from 0 to 0, got "3"',
      ],
      ["", '--set expects PATH=VALUE, got "seed"'],
      ["a.yaml:1:7", "the environment variable ROCKET_TEST_NONE is not set"],
    ]);
  });
});

Deno.test("readDocument() reads pipelines in TypeScript and JavaScript", async () => {
  const value = { name: "x", losses: [{ use: "kl", weight: 2 }] };
  const text = JSON.stringify(value);
  const files: Files[] = [
    { "a.ts": `const value: object = ${text};\nexport default value;` },
    { "a.mts": `export default ${text} as const;` },
    { "a.js": `export default ${text};` },
    { "a.mjs": `export default ${text};` },
    { "a.ts": `export default (async () => (await 0, ${text}))();` },
    { "a.ts": `export default await Promise.resolve(${text});` },
    { "a.ts": `export default { ...${text}, seed: undefined };` },
  ];
  for (const file of files) {
    await readFirst(file, (document, folder) => {
      assertEquals(document.value, value);
      const name = Object.keys(file)[0];
      assertEquals(places(document, ["losses", 0, "weight"], folder), [
        `${name} (losses[0].weight)`,
        `${name} (losses[0].weight)`,
      ]);
      assertEquals(document.folderOf(["losses"]), folder);
    });
  }
});

Deno.test("readDocument() lets TypeScript and YAML extend each other", async () => {
  await readFirst({
    "a.yaml": "extends: b.ts\na: 1\n",
    "b.ts": 'export default { extends: "sub/c.yaml", a: 2, b: 2 };',
    "sub/c.yaml": "b: 3\nc: 3\n",
  }, (document, folder) => {
    assertEquals(document.value, { a: 1, b: 2, c: 3 });
    assertEquals(
      ["a", "b", "c"].map((key) => places(document, [key], folder)[0]),
      ["a.yaml:2:4", "b.ts (b)", "sub/c.yaml:2:4"],
    );
  });
});

Deno.test("readDocument() rejects TypeScript files that throw or do not contain a pipeline", async () => {
  const hint = "write `export default definePipeline({ … })`";
  const debug = "run again with --debug to see the stack trace";
  const none = "a.ts does not contain a pipeline: its default export is not a pipeline";
  const cases: [Files, string, string, string][] = [
    [
      { "a.ts": 'throw new RangeError("no luck");' },
      "a.ts",
      "a.ts cannot be loaded: RangeError: no luck",
      debug,
    ],
    [{ "a.ts": 'throw "words";' }, "a.ts", "a.ts cannot be loaded: Error: words", debug],
    [
      { "a.ts": 'export default Promise.reject(new Error("too late"));' },
      "a.ts",
      "a.ts cannot be loaded: Error: too late",
      debug,
    ],
    [
      { "a.yaml": "extends: b.ts", "b.ts": 'throw new Error("below");' },
      "a.yaml:1:10",
      "b.ts cannot be loaded: Error: below",
      debug,
    ],
    [{ "a.ts": "export const x = 1;" }, "a.ts:1:1", none, hint],
    [{ "a.ts": "export default [];" }, "a.ts:1:1", none, hint],
    [{ "a.ts": "export default () => ({});" }, "a.ts:1:1", none, hint],
    [{ "a.ts": "export default null;" }, "a.ts:1:1", none, hint],
    [
      { "a.js": "export default 3;" },
      "a.js:1:1",
      "a.js does not contain a pipeline: its default export is not a pipeline",
      hint,
    ],
  ];
  for (const [files, ...row] of cases) assertEquals(await refused(files), [row]);
  const [syntax] = await refused({ "a.ts": "export default {;" });
  assert(syntax![1].startsWith("a.ts cannot be loaded: "), syntax![1]);
  await withFiles({ "mine.ts": "" }, async (folder) => {
    assertEquals(
      await problemsOf(() => readDocument(join(folder, "mime.ts"), { allowed: allCode }), folder),
      [
        ["", "there is no file mime.ts", "did you mean mine.ts?"],
      ],
    );
  });
});

Deno.test("documentOfValue() accepts a pipeline from a program", async () => {
  await withFiles({ "base.yaml": "name: base\nseed: 2\n" }, async (folder) => {
    const value = { extends: "base.yaml", seed: 3, losses: [{ use: mseHint }] };
    const document = await documentOfValue(value, {
      allowed: allCode,
      folder,
      set: ["losses.0.weight=2"],
    });
    assertEquals(document.value, {
      name: "base",
      seed: 3,
      losses: [{ use: mseHint, weight: 2 }],
    });
    assertEquals(
      (document.value as typeof value).losses[0]!.use === mseHint,
      true,
    );
    assertEquals(places(document, ["seed"], folder)[0], "the pipeline (seed)");
    assertEquals(places(document, ["name"], folder)[0], "base.yaml:1:7");
    assertEquals(document.folderOf(["losses"]), folder);
  });
});

Deno.test("documentOfValue() rejects a pipeline that contains itself", async () => {
  const value: Record<string, unknown> = { name: "x", data: {} };
  (value.data as Record<string, unknown>).train = value;
  assertEquals(await problemsOf(() => documentOfValue(value, { allowed: allCode })), [
    ["the pipeline (data.train)", "the value contains itself", ""],
  ]);
});

Deno.test("extends: rejects files that together have too many values", async () => {
  const many = JSON.stringify(Array(45_000).fill(0));
  const files = {
    "0.json": `{"extends": "1.json", "a": ${many}}`,
    "1.json": `{"extends": "2.json", "b": ${many}}`,
    "2.json": `{"c": ${many}}`,
  };
  await withFiles(files, async (folder) => {
    const { message } = await assertRejects(
      () => readDocument(`${folder}/0.json`, { allowed: allCode }),
      UserError,
    );
    assertEquals(message, "together, the files of the pipeline have more than 100000 values");
  });
});

Deno.test("extends: rejects files that extend each other twice, which would never end", async () => {
  const files: Record<string, string> = { "30.yaml": "name: x" };
  for (let index = 0; index < 30; index++) {
    files[`${index}.yaml`] = `extends: [${index + 1}.yaml, ${index + 1}.yaml]`;
  }
  await withFiles(files, async (folder) => {
    const error = await readDocument(`${folder}/0.yaml`, { allowed: allCode }).catch((error) =>
      error
    );
    assertEquals(error.message, "the pipeline consists of more than 100 files");
  });
});
