import { assertEquals } from "@std/assert";
import { applyChange, parsePath } from "../../../src/pipeline/document/changes.ts";
import {
  follow,
  formatPath,
  type Node,
  nodeOf,
  type Path,
  placeOf,
  valueOf,
} from "../../../src/pipeline/document/nodes.ts";
import { parseYaml } from "../../../src/pipeline/document/parse_yaml.ts";
import { problemsOf } from "../../support/problems.ts";

const text = [
  "name: digits",
  "seed: 1",
  "data:",
  "  label: digit",
  "network: mlp",
  "losses:",
  "  - { use: cross-entropy, on: light }",
  "  - mse-hint",
  "optimizer: { use: sgd, learningRate: 0.1, momentum: 0.9 }",
  "metrics: [accuracy]",
].join("\n");

const pipeline = (): Node => parseYaml(text, { file: "f.yaml", folder: "folder" });

/** Returns a part of the pipeline after a change. */
const changed = (change: string, path: Path) =>
  valueOf(follow(applyChange(pipeline(), change), path).node);

Deno.test("applyChange() replaces a value, read as YAML", () => {
  const cases: [string, Path, unknown][] = [
    ["seed=2", ["seed"], 2],
    ["name=other", ["name"], "other"],
    ["name=a=b", ["name"], "a=b"],
    ["name='2'", ["name"], "2"],
    ["name=", ["name"], null],
    ["optimizer.learningRate=5e-2", ["optimizer", "learningRate"], 0.05],
    ["losses.0.weight=0.1", ["losses", 0], { use: "cross-entropy", on: "light", weight: 0.1 }],
    ["losses[0].on=booster", ["losses", 0], { use: "cross-entropy", on: "booster" }],
    ["metrics=[loss, auc]", ["metrics"], ["loss", "auc"]],
    ["metrics.0=loss", ["metrics"], ["loss"]],
    ["metrics[0]=loss", ["metrics"], ["loss"]],
    ['data["label"]=x=y', ["data", "label"], "x=y"],
    ['["name"]=other', ["name"], "other"],
    ["network={ use: mlp, light: [8] }", ["network"], { use: "mlp", light: [8] }],
  ];
  for (const [change, path, value] of cases) assertEquals(changed(change, path), value, change);
});

Deno.test("applyChange() creates missing maps along the path", () => {
  assertEquals(changed("data.features.image.shape=[8, 8, 1]", ["data"]), {
    label: "digit",
    features: { image: { shape: [8, 8, 1] } },
  });
  assertEquals(changed("train.epochs=3", ["train"]), { epochs: 3 });
  const path = 'data.features["a.b = \\"c\\" [0]"].ids';
  assertEquals(changed(`${path}=train`, ["data", "features"]), {
    'a.b = "c" [0]': { ids: "train" },
  });
  assertEquals(changed("data.features.price [EUR].nulls=mean", ["data", "features"]), {
    "price [EUR]": { nulls: "mean" },
  });
});

Deno.test("applyChange() appends an item at the index after the end of a list", () => {
  assertEquals(changed("metrics.1=loss", ["metrics"]), ["accuracy", "loss"]);
  assertEquals(changed("metrics.1.use=loss", ["metrics"]), ["accuracy", { use: "loss" }]);
});

Deno.test("applyChange() adds options to a stage that consists of its name", () => {
  assertEquals(changed("network.light=[8]", ["network"]), { use: "mlp", light: [8] });
  assertEquals(changed("losses.1.weight=2", ["losses", 1]), { use: "mse-hint", weight: 2 });
});

Deno.test("applyChange() adds options to a label that consists of its column", () => {
  assertEquals(changed("data.label.classes=10", ["data", "label"]), {
    column: "digit",
    classes: 10,
  });
});

Deno.test("applyChange() merges maps, but replaces a stage by a different stage", () => {
  assertEquals(changed("optimizer={ learningRate: 1 }", ["optimizer"]), {
    use: "sgd",
    learningRate: 1,
    momentum: 0.9,
  });
  assertEquals(changed("optimizer={ use: adam, learningRate: 1 }", ["optimizer"]), {
    use: "adam",
    learningRate: 1,
  });
});

Deno.test("applyChange() changes nothing else, and does not modify its argument", () => {
  const before = pipeline();
  const after = valueOf(applyChange(before, "seed=5")) as Record<string, unknown>;
  assertEquals({ ...after, seed: 1 }, valueOf(before) as Record<string, unknown>);
});

Deno.test("applyChange() records the command line as the origin of a value", () => {
  const root = applyChange(pipeline(), "optimizer.learningRate=2");
  const place = (path: Path) => placeOf(follow(root, path).node, path);
  assertEquals(place(["optimizer", "learningRate"]), {
    file: "--set optimizer.learningRate=2",
    path: "optimizer.learningRate",
  });
  assertEquals(place(["optimizer", "momentum"]).file, "f.yaml");
  assertEquals(place(["optimizer"]).file, "f.yaml");
  assertEquals(follow(root, ["optimizer", "momentum"]).node.origin.folder, "folder");
  assertEquals(follow(root, ["optimizer", "learningRate"]).node.origin.folder, Deno.cwd());
});

Deno.test("applyChange() keeps the position of a key only if its value is from the same file", () => {
  const root = applyChange(pipeline(), "optimizer.learningRate=2");
  const optimizer = follow(root, ["optimizer"]).node as Node & { kind: "map" };
  assertEquals(optimizer.entries.get("learningRate")?.key, undefined);
  assertEquals(optimizer.entries.get("momentum")?.key, { line: 9, column: 43 });
  const top = root as Node & { kind: "map" };
  assertEquals(top.entries.get("optimizer")?.key, { line: 9, column: 1 });
});

Deno.test("applyChange() rejects paths that do not exist", async () => {
  const list = "losses is a list of length 2; expected an index from 0 to 2, got";
  const cases: [string, string, string][] = [
    ["losses.3.weight=1", `${list} "3"`, ""],
    ["losses.-1.weight=1", `${list} "-1"`, ""],
    ["losses.first=1", `${list} "first"`, ""],
    ["losses.mse-hnit.weight=1", `${list} "mse-hnit"`, "did you mean losses[1] (mse-hint)?"],
    ["seed.x=1", "seed is not a map or a list, so seed.x does not exist", ""],
    [
      "optimizer.learningRate.x.y=1",
      "optimizer.learningRate is not a map or a list, so optimizer.learningRate.x does not exist",
      "",
    ],
  ];
  for (const [change, message, hint] of cases) {
    assertEquals(await problemsOf(() => applyChange(pipeline(), change)), [
      [`--set ${change}`, message, hint],
    ]);
  }
});

Deno.test("applyChange() rejects a path by name in a pipeline that is a list", async () => {
  assertEquals(await problemsOf(() => applyChange(nodeOf([], pipeline().origin), "name=x")), [
    [
      "--set name=x",
      'the pipeline is a list of length 0; expected an index from 0 to 0, got "name"',
      "",
    ],
  ]);
});

Deno.test("applyChange() rejects text that is not PATH=VALUE", async () => {
  for (const change of ["", "seed", "=1", "a..b=1", ".a=1", "a.=1"]) {
    assertEquals(await problemsOf(() => applyChange(pipeline(), change)), [
      [
        "",
        `--set expects PATH=VALUE, got ${JSON.stringify(change)}`,
        "write, for example, --set losses.2.weight=0.1",
      ],
    ]);
  }
});

Deno.test("applyChange() rejects values that are not YAML, without the line of a file", async () => {
  assertEquals(await problemsOf(() => applyChange(pipeline(), "metrics=[a")), [
    ["--set metrics=[a", "Flow sequence must end with a ]", ""],
  ]);
});

Deno.test("parsePath() reads the paths that messages show, and refuses what is none", () => {
  const paths = [["losses", 2, "weight"], ["data", "features", "a.b", "ids"], ["data", "x y", 0]];
  for (const path of paths) assertEquals(parsePath(formatPath(path)), path.map(String));
  const texts = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "[0]",
    "a.[0]",
    "a[0]b",
    '["a"]b',
    '[""]',
    '["\\q"].a',
  ];
  for (const text of texts) assertEquals(parsePath(text), undefined, text);
  assertEquals(parsePath("a[0][1].b"), ["a", "0", "1", "b"]);
  assertEquals(parsePath('a["b'), ['a["b']);
});
