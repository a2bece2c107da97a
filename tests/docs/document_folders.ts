import { dirname, join } from "node:path";
import { root } from "../support/command_line.ts";
import { type Block, blocks, fileNameOf } from "./documents.ts";

/** What the commands of a document find in their folder, besides files of the repository. */
interface Given {
  /** Another document, and the files of its folder to copy, by their names in this folder. */
  readonly of?: readonly [document: string, files: Readonly<Record<string, string>>];
  /** Commands that run before those of the document. */
  readonly before?: string;
}

/** A pipeline for a small file, and the runs and files that the examples of commands use. */
const examples = `
deno eval 'let rows = "id,writer,x,y,digit\\n", customers = "Age,Size,Churned\\n";
for (let row = 0; row < 60; row++) {
  rows += \`\${row},w\${row % 3},\${row % 7},\${row % 5 / 4},\${row % 2 ? "odd" : "even"}\\n\`;
  customers += \`\${row * 7 % 31},\${row % 4 ? "S" : "L"},\${row * 7 % 31 > 15 ? "yes" : "no"}\\n\`;
}
Deno.writeTextFileSync("rows.csv", rows);
Deno.writeTextFileSync("new.csv", rows);
Deno.writeTextFileSync("customers.csv", customers);'
cat > digits.yaml <<'END'
name: digits
data:
  all: { use: csv, path: rows.csv }
  split: { test: 0.3 }
  features: [x, y]
  label: digit
network: { use: mlp, light: [2], booster: [4] }
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.1 }
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 1, batch: 8 }
metrics: [accuracy]
END
cat > weights.yaml <<'END'
name: weights
base: digits.yaml
seeds: [1]
settings: { small: {}, large: { network: { booster: [8] } } }
latency: none
END
deno task pipeline digits.yaml --out runs/digits
deno task pipeline digits.yaml --out runs/small
deno task pipeline digits.yaml --out runs/large --set network.light=[8]
`;

/** The documents whose commands find more than files of the repository. */
const given: Readonly<Record<string, Given>> = {
  "README.md": {
    of: ["docs/own_data.md", { "orders.csv": "orders.csv", "new.csv": "orders.csv" }],
  },
  "docs/data.md": { of: ["docs/own_data.md", { "orders.csv": "orders.csv" }] },
  "docs/docker.md": {
    of: ["docs/serving.md", { "runs/clicks": "runs/clicks", "clicks.csv": "clicks.csv" }],
  },
  "docs/notebooks.md": { of: ["docs/serving.md", { "runs/clicks": "runs/clicks" }] },
  "docs/projects.md": { before: `ln -s '${root}' ../rocket` },
  "docs/results.md": { before: "mkdir docs" },
  "docs/reference/commands.md": { before: examples },
};

/**
 * Sorts documents so that each comes after the one from which it gets files.
 *
 * @param documents The paths of the documents.
 */
export function inOrder(documents: readonly string[]): readonly string[] {
  const gets = (path: string) => given[path]?.of !== undefined;
  return [...documents.filter((path) => !gets(path)), ...documents.filter(gets)];
}

/**
 * Writes what the commands of a document find in their folder: links to folders of the repository,
 * the files that blocks of the document show, and files of other documents.
 *
 * @param path The document.
 * @param folder The folder of its commands.
 * @param folders The folders of the documents before it.
 * @returns Commands that run before those of the document.
 */
export async function givenTo(
  path: string,
  folder: string,
  folders: ReadonlyMap<string, string>,
): Promise<{ readonly before: Block | undefined }> {
  for (const name of ["data", "pipelines", "schema"]) {
    await Deno.symlink(join(root, name), join(folder, name));
  }
  for (const block of blocks.filter((block) => block.path === path)) {
    const name = fileNameOf(block);
    if (name !== undefined) await Deno.writeTextFile(join(folder, name), block.text);
  }
  const { of: [document, files] = ["", {}], before } = given[path] ?? {};
  for (const [name, from] of Object.entries(files)) {
    const target = join(folder, name);
    await Deno.mkdir(dirname(target), { recursive: true });
    await copy(join(folders.get(document)!, from), target);
  }
  const text = before && { language: "sh", info: "", path, place: `${path}: before`, text: before };
  return { before: text || undefined };
}

/**
 * Copies a file, or a folder with all files.
 *
 * @param from The file or folder.
 * @param to The path of the copy, which must not exist.
 */
export async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for (const { name } of Deno.readDirSync(from)) await copy(join(from, name), join(to, name));
}
