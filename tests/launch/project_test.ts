import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { importMap } from "../../src/launch/import_map.ts";
import { openProject } from "../../src/launch/project.ts";
import { readStandIns } from "../../src/launch/stand_ins.ts";
import { withEnvironment } from "../engine/native/support.ts";
import { withProject } from "./support.ts";

Deno.test("openProject() uses an import map of stand-ins if the registry does not answer", async () => {
  await withProject(async ({ root, caches, memory }) => {
    await Deno.mkdir(join(memory, ".."), { recursive: true });
    await Deno.writeTextFile(memory, "");
    await withEnvironment({ ROCKET_CACHE: join(caches, "rocket") }, async () => {
      const { config, offline, flags, ...project } = await openProject(root);
      assertEquals([project.root, config.name, offline], [root, "@toy/project", true]);
      const map = importMap(root, config, await readStandIns(root));
      assertEquals(flags, ["--config", join(root, "deno.json"), "--import-map", map]);
      assertMatch(decodeURIComponent(map), /"@toy\/words":"file:/);
    });
  });
});

Deno.test("openProject() only uses deno.json if modules of the registry can be imported", async () => {
  await withProject(async (small) => {
    const { root, caches } = small;
    // A module of the runtime replaces a module of the registry.
    const standIn = JSON.stringify({ name: "node:path", exports: { ".": "./mod.ts" } });
    await small.write({ "src/launch/compat/words/deno.json": standIn });
    await withEnvironment({ ROCKET_CACHE: join(caches, "rocket") }, async () => {
      const { offline, flags } = await openProject(root);
      assertEquals([offline, flags], [false, ["--config", join(root, "deno.json")]]);
    });
  });
});
