import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";
import { dayPipeline, writeRows } from "../support/hand_over.ts";

const items = (names: readonly string[]) => ({
  item: Array.from({ length: 8 }, () => names).flat(),
  y: Array.from({ length: 8 }, () => names.map((_, index) => index % 2)).flat(),
});

Deno.test("pipeline FILE may read the run and the vocabularies of initial weights", async () => {
  await inFolder(async (folder) => {
    const today = join(folder, "today"), words = join(folder, "words");
    for (const path of [today, words]) await Deno.mkdir(path);
    await writeRows(join(today, "one.csv"), items(["apple", "berry", "cherry"]));
    await writeRows(join(today, "two.csv"), items(["berry", "cherry", "date"]));
    await Deno.writeTextFile(join(words, "items.txt"), "apple\nberry\ncherry\n");
    const data = { features: { item: { ids: "train" } } };
    const write = (day: string, initial?: unknown) => {
      const { network, ...rest } = dayPipeline(day, { data });
      const pipeline = { ...rest, network: { ...network as object, initial } };
      return Deno.writeTextFile(join(today, `${day}.json`), JSON.stringify(pipeline));
    };
    const run = async (...args: string[]) => {
      const ended = await rocket([...args, "--engine", "wasm"], { cwd: today });
      return { ...ended, said: ended.stderr };
    };
    await write("one");
    const { code, said } = await run("one.json", "--out", "../runs/one");
    assertEquals(code, 0, said);
    const counts = "embedding/item: values of item: 2 kept, 1 new, 1 removed";
    const file = "../runs/one/checkpoints/best.safetensors";
    const vocabularies = { item: "../words/items.txt" };
    await write("two", { run: "../runs/one" });
    const checked = await run("check", "two.json");
    assertEquals(checked.code, 0, checked.said);
    assertStringIncludes(checked.said, counts);
    await write("two", { booster: { file, vocabularies } });
    const trained = await run("two.json", "--out", "../runs/two");
    assertEquals(trained.code, 0, trained.said);
    assertStringIncludes(trained.said, counts);
    await write("two", { booster: { file } });
    const refused = await run("check", "two.json");
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.said, "write `vocabularies: { item: FILE }`");
  });
});
