import { join } from "node:path";
import { root } from "../support/command_line.ts";
import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";

/** What no file of a repository can be: bytes that are no text, large texts, pipes and devices. */
const texts: Readonly<Record<string, () => Uint8Array<ArrayBuffer> | string>> = {
  "empty.yaml": () => "",
  "spaces.yaml": () => "  \n\n   \n",
  "empty.json": () => "",
  "empty.ts": () => "",
  "mark_only.yaml": () => "\ufeff",
  "nul.yaml": () => "name: digits\nseed: 3\0\n",
  "nuls.yaml": () => new Uint8Array(4096),
  "latin1.yaml": () => Uint8Array.of(...new TextEncoder().encode("name: "), 0xe9, 10),
  "utf16.yaml": () =>
    Uint8Array.of(0xff, 0xfe, ...[..."name: x\n"].flatMap((c) => [c.charCodeAt(0), 0])),
  "truncated_utf8.yaml": () => Uint8Array.of(...new TextEncoder().encode("name: "), 0xf0, 0x9f),
  "surrogate_utf8.yaml": () =>
    Uint8Array.of(...new TextEncoder().encode("name: "), 0xed, 0xa0, 0x80),
  "arrow.yaml": () => Deno.readFileSync(`${root}data/digits-test.arrow`),
  "gzip.yaml": () => Deno.readFileSync(`${root}data/digits.csv.gz`),
  "deep_flow.yaml": () => `name: ${"[".repeat(200_000)}`,
  "deep_maps.yaml": () => `name: ${"{a: ".repeat(100_000)}`,
  "deep_block.yaml": () =>
    Array.from({ length: 1200 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join(""),
  "deep_lists.yaml": () => "- ".repeat(100_000),
  "deep_questions.yaml": () => "? ".repeat(100_000),
  "long_line.yaml": () => `name: ${"x".repeat(500_000)}\n`,
  "long_key.yaml": () => `${"x".repeat(5_000)}: 1\n`,
  "many_keys.yaml": () => Array.from({ length: 45_000 }, (_, key) => `k${key}: 1\n`).join(""),
  "many_metrics.yaml": () => `metrics: [${"a,".repeat(50_000)}]\n`,
  "many_aliases.yaml": () => `a: &a 1\nb: [${"*a,".repeat(90_000)}]\n`,
  "many_anchors.yaml": () =>
    Array.from({ length: 25_000 }, (_, key) => `k${key}: &a${key} 1\n`).join(""),
  "many_comments.yaml": () => "#\n".repeat(250_000),
  "many_quotes.yaml": () => '"'.repeat(100_000),
  "many_colons.yaml": () => ":".repeat(100_000),
  "many_documents.yaml": () => "---\n".repeat(50_000),
  "two_megabytes.yaml": () => `name: ${"x".repeat(2 ** 21)}\n`,
  "no_line_ends.yaml": () => "name: digits\rseed: 1\rname: x\r",
  "no_extension": () => "name: digits\n",
  "pipeline.toml": () => 'name = "digits"\n',
  "upper.YAML": () => "name: 3\n",
  "json_lines.json": () => '{"name": "a"}\n{"name": "b"}\n',
  "json_mark.json": () => '\ufeff{"name": 3}',
  "huge_number.yaml": () => `seed: 1${"0".repeat(100_000)}\n`,
};

/**
 * Makes files that are bad as pipelines by what they are.
 *
 * @param test What is done with their folder.
 */
export async function withSpecialFiles(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rocket-test-" });
  try {
    for (const [name, content] of Object.entries(texts)) {
      const made = content();
      const bytes = typeof made === "string" ? new TextEncoder().encode(made) : made;
      await Deno.writeFile(join(folder, name), bytes);
    }
    await Deno.mkdir(join(folder, "folder.yaml"));
    await Deno.mkdir(join(folder, "folder.ts"));
    if (Deno.build.os !== "windows") {
      await Deno.symlink("/dev/zero", join(folder, "zero.yaml"));
      await Deno.symlink("/dev/zero", join(folder, "zero.ts"));
      await Deno.symlink("/dev/null", join(folder, "null.yaml"));
      await Deno.symlink("loop.yaml", join(folder, "loop.yaml"));
      await Deno.symlink("nowhere.yaml", join(folder, "dangling.yaml"));
      await new Deno.Command("mkfifo", {
        args: ["pipe.yaml", "pipe.ts"].map((name) => join(folder, name)),
      }).output();
      await Deno.writeTextFile(join(folder, "locked.yaml"), "name: x\n");
      await Deno.chmod(join(folder, "locked.yaml"), 0o000);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is to be said of some of them; of the others, that they are refused. */
const said: Readonly<Record<string, readonly [at: string | undefined, ...words: string[]]>> = {
  "empty.yaml": ["1:1", "does not contain a pipeline: it is empty", "quickstart.yaml"],
  "spaces.yaml": ["1:1", "does not contain a pipeline: it is empty"],
  "mark_only.yaml": ["1:1", "does not contain a pipeline: it is empty"],
  "empty.ts": ["1:1", "does not contain a pipeline", "definePipeline"],
  "latin1.yaml": [undefined, "latin1.yaml is not UTF-8 text"],
  "utf16.yaml": [undefined, "utf16.yaml is not UTF-8 text"],
  "truncated_utf8.yaml": [undefined, "is not UTF-8 text"],
  "arrow.yaml": [undefined, "is not UTF-8 text"],
  "deep_flow.yaml": [undefined, "nested too deeply"],
  "two_megabytes.yaml": [undefined, "a pipeline file may have at most 524288"],
  "no_extension": [undefined, "is not a pipeline file", ".yaml, .yml, .json or .ts"],
  "pipeline.toml": [undefined, "is not a pipeline file"],
  "upper.YAML": [undefined, "name: expected text, got 3"],
  "folder.yaml": [undefined, "folder.yaml is a folder"],
  "folder.ts": [undefined, "folder.ts is a folder"],
  "zero.yaml": [undefined, "zero.yaml is not a regular file"],
  "zero.ts": [undefined, "zero.ts is not a regular file"],
  "null.yaml": [undefined, "null.yaml is not a regular file"],
  "pipe.yaml": [undefined, "pipe.yaml is not a regular file"],
  "pipe.ts": [undefined, "pipe.ts is not a regular file"],
  "loop.yaml": [undefined, "loop.yaml cannot be read"],
  "dangling.yaml": [undefined, "there is no file dangling.yaml"],
};

const asPipeline = (name: string, other: string): Mend => ({
  files: { [other]: "name: digits\n" },
  args: (args) => args.map((arg) => arg === name ? other : arg),
});

/** What a person does about the name of a file. */
const renamed: Readonly<Record<string, Case["mended"]>> = {
  "no_extension": { "pipeline/ending": asPipeline("no_extension", "an_extension.yaml") },
  "pipe.yaml": { "pipeline/regular": asPipeline("pipe.yaml", "regular.yaml") },
};

/**
 * The cases that {@linkcode withSpecialFiles} makes files for.
 *
 * @param folder Their folder.
 */
export function* specialCases(folder: string): Iterable<Case> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  for (const name of names) {
    // A root may read everything; then the pipeline within is refused, which lacks all.
    const [at, ...words] = said[name] ?? [undefined];
    yield {
      name,
      args: ["check", "--engine", "wasm", "--quiet", name],
      folder,
      expected: { code: 2, at, words },
      mended: renamed[name],
    };
  }
}
