import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { linksOut } from "../../../src/launch/command_line/links_out.ts";
import { inFolder } from "../../support/command_line.ts";

Deno.test("linksOut() finds links at any depth that lead out of all granted folders", async () => {
  await inFolder(async (outer) => {
    const [project, data] = [join(outer, "project"), join(outer, "data")];
    await Deno.mkdir(join(project, "a", "b"), { recursive: true });
    await Deno.mkdir(join(data, "part"), { recursive: true });
    const link = (target: string, path: string) => Deno.symlink(target, join(project, path));
    await link(join(outer, "nowhere"), join("a", "broken"));
    await link("../..", join("a", "b", "loop"));
    await link("../../../data/part", join("a", "b", "granted"));
    const broken = { link: join(project, "a", "broken"), target: join(outer, "nowhere") };
    const found = linksOut([project], [project, data]);
    assertEquals(found, { links: [broken], unfinished: [] });
    assertEquals(linksOut([project], [project, data], 2).unfinished, [project]);
    await link("/", "root");
    const targets = linksOut([project], [project, data]).links.map(({ target }) => target);
    assertEquals(targets.includes("/"), true);
    assertEquals(linksOut([join(outer, "none")], []), { links: [], unfinished: [] });
  });
});
