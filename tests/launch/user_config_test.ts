import { assertEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Refusal } from "../../src/launch/rocket.ts";
import { importsOfUser, readOfUser } from "../../src/launch/user_config.ts";
import { inFolder } from "../support/command_line.ts";

Deno.test("importsOfUser() keeps what determines imports, with absolute paths", () => {
  const path = "/a/b/deno.json", at = (relative: string) => `file:///a/${relative}`;
  const config = {
    name: "@me/mine",
    imports: { "x": "npm:x@1", "mine/": "./src/", "@/": "../", "yaml": "jsr:@std/yaml@1" },
    scopes: { "./old/": { "x": "npm:x@0" }, "https://example.com/": { "y": "./y.ts" } },
    compilerOptions: { jsx: "react-jsx" },
    unstable: ["bundle"],
    vendor: true,
    nodeModulesDir: "auto",
    permissions: { default: { all: true } },
    tasks: { t: "echo" },
  };
  assertEquals(importsOfUser(path, JSON.stringify(config)), {
    imports: { "x": "npm:x@1", "mine/": at("b/src/"), "@/": at(""), "yaml": "jsr:@std/yaml@1" },
    scopes: { [at("b/old/")]: { "x": "npm:x@0" }, "https://example.com/": { "y": at("b/y.ts") } },
    compilerOptions: { jsx: "react-jsx" },
  });
});

Deno.test("importsOfUser() reads comments and trailing commas, and no others within strings", () => {
  const text = `\uFEFF// A comment, "with quotes",
{
  /* imports: { */
  "imports": {
    "a": "https://example.com/a.ts", // ,}
    "b": "npm:b@1 /* no comment */ ,}", /**/
    "c\\\\": "d\\"// no comment",
  },
}
`;
  assertEquals(importsOfUser("/deno.jsonc", text), {
    imports: {
      "a": "https://example.com/a.ts",
      "b": "npm:b@1 /* no comment */ ,}",
      "c\\": 'd"// no comment',
    },
    compilerOptions: undefined,
  });
  assertThrows(
    () => importsOfUser("/deno.json", "{ a }"),
    Refusal,
    "/deno.json is not valid JSON: ",
  );
});

Deno.test("importsOfUser() reads the import map that the configuration names", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "maps"));
    const map = join(folder, "maps", "m.json"), path = join(folder, "deno.json");
    await Deno.writeTextFile(map, `{ "imports": { "mine": "./mine.ts" } }`);
    const url = pathToFileURL(join(folder, "maps", "mine.ts")).href;
    const { imports } = importsOfUser(path, `{ "importMap": "maps/m.json" }`);
    assertEquals(imports, { mine: url });
    assertThrows(
      () => importsOfUser(path, `{ "importMap": "https://example.com/m.json" }`),
      Refusal,
      "an import map on a server",
    );
  }));

Deno.test("readOfUser() refuses a large deno.json, also if the file has no content", () =>
  inFolder(async (folder) => {
    const path = join(folder, "deno.json");
    await Deno.writeTextFile(path, "{}");
    assertEquals(readOfUser(path, "config"), "{}");
    await Deno.truncate(path, 2 ** 33);
    assertThrows(() => readOfUser(path, "config"), Refusal, "has 8589934592 bytes; at most 524288");
  }));
