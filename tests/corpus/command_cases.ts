import { dirname, join } from "node:path";
import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";
import { root } from "../support/command_line.ts";

/** A command line that is wrong, in a folder of its own. */
interface CommandCase {
  /** What it proves; up to a colon, its group. */
  readonly name: string;
  readonly task?: "data";
  readonly args: readonly string[];
  readonly code: 1 | 2;
  readonly words: readonly string[];
  /** Files beside `p.yaml`, a pipeline that is right. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly mended?: Readonly<Record<string, Mend>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A pipeline that nothing is wrong with. */
export const rightPipeline = `name: right
data:
  train: { use: arrow, path: ${root}data/digits-train.arrow }
  test: { use: arrow, path: ${root}data/digits-test.arrow }
  features: { image: { shape: [8, 8, 1] } }
  label: digit
  rows: 200
network: { use: mlp, light: [4], booster: [8] }
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.03 }
optimizer: { use: sgd, rate: 0.05 }
train: { epochs: 1, batch: 100 }
metrics: [accuracy]
outputs: []
`;

const check = ["check", "--engine", "wasm", "--quiet"];

/** Pipelines whose files a repository cannot hold, as they would mean something to Deno or be many. */
function* projectCases(): Iterable<CommandCase> {
  yield {
    name: "project: a list of modules that is none",
    args: [...check, "p.yaml"],
    code: 2,
    words: ["rocket.allowPlugins is no list"],
    files: { "deno.json": '{ "rocket": { "allowPlugins": "npm:their-stage" } }' },
    mended: {
      "code/list": {
        files: { "deno.json": '{ "rocket": { "allowPlugins": ["npm:their-stage@1"] } }' },
      },
    },
  };
  yield {
    name: "project: files that extend the same file twice, over and over",
    args: [...check, "f7.yaml"],
    code: 2,
    words: ["is made of more than 100 files"],
    files: Object.fromEntries(
      Array.from({ length: 7 }, (_, at) => [
        `f${at + 1}.yaml`,
        `extends: [${at === 0 ? "p.yaml, p.yaml" : `f${at}.yaml, f${at}.yaml`}]\n`,
      ]),
    ),
    mended: {
      "extends/many": {
        files: { "f7.yaml": "extends: f6.yaml\n", "f6.yaml": "extends: f5.yaml\n" },
      },
    },
  };
}

/**
 * Command lines that are wrong by themselves, or by the folder that they are given in.
 *
 * @param folder A folder to work in.
 */
export function* commandCases(folder: string): Iterable<Case> {
  let number = 0;
  for (const cases of [projectCases()]) {
    for (const { name, task, args, code, words, files = {}, mended, env } of cases) {
      const own = join(folder, String(number++));
      for (const [file, content] of Object.entries({ "p.yaml": rightPipeline, ...files })) {
        const path = join(own, file);
        Deno.mkdirSync(dirname(path), { recursive: true });
        if (typeof content === "string") Deno.writeTextFileSync(path, content);
        else Deno.writeFileSync(path, content);
      }
      yield { name, task, args, folder: own, expected: { code, words }, mended, env };
    }
  }
}
