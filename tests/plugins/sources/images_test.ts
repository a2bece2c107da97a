import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { checkStage } from "../../../testing.ts";
import images from "../../../plugins/sources/images.ts";
import { inFolder } from "../../support/command_line.ts";
import { sourceOf } from "../../support/formats.ts";
import { UserError } from "../../../plugin.ts";

/** Writes files whose content is their path. */
async function write(folder: string, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(join(folder, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, path), path);
  }
}

const open = (folder: string, options: Record<string, unknown> = {}) =>
  sourceOf(images, { path: "all", ...options }, folder).open();

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("images reads the images of each class in the order of their paths", async () => {
  await inFolder(async (folder) => {
    const paths = ["b/2.PNG", "b/10.jpg", "a/x.jpeg", "a/deep/y.png", "Z/q.png"];
    await write(
      folder,
      ...paths.map((path) => `all/${path}`),
      "all/notes.txt",
      "all/.hidden/a.png",
    );
    await write(folder, "all/a/.b.png", "all/a/Thumbs.db");
    const data = await open(folder, { batchRows: 2 });
    assertEquals(data.schema.fields.map(({ name, type }) => `${name}: ${type}`), [
      "image: Binary",
      "label: Utf8",
      "path: Utf8",
    ]);
    assertEquals(data.rowCounts, [2, 2, 1]);
    const rows: unknown[][] = [];
    for await (const batch of data.recordBatches()) {
      for (const { image, label, path } of batch) rows.push([textOf(image), label, path]);
    }
    assertEquals(
      rows,
      ["Z/q.png", "a/x.jpeg", "a/deep/y.png", "b/10.jpg", "b/2.PNG"].map((path) => [
        `all/${path}`,
        path[0],
        path,
      ]),
    );
    assertEquals([...await data.recordBatch!(2)].map(({ path }) => path), ["b/2.PNG"]);
    assertEquals(data.locate!(1), { file: "all/a/x.jpeg", row: 0 });
    assertEquals(data.locate!(5), undefined);
  });
});

Deno.test("images reads only the requested columns, and no labels without subfolders", async () => {
  await inFolder(async (folder) => {
    await write(folder, "all/1.png", "all/2.png");
    const data = await sourceOf(images, { path: "all/" }, folder).open({ columns: ["path"] });
    assertEquals(data.schema.fields.map(({ name }) => name), ["image", "path"]);
    // An image that is not requested is not read.
    await Deno.writeTextFile(join(folder, "all/1.png"), "longer than before");
    const [batch] = await Array.fromAsync(data.recordBatches());
    assertEquals(batch!.schema.fields.map(({ name }) => name), ["path"]);
    const all = await open(folder);
    await Deno.writeTextFile(join(folder, "all/1.png"), "other length");
    await assertRejects(
      () => all.recordBatch!(0),
      UserError,
      "all/1.png changed while it was read",
    );
  });
});

Deno.test("images has another fingerprint if an image or its class changes", async () => {
  await inFolder(async (folder) => {
    const fingerprint = async () => (await open(folder)).fingerprint;
    await write(folder, "all/a/1.png", "all/b/2.png");
    const first = await fingerprint();
    assertEquals(await fingerprint(), first);
    await Deno.writeTextFile(join(folder, "all/a/1.png"), "all/a/2.png");
    const second = await fingerprint();
    assertNotEquals(second, first);
    await Deno.rename(join(folder, "all/a"), join(folder, "all/c"));
    assertNotEquals(await fingerprint(), second);
  });
});

Deno.test("images reads a single image, which has no label", async () => {
  await inFolder(async (folder) => {
    await write(folder, "all/a/1.png");
    const [batch] = await Array.fromAsync(
      (await open(folder, { path: "all/a/1.png" })).recordBatches(),
    );
    const rows = [...batch!].map(({ image, label, path }) => [textOf(image), label, path]);
    assertEquals(rows, [["all/a/1.png", undefined, "1.png"]]);
  });
});

Deno.test("images refuses folders whose classes are not clear", async () => {
  await inFolder(async (folder) => {
    const refused = async (words: string, path = "all") => {
      await assertRejects(() => open(folder, { path }), UserError, words);
    };
    await refused("there is no folder all");
    await Deno.mkdir(join(folder, "all/empty"), { recursive: true });
    await refused("the folder all has no PNG or JPEG images");
    await write(folder, "all/a/1.png");
    await refused("the folder all/empty has no PNG or JPEG images");
    await Deno.remove(join(folder, "all/empty"));
    await write(folder, "list.txt");
    await refused("list.txt is a file; expected a folder", "list.txt");
    await write(folder, "all/2.png");
    await refused("the folder all has both images (2.png) and subfolders with images (a)");
    await Deno.remove(join(folder, "all/2.png"));
    await write(folder, "all/a/3.webp");
    await refused("all/a/3.webp is not a PNG or JPEG image");
    await Deno.remove(join(folder, "all/a/3.webp"));
    await Deno.symlink(join(folder, "all/a"), join(folder, "all/link"));
    await refused("all/link is a link to a folder");
  });
});

const linked = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rocket-test-" }));
globalThis.addEventListener("unload", () => Deno.removeSync(linked, { recursive: true }));
await write(linked, "given/all/a/1.png", "given/all/b/2.png", "private/3.png");
await Deno.symlink(join(linked, "private/3.png"), join(linked, "given/all/b/3.png"));

Deno.test({
  name: "images does not follow a link to an image that the process may not read",
  permissions: { read: [join(linked, "given")] },
  async fn() {
    const words = `all/b/3.png is a link to ${join(linked, "private", "3.png")}, which this`;
    await assertRejects(() => open(join(linked, "given")), UserError, words);
  },
});

Deno.test("images meets the contract of sources", async () => {
  await inFolder(async (folder) => {
    await write(folder, "all/a/1.png", "all/b/2.png");
    await checkStage(images, { options: { path: join(folder, "all") } });
  });
});
