import { assertEquals } from "@std/assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../support/command_line.ts";

Deno.test("names in commands that messages propose are quoted for a shell", async () => {
  const found: string[] = [];
  for (const folder of ["src", "data", "plugins"]) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (!name.endsWith(".ts")) continue;
      const file = join(folder, name);
      found.push(...unquotedIn(file, await Deno.readTextFile(join(root, file))));
    }
  }
  assertEquals(found, []);
});

Deno.test("the search for names that are not quoted finds them", () => {
  const texts = {
    "`add --out ${path}`": ["path"],
    "`add --out=${path} now`": ["path"],
    '`start it with deno run --allow-${kind}${of ? `=${of}` : ""}; --permissions`': [
      "kind",
      'of ? `=${of}` : ""',
    ],
    "`keep only: --columns ${names.join()}`": ["names.join()"],
    '"run: " + `${commandName()} resume ` + folder': ["folder"],
    "`run: ${commandName()} resume ${quoted(folder)} --set ${change}`": ["change"],
    "`run: cd ${folder}, or nothing`": ["folder"],
    "`run: ${commandName()} resume ${quoted(folder)}; the file is ${file}`": [],
    "`--allow-read=${folder}`": [],
    '`${commandName()} ${words.map(quoted).join(" ")}`': [],
    "`start it with deno run ${quoted(`--allow-${kind}`)}`": [],
    "`remove --label, which names ${column}`": [],
  };
  for (const [text, expected] of Object.entries(texts)) {
    const found = unquotedIn("a.ts", `f(${text});`).map((line) => line.replace(/^.*?: /, ""));
    assertEquals(found, expected, text);
  }
});

/** Expressions that neither a file nor a user decides. */
const HARMLESS = new Set([
  // Packages of Rocket, with their versions.
  ...["duckdbPackages", "onnxRuntimePackages", "vegaPackages"].map((list) => `${list}.join(" ")`),
  ...["commandName()", "publishedCommand", "config.name", "TENSORFLOW_VERSION", "noTelemetry"],
  "src/model/parquet_file.ts: name",
  ...["name", "version"].map((one) => `src/engine/native/wheel.ts: ${one}`),
  // Names of Deno's permissions.
  "src/base/machine/permissions.ts: name",
  "src/launch/launch.ts: descriptor.name",
  // Names of environment variables, which are letters, digits, and `_`.
  "src/pipeline/document/environment.ts: name",
  // An engine, a size, an exit code, and a version of a copy of Rocket, which is code as well.
  "src/report/read_run.ts: engine",
  "src/launch/memory_watch.ts: double",
  "src/launch/test_count.ts: code",
  "src/commands/new_rocket.ts: rocket",
  // Checked numbers of the command line.
  ...["standard", "rows", "seed", "depth", "strength"].map((one) =>
    `data/synthetic_clicks.ts: ${one}`
  ),
  // Rocket's own help.
  "src/launch/command_line/grammar.ts: value",
  "src/tools/commands_page.ts: example",
  // The name of a place, not a command.
  'src/pipeline/document/changes.ts: change.replaceAll(/\\s+/g, " ")',
]);

/** Where a command begins, up to the end of a text. */
const COMMAND =
  /(?:\b(?:deno (?:run|task|cache|test|add|install)|cd|chmod|pip (?:download|install)|npm|curl|kill|rm|mv|ROCKET) [^;`,]*|--[a-z][a-z-]*[ =]|--[a-z-]*-)$/;

/** Lists the expressions in commands of a module's texts that are not quoted. */
function unquotedIn(file: string, source: string): string[] {
  const found: string[] = [];
  const textOf = (node: Deno.lint.Node) => source.slice(...node.range);
  /** The texts and expressions that a text is made of. */
  const partsOf = (node: Deno.lint.Node): readonly (string | Deno.lint.Node)[] => {
    if (node.type === "Literal" && typeof node.value === "string") return [node.value];
    if (node.type === "BinaryExpression" && node.operator === "+") {
      return [...partsOf(node.left), ...partsOf(node.right)];
    }
    if (node.type !== "TemplateLiteral") return [node];
    return node.quasis.flatMap((quasi, at) => [quasi.cooked, node.expressions[at] ?? ""]);
  };
  const check = (node: Deno.lint.TemplateLiteral | Deno.lint.BinaryExpression) => {
    if (isIn(node, "quoted")) return;
    // A part of another text is checked there.
    if (node.parent?.type === "BinaryExpression" && node.parent.operator === "+") return;
    const parts = partsOf(node).filter((part) => part !== "");
    const literals = parts.filter((part) => typeof part === "string").join("");
    // A whole argument, which no shell reads.
    const isWhole = literals.startsWith("--") && !/\s/.test(literals);
    let before = "";
    for (const part of parts) {
      if (typeof part === "string") {
        before += part;
        continue;
      }
      const text = textOf(part).replaceAll(/\s+/g, " ");
      const isCommand = COMMAND.test(before);
      const place = `${file}: ${text}`;
      const isSafe = isQuoted(text) || HARMLESS.has(text) || HARMLESS.has(place) ||
        source.includes(` ${text} = quoted(`);
      if (isCommand && !isWhole && !isSafe) found.push(place);
      before += text === "commandName()" ? "ROCKET" : "x";
    }
  };
  const plugin: Deno.lint.Plugin = {
    name: "commands",
    rules: {
      texts: {
        create: () => ({ TemplateLiteral: check, BinaryExpression: check }),
      },
    },
  };
  Deno.lint.runPlugin(plugin, file, source);
  return found;
}

const isQuoted = (expression: string) =>
  /^quoted\(/.test(expression) || /\.map\(quoted\)\.join\(" "\)$/.test(expression);

/** Whether an expression is an argument of a function. */
const isIn = ({ parent }: Deno.lint.TemplateLiteral | Deno.lint.BinaryExpression, name: string) =>
  parent?.type === "CallExpression" && parent.callee.type === "Identifier" &&
  parent.callee.name === name;
