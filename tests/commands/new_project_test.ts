import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { UserError } from "../../src/base/errors.ts";
import { quoted } from "../../src/base/quoted.ts";
import { makePipeline } from "../../src/commands/new_pipeline.ts";
import { newProject } from "../../src/commands/new_project.ts";
import { registryRemarks } from "../../src/commands/new_rocket.ts";
import { type FileColumn, readTable } from "../../src/commands/new_table.ts";
import {
  deno,
  type Ended,
  inFolder,
  rocket,
  root,
  userEnvironment,
} from "../support/command_line.ts";
import { withFiles } from "../support/problems.ts";
import { blocks } from "../docs/documents.ts";

/** Names of columns that are awkward in YAML, in paths, or as patterns. */
const names = [
  "Customer ID",
  "Age (years)",
  'Notes "x"',
  "Größe",
  "Charges, EUR",
  "it's: a #1",
  "* of all",
  "!not",
  "yes",
  "- dash",
  "{brace}",
  "naïve 日本",
  ...Array.from({ length: 17 }, (_, index) => `Metric ${index + 1}`),
  "Churned",
];

/** A CSV file with numbers, texts and `NA`, in which the label follows from two columns. */
function customers(rows = 240): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = Array.from({ length: rows }, (_, row) => {
    const age = row % 60, size = "SML"[row % 3]!, left = age + (size === "L" ? 20 : 0) > 36;
    const cells = names.slice(4, -1).map((_, index) => `${(row * (index + 3)) % 31 / 10}`);
    cells[3] = row % 7 === 0 ? "NA" : cells[3]!;
    return [
      ...[`C${row}`, row % 11 === 0 ? "NA" : `${age}`, quoted(`note, ${row}`), size],
      ...[...cells, left ? "yes" : "no"],
    ].join(",");
  });
  return `${names.map(quoted).join(",")}\n${lines.join("\n")}\n`;
}

Deno.test("the commands of docs/projects.md make, check, train and test a project of a file", async () => {
  const { text } = blocks.find(({ path, info }) =>
    path === "docs/projects.md" && info.startsWith("run-by: ")
  )!;
  const typed = text.trim().split("\n").map((line) => line.split(" "));
  const [create, enter, check, run, predict, test] = typed as string[][];
  assertEquals([typed.length, enter, test], [6, ["cd", "churn"], ["deno", "task", "test"]]);
  const well = ({ code, stdout, stderr }: Ended) => {
    assertEquals(code, 0, stdout + stderr);
    return stdout + stderr;
  };
  await inFolder(async (outer) => {
    await Deno.writeTextFile(join(outer, "customers.csv"), customers());
    const made = await rocket([...create!.slice(3), "--link", root], { cwd: outer });
    const printed = well(made).split("\n").map((line) => line.trim());
    for (const words of typed.slice(1)) assert(printed.includes(words.join(" ")), words.join(" "));
    const cwd = join(outer, "churn");
    well(await deno(["fmt", "--check", "--quiet"], { cwd }));
    well(await deno(["lint", "--quiet"], { cwd }));
    const pipeline = await Deno.readTextFile(join(cwd, "pipeline.yaml"));
    const { data, network } = parse(pipeline);
    assertEquals([data.all.nullValues, network.use], [["", "NA"], "ctr"]);
    assertEquals(data.features, ["*", "!Customer ID", '!Notes "x"']);
    // The README says to put the custom loss into the place of mse-hint.
    await Deno.writeTextFile(
      join(cwd, "pipeline.yaml"),
      pipeline.replace("use: mse-hint", "use: ./plugins/absolute_hint.ts"),
    );
    // JSR cannot be reached.
    const env = userEnvironment({ JSR_URL: "http://127.0.0.1:9/" });
    const type = async (words: readonly string[], ...more: string[]) =>
      well(await deno([...words.slice(1), ...more], { cwd, env }));
    assertMatch(await type(check!, "--engine", "wasm"), /train +168\b/);
    const ran = await type(run!, "--engine", "wasm", "--epochs", "12");
    assertStringIncludes(ran, "run folder: runs/first");
    const { test: result } = JSON.parse(
      await Deno.readTextFile(join(cwd, "runs/first/result.json")),
    );
    assert(result.light.accuracy > 0.7, `accuracy ${result.light.accuracy}`);
    await type(predict!);
    const [head, ...rows] = (await Deno.readTextFile(join(cwd, "predictions.csv"))).trim()
      .split("\n");
    assertEquals([head, rows.length], ["prediction,score", 240]);
    assert(rows.every((row) => /^(yes|no),[01]/.test(row)));
    assertMatch(await type(test!, "--no-check"), /1 passed \| 0 failed/);
  });
});

const column = (name: string, more: Partial<FileColumn> = {}): FileColumn => ({
  ...{ name, family: "numbers", nulls: 0, distinct: 90, hasSingle: false, isWhole: false },
  ...{ largest: 1, ...more },
});

const pipelineOf = (columns: readonly FileColumn[], label: string) =>
  parse(
    makePipeline({
      ...{ name: "p", path: "rows.csv", label },
      table: { use: "csv", format: {}, nullValues: undefined, rows: 100, isWhole: true, columns },
    }).text,
  );

Deno.test("makePipeline() chooses the kind of label, the losses and the network by the columns", () => {
  const texts = column("t", { family: "strings", distinct: 3 });
  const classes = pipelineOf([column("n"), texts], "t");
  assertEquals(classes.label, undefined);
  assertEquals(classes.data.label, { column: "t", kind: "class" });
  assertEquals(classes.data.split.by, { stratify: "t" });
  assertEquals([classes.network.use, classes.losses[0].use], ["mlp", "cross-entropy"]);
  const numbers = pipelineOf([column("n"), texts], "n");
  assertEquals(numbers.data.label.kind, "number");
  assertEquals(numbers.data.split, { test: 0.2, validation: 0.1 });
  assertEquals([numbers.network.use, numbers.losses[0].use], ["ctr", "mean-squared-error"]);
  assertEquals([numbers.data.features, numbers.data.prepare], ["rest", "auto"]);
  const whole = { family: "whole numbers", isWhole: true } as const;
  const few = pipelineOf([column("n"), column("k", { ...whole, distinct: 4, nulls: 2 })], "k");
  assertEquals(few.data.label, { column: "k", kind: "class", nulls: "drop" });
  const many = pipelineOf([column("n"), column("k", { ...whole, distinct: 80 })], "k");
  assertEquals(many.data.label.kind, "number");
});

Deno.test("makePipeline() leaves out columns from which nothing can be learned", () => {
  const { data } = pipelineOf([
    column("n"),
    column("constant", { distinct: 1 }),
    column("empty", { nulls: 100, distinct: 0 }),
    column("list", { family: undefined }),
    column("name", { family: "strings", distinct: 97 }),
    column("row_id", { family: "whole numbers", distinct: 100, isWhole: true }),
    column("price", { family: "whole numbers", distinct: 100, isWhole: true }),
    column("* !x\\*", { distinct: 1 }),
    column("!x", { distinct: 1 }),
    column("y", { family: "strings", distinct: 2 }),
  ], "y");
  assertEquals(data.features, [
    ...["*", "!constant", "!empty", "!list", "!name", "!row_id"],
    ...["!\\* !x\\\\\\*", "!\\!x"],
  ]);
});

Deno.test("makePipeline() writes each name on one line, whatever the name contains", () => {
  const evil = `${"a".repeat(54)}\nextends: /tmp/evil.yaml\n$schema: | #`;
  const names = [evil, `it's "b"\nextends: x`, "c\u2028d", "e: [", "${env:HOME}"];
  for (const name of names) {
    const left = column(name, { distinct: 1 });
    const { data, extends: base } = pipelineOf([column("n"), left, column("y")], "y");
    const escaped = name.replace("${", () => "$${");
    assertEquals([base, data.features], [undefined, ["*", `!${escaped}`]], name);
    const label = pipelineOf([column("n"), column(name, { family: "strings", distinct: 2 })], name);
    assertEquals(label.data.label.column, name.replace("${", () => "$${"));
    assertEquals(label.data.split.by, { stratify: name.replace("${", () => "$${") });
  }
});

Deno.test("new project rejects what it cannot use, and writes nothing", async () => {
  const files = {
    "rows.csv": "Sepal length,Kind\n1,a\n2,b\n3,a\n",
    "same.csv": "x,y\n1,a\n2,a\n",
    "names.csv": `x,name\n${Array.from({ length: 30 }, (_, row) => `${row},n${row}`).join("\n")}\n`,
    "bad.csv": "a,a\n1,2\n",
    "full/mine.txt": "precious",
    "rocket/deno.json": `{ "name": "@you/other" }`,
  };
  await withFiles(files, async (folder) => {
    const at = (name: string) => join(folder, name);
    const refused = async (
      words: string,
      options: Partial<Parameters<typeof newProject>[1]>,
      to = "new",
    ) => {
      const given = { from: undefined, label: undefined, link: undefined, ...options };
      const error = await assertRejects(() => newProject([at(to)], given), UserError);
      assertStringIncludes(
        error.problems.map(({ message, hint }) => `${message}; ${hint}`).join(),
        words,
      );
    };
    const from = at("rows.csv");
    await refused('did you mean "Kind"?', { from, label: "kind" });
    await refused('its columns are "Sepal length", "Kind"', { from, label: "price of it" });
    await refused(`add --label with one of ${quoted("Sepal length")}, Kind`, { from });
    await refused("add --from FILE, or remove --label", { label: "Kind" });
    await refused("has the same value in all 2 rows", { from: at("same.csv"), label: "y" });
    await refused("too many different values", { from: at("names.csv"), label: "name" });
    await refused("absent.csv", { from: at("absent.csv"), label: "Kind" });
    await refused("is not a file with rows", { from: at("rows.xlsx"), label: "Kind" });
    await refused("bad.csv", { from: at("bad.csv"), label: "Kind" });
    await refused(
      "is not empty, and existing files are never overwritten",
      { from, label: "Kind" },
      "full",
    );
    await refused("is a file, and existing files are never overwritten", {}, "rows.csv");
    await refused("is not a copy of Rocket's repository", { link: at("rocket") });
    await refused("is not a copy of Rocket's repository", { link: at("nowhere") });
    assertEquals(
      [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
      [...new Set(Object.keys(files).map((file) => file.split("/")[0]!))].sort(),
    );
  });
});

Deno.test("readTable() counts nulls, texts such as NA, and distinct values", async () => {
  const text = "n,t,c\n1,a,1\nNA,b,0\n3.5,a,\nn/a,a,1\n2,b,0\n4,NA,1\n";
  await withFiles({ "rows.csv": text }, async (folder) => {
    const { use, nullValues, rows, columns } = await readTable(join(folder, "rows.csv"));
    assertEquals([use, nullValues, rows], ["csv", ["", "NA", "n/a"], 6]);
    assertEquals(
      columns.map(({ name, family, nulls, distinct }) => [name, family, nulls, distinct]),
      [["n", "numbers", 2, 4], ["t", "strings", 1, 2], ["c", "whole numbers", 1, 2]],
    );
  });
});

Deno.test("readTable() finds out the delimiter, the encoding and the decimal comma of a CSV file", async () => {
  const text = 'Größe;"a;b,c,d";Stadt\n170,5;1;"x;7.5"\n168,25;2;Köln\n';
  const utf16 = Uint16Array.from([0xfeff, ...Array.from(text, (c) => c.charCodeAt(0))]);
  const files = {
    "semicolons.csv": text,
    "points.csv": text.replaceAll(/(\d),(\d)/g, "$1.$2").replaceAll(";", "|"),
    "latin.csv": Uint8Array.from([...text], (c) => c.charCodeAt(0)),
    "utf16.csv": new Uint8Array(utf16.buffer),
    "tabs.tsv": text.replaceAll(";", "\t"),
    "usual.csv": "a,b\n1,2.5\n",
  };
  await withFiles(files, async (folder) => {
    const formats: Record<string, unknown> = {};
    for (const name of Object.keys(files)) {
      const { format, columns } = await readTable(join(folder, name));
      formats[name] = format;
      if (name !== "usual.csv") {
        assertEquals([columns.length, columns[0]!.family], [3, "numbers"], name);
      }
    }
    const semicolons = { delimiter: ";", decimal: "," };
    assertEquals(formats, {
      "semicolons.csv": semicolons,
      "points.csv": { delimiter: "|" },
      "latin.csv": { ...semicolons, encoding: "windows-1252" },
      "utf16.csv": { ...semicolons, encoding: "utf-16" },
      "tabs.tsv": { decimal: "," },
      "usual.csv": {},
    });
  });
});

Deno.test("new project wraps its notes to 80 columns", () =>
  inFolder(async (cwd) => {
    const rows = Array.from({ length: 60 }, (_, row) => `${row},${row * 1234.5}`).join("\n");
    await Deno.writeTextFile(join(cwd, "houses.csv"), `area,price\n${rows}\n`);
    const from = ["--from", "houses.csv", "--label", "price", "--link", root];
    const { code, stdout, stderr } = await rocket(["new", "project", "p", ...from], { cwd });
    assertEquals(code, 0, stderr);
    const lines = stdout.split("\n");
    assertMatch(
      lines.join(" "),
      /note: the values of "price" are large, .* query of the source `sql`/,
    );
    for (const line of lines) assert(line.length <= 80, line);
  }));

Deno.test("new project and new package say that JSR did not answer, and how to do without it", () => {
  const standIn = "file:///copy/src/launch/compat/cli/parse_args.ts";
  const [remark] = registryRemarks(undefined, standIn);
  assertMatch(remark!, /load Rocket from JSR, which did not answer.* --link \S+$/);
  const [, link] = /--link (\S+)$/.exec(remark!)!;
  assertEquals(resolve(link!), resolve(root));
  assertEquals(registryRemarks(root, standIn), []);
  assertEquals(registryRemarks(undefined, "https://jsr.io/@std/cli/1.0.0/parse_args.ts"), []);
  assertEquals(registryRemarks(undefined, ""), []);
});
