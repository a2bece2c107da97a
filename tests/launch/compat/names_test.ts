import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ProjectConfig } from "../../../src/launch/project.ts";
import { readStandIns } from "../../../src/launch/stand_ins.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const config: ProjectConfig = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
const standIns = await readStandIns(root);

/** Folders whose files are not the project's sources. */
const ELSEWHERE = ["runs", "coverage", "node_modules"];

/** Reads the text of each TypeScript file, by path. */
async function* sources(folder: string): AsyncGenerator<[path: string, text: string]> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory && !name.startsWith(".") && !ELSEWHERE.includes(name)) yield* sources(path);
    if (isFile && name.endsWith(".ts")) yield [path, await Deno.readTextFile(path)];
  }
}

/**
 * Finds the imports of modules in the scope `@std`, including those in examples: which values are
 * imported, and where.
 */
async function importsOfStd(): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  for await (const [path, text] of sources(root)) {
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"(@std\/[^"$]+)"/g)) {
      found.set(specifier!, found.get(specifier!) ?? new Map([["", path]]));
    }
    for (
      const [, list, specifier] of text.matchAll(/import\s*\{([^}]*)\}\s*from\s*"(@std\/[^"]+)"/g)
    ) {
      for (const name of list!.replaceAll(/^ *\*/gm, "").split(",").map((part) => part.trim())) {
        // Imports of types are covered by the type check.
        if (name === "" || name.startsWith("type ")) continue;
        found.get(specifier!)!.set(name.split(" as ")[0]!, path);
      }
    }
  }
  return found;
}

const imported = await importsOfStd();

Deno.test("compat/ has a stand-in for each imported @std module, and deno.json has its version", () => {
  assert(imported.size >= 2, "the project imports @std/assert and @std/cli/parse-args");
  for (const [specifier, names] of imported) {
    const where = `${specifier}, imported by ${names.get("")}`;
    assert(standIns.some((standIn) => standIn.specifier === specifier), `no stand-in: ${where}`);
    const version = config.imports[specifier.split("/", 2).join("/")];
    assert(version?.startsWith("jsr:@std/"), `no version: ${where}`);
  }
});

Deno.test("compat/ has only modules that are imported", () => {
  assertEquals(standIns.map(({ specifier }) => specifier).sort(), [...imported.keys()].sort());
});

Deno.test("compat/ has a stand-in for each package of the JSR registry", () => {
  const packages = Object.entries(config.imports).filter(([, to]) => to.startsWith("jsr:"));
  for (const [name] of packages) {
    const isThere = standIns.some(({ specifier }) => `${specifier}/`.startsWith(`${name}/`));
    assert(isThere, `no folder of compat/ is named ${name}`);
  }
});

for (const { specifier, path } of standIns) {
  Deno.test(`compat/ exports everything that is imported from ${specifier}`, async () => {
    const exported = Object.keys(await import(pathToFileURL(path).href));
    const names = [...imported.get(specifier) ?? []].filter(([name]) => name !== "");
    assert(names.length > 0);
    for (const [name, where] of names) {
      assert(exported.includes(name), `${where} imports ${name} of ${specifier}`);
    }
  });
}
