import { assertEquals } from "@std/assert";
import { basename, join } from "node:path";
import { linksOut } from "../../../src/launch/command_line/links_out.ts";
import { inFolder } from "../../support/command_line.ts";
import { makeNotUtf8 } from "../../support/not_utf8.ts";

const nothing = { links: [], movable: [], shared: [], devices: [], unfinished: [] };

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
    const found = linksOut([project], { granted: [project, data] });
    assertEquals(found, { ...nothing, links: [broken] });
    assertEquals(linksOut([project], { granted: [project, data], maxFiles: 2 }).unfinished, [
      project,
    ]);
    await link("/", "root");
    const targets = linksOut([project], { granted: [project, data] }).links.map(({ target }) =>
      target
    );
    assertEquals(targets.includes("/"), true);
    assertEquals(linksOut([join(outer, "none")], { granted: [] }), nothing);
  });
});

Deno.test("linksOut() follows links in the targets of links", async () => {
  await inFolder(async (outer) => {
    const [project, near, far] = ["project", "near", "far"].map((name) => join(outer, name));
    for (const path of [project!, near!, far!]) await Deno.mkdir(path);
    await Deno.symlink("../near", join(project!, "a"));
    await Deno.symlink("../far", join(near!, "b"));
    const { links } = linksOut([project!], { granted: [project!] });
    assertEquals(links.map(({ target }) => target), [near, far]);
    const isSearched = (target: string) => target !== near;
    assertEquals(linksOut([project!], { granted: [project!], isSearched }).links.length, 1);
    await Deno.writeTextFile(join(far!, "file"), "");
    const { unfinished } = linksOut([project!], { granted: [project!], maxFiles: 1 });
    assertEquals(unfinished, [far!]);
  });
});

Deno.test("linksOut() finds links that lead elsewhere once code moves them or a folder on their way", async () => {
  await inFolder(async (runs) => {
    await Deno.mkdir(join(runs, "a", "b"), { recursive: true });
    const link = (target: string, path: string) => Deno.symlink(target, join(runs, path));
    await link("../../a", join("a", "b", "up"));
    await link("b", join("a", "down"));
    await link(join(runs, "a"), "absolute");
    await link("a/b/../..", "over");
    const movable = (writes: boolean) =>
      linksOut([runs], { granted: [runs], writes }).movable.map((path) => basename(path)).sort();
    assertEquals(movable(true), ["over", "up"]);
    assertEquals(movable(false), ["over"]);
  });
});

Deno.test({
  name: "linksOut() finds files of which another name is outside the folders to write in",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inFolder(async (outer) => {
      const runs = join(outer, "runs");
      await Deno.mkdir(runs);
      for (const name of ["helper.ts", "runs/best"]) {
        await Deno.writeTextFile(join(outer, name), "");
      }
      await Deno.link(join(runs, "best"), join(runs, "last"));
      const shared = () => linksOut([runs], { granted: [runs], writes: true }).shared;
      assertEquals(shared(), []);
      await Deno.link(join(outer, "helper.ts"), join(runs, "h.ts"));
      assertEquals(shared(), [join(runs, "h.ts")]);
      assertEquals(linksOut([runs], { granted: [runs] }).shared, []);
      // A single file, such as that of --out, can be one, too.
      const file = join(runs, "h.ts"), granted = [file];
      assertEquals(linksOut([file], { granted, writes: true }).shared, [file]);
      assertEquals(linksOut([file], { granted }).shared, []);
    });
  },
});

Deno.test({
  name: "linksOut() does not count a folder that it cannot list as searched",
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  async fn() {
    await inFolder(async (runs) => {
      const hidden = join(runs, "hidden");
      await Deno.mkdir(hidden);
      await Deno.chmod(hidden, 0o311);
      assertEquals(linksOut([runs], { granted: [runs] }).unfinished, [hidden]);
      await Deno.symlink("/proc", join(hidden, "link"));
      await Deno.chmod(hidden, 0o444);
      assertEquals(linksOut([runs], { granted: [runs] }).unfinished, [hidden]);
      await Deno.chmod(hidden, 0o000);
      assertEquals(linksOut([runs], { granted: [runs] }).unfinished, []);
      // A program that may write can change the mode.
      assertEquals(linksOut([runs], { granted: [runs], writes: true }).unfinished, [hidden]);
      await Deno.chmod(hidden, 0o755);
    });
  },
});

Deno.test({
  name: "linksOut() does not count a folder whose name is not valid UTF-8 as searched",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await inFolder(async (runs) => {
      await makeNotUtf8(runs);
      const { unfinished } = linksOut([runs], { granted: [runs] });
      assertEquals(unfinished, [join(runs, "bad\u{fffd}")]);
    });
  },
});

Deno.test({
  name: "linksOut() finds devices",
  // Only root may create them, and not in every container.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    await inFolder(async (runs) => {
      const device = join(runs, "zero");
      const made = await new Deno.Command("mknod", { args: [device, "c", "1", "5"] }).output();
      if (made.success) assertEquals(linksOut([runs], { granted: [runs] }).devices, [device]);
      await new Deno.Command("mkfifo", { args: [join(runs, "pipe")] }).output();
      assertEquals(linksOut([runs], { granted: [runs] }).devices.length, made.success ? 1 : 0);
    });
  },
});
