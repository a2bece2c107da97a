import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Refusal } from "../../src/launch/rocket.ts";
import { importsOfUser, readOfUser } from "../../src/launch/user_config.ts";
import { inFolder } from "../support/command_line.ts";

const given = (file: string) => Promise.resolve(file);

Deno.test("importsOfUser() keeps what determines imports of files, with absolute paths", async () => {
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
  assertEquals(await importsOfUser(path, JSON.stringify(config), given), {
    scopes: {
      [at("b/old/")]: { "x": "npm:x@0", "x/": "npm:/x@0/" },
      "file:///": {
        ...{ "x": "npm:x@1", "x/": "npm:/x@1/" },
        ...{ "mine/": at("b/src/"), "@/": at("") },
        ...{ "yaml": "jsr:@std/yaml@1", "yaml/": "jsr:/@std/yaml@1/" },
      },
    },
    compilerOptions: { jsx: "react-jsx" },
  });
});

Deno.test("importsOfUser() reads comments and trailing commas, and no others within strings", async () => {
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
  assertEquals(await importsOfUser("/deno.jsonc", text, given), {
    scopes: {
      "file:///": {
        "a": "https://example.com/a.ts",
        "b": "npm:b@1 /* no comment */ ,}",
        "b/": "npm:/b@1 /* no comment */ ,}/",
        "c\\": 'd"// no comment',
      },
    },
    compilerOptions: undefined,
  });
  await assertRejects(
    () => importsOfUser("/deno.json", "{ a }", given),
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
    const config = `{ "importMap": "maps/m.json" }`;
    const { scopes } = await importsOfUser(path, config, given);
    assertEquals(scopes, { "file:///": { mine: url } });
    // Plugins may have written the import map.
    const asked: string[] = [];
    const without = await importsOfUser(path, config, (file) => {
      asked.push(file);
      return Promise.resolve(undefined);
    });
    assertEquals([asked, without], [[map], { compilerOptions: undefined }]);
    await assertRejects(
      () => importsOfUser(path, `{ "importMap": "https://example.com/m.json" }`, given),
      Refusal,
      "an import map on a server",
    );
  }));

Deno.test("readOfUser() refuses a large deno.json, also if the file has no content", () =>
  inFolder(async (folder) => {
    const path = join(folder, "deno.json");
    await Deno.writeTextFile(path, "{}");
    assertEquals(readOfUser(path, "config"), "{}");
    assertThrows(() => readOfUser("/dev/null", "config"), Refusal, "is not a regular file");
    assertThrows(() => readOfUser(join(folder, "none"), "config"), Refusal, "cannot be read: ");
    await Deno.truncate(path, 2 ** 33);
    assertThrows(() => readOfUser(path, "config"), Refusal, "has 8589934592 bytes; at most 524288");
  }));
