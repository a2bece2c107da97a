import { assertEquals, assertNotEquals } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { onnxOfRun } from "../../src/model/kept_net.ts";
import { openRun } from "../../src/run/model/open_run.ts";
import { inFolder, root } from "../support/command_line.ts";
import { type Rows, train, writeDay } from "../support/hand_over.ts";

Deno.test("a net is converted again when an environment variable or its module has changed", async () => {
  await openEngine("wasm", () => {});
  await inFolder(async (folder) => {
    const template = join(root, "src", "commands", "templates", "my_network.ts");
    const plugin = join(folder, "my_network.ts"), allowPlugins = [plugin];
    await Deno.copyFile(template, plugin);
    const rows: Rows = { n: [1, 2, 3, 4], y: [0, 1, 0, 1] };
    const variable = "ROCKET_TEST_FACTOR";
    Deno.env.set(variable, "2");
    try {
      const file = await writeDay(folder, "day", rows, {
        network: { use: "./my_network.ts" },
        data: {
          features: { n: {} },
          transforms: [{ use: "scale", by: `\${env:${variable}}` }],
        },
        train: { epochs: 1, batch: 4 },
      });
      const { out } = await train(file);
      const kept = async () => (await onnxOfRun(await openRun(out, { allowPlugins }))).model;
      const first = await kept();
      assertEquals(await kept(), first);
      Deno.env.set(variable, "3");
      assertNotEquals(await kept(), first);
      Deno.env.set(variable, "2");
      assertEquals(await kept(), first);
      await Deno.writeTextFile(plugin, "\n// Changed.\n", { append: true });
      assertNotEquals(await kept(), first);
    } finally {
      Deno.env.delete(variable);
    }
  });
});
