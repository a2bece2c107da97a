import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { importMap } from "../../src/launch/import_map.ts";
import type { ProjectConfig } from "../../src/launch/project.ts";
import { readStandIns, type StandIn } from "../../src/launch/stand_ins.ts";
import { withProject } from "./support.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
const root = join(checkout, "a folder, with ü & 100%");
const file = (path: string) => pathToFileURL(join(root, path)).href;

/** Returns the imports of an import map for a project. */
function imports(
  { imports = {}, exports = {} }: Partial<ProjectConfig>,
  standIns: readonly StandIn[] = [],
): Record<string, string> {
  const config = { name: "@toy/project", imports, exports, publish: { exclude: [] } };
  return parse(importMap(root, config, standIns));
}

function parse(url: string): Record<string, string> {
  const start = "data:application/json,";
  assert(url.startsWith(start), url);
  return JSON.parse(decodeURIComponent(url.slice(start.length))).imports;
}

Deno.test("importMap() replaces modules of the JSR registry with stand-ins", () => {
  const mapped = imports({ imports: { "@toy/words": "jsr:@toy/words@^1.0.0" } }, [
    {
      specifier: "@toy/words/long",
      path: join(root, "src", "launch", "compat", "words", "long.ts"),
    },
  ]);
  assertEquals(mapped, { "@toy/words/long": file("src/launch/compat/words/long.ts") });
});

Deno.test("importMap() maps npm packages and their paths", () => {
  const mapped = imports({
    imports: {
      "plain": "npm:plain@^1.2.0",
      "@scope/name": "npm:@scope/name@4.22.0",
      "@scope/only-paths/": "npm:/@scope/only-paths@4.22.0/",
    },
  });
  assertEquals(mapped, {
    "plain": "npm:plain@^1.2.0",
    "plain/": "npm:/plain@^1.2.0/",
    "@scope/name": "npm:@scope/name@4.22.0",
    "@scope/name/": "npm:/@scope/name@4.22.0/",
    "@scope/only-paths/": "npm:/@scope/only-paths@4.22.0/",
  });
});

Deno.test("importMap() maps the package's own name, its other exports and its files", () => {
  const mapped = imports({
    imports: { "#local": "./some/local.ts", "node": "node:path" },
    exports: { ".": "./mod.ts", "./testing": "./testing.ts" },
  });
  assertEquals(mapped, {
    "#local": file("some/local.ts"),
    "node": "node:path",
    "@toy/project": file("mod.ts"),
    "@toy/project/testing": file("testing.ts"),
  });
});

Deno.test("importMap() resolves all imports of this project", async () => {
  const config: ProjectConfig = JSON.parse(await Deno.readTextFile(join(checkout, "deno.json")));
  const mapped = parse(importMap(checkout, config, await readStandIns(checkout)));
  for (const name of [...Object.keys(config.imports), config.name, `${config.name}/testing`]) {
    const isThere = Object.keys(mapped).some((key) => key === name || key.startsWith(`${name}/`));
    assert(isThere, name);
  }
  assert(Object.values(mapped).every((target) => !target.startsWith("jsr:")));
  for (const target of Object.values(mapped).filter((target) => target.startsWith("file:"))) {
    assert((await Deno.stat(new URL(target))).isFile, target);
  }
});

Deno.test("importMap() has the same meaning for Deno as deno.json", async () => {
  const print = `
    for (const name of ["yaml", "yaml/util", "@toy/project", "@toy/words"]) {
      console.log(import.meta.resolve(name));
    }
  `;
  await withProject(async (small) => {
    await small.write({ "print.ts": print });
    const config = JSON.parse(await Deno.readTextFile(join(small.root, "deno.json")));
    config.imports.yaml = "npm:yaml@^2.8.0";
    await small.write({ "deno.json": JSON.stringify(config) });
    const map = importMap(small.root, config, await readStandIns(small.root));
    const lines = async (...flags: string[]) => {
      const { out, err, code } = await small.deno(["run", "--quiet", ...flags, "print.ts"]);
      assertEquals(code, 0, err);
      return out.trim().split("\n");
    };
    const [yaml, util, own, words] = await lines("--import-map", map);
    assertEquals(await lines(), [yaml!, util!, own!, "jsr:@toy/words@^1.0.0"]);
    assertEquals(
      words,
      pathToFileURL(join(small.root, "src", "launch", "compat", "words", "mod.ts")).href,
    );
  }, "a folder, with ü & 100%");
});
