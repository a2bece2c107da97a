import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { deno, type Ended, inFolder, root } from "../support/command_line.ts";

const rocket = "jsr:@rocket-launching/rocket@^0.1.0";

const plugin =
  `import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";

const half: ScheduleStage = defineSchedule({
  name: "half",
  summary: "Half of the rate.",
  options: z.object({ of: z.number().default(1) }),
  create: ({ of }) => () => of / 2,
});
export default half;
`;

const pluginTest = `import { checkStage } from "@rocket-launching/rocket/testing";
import half from "./mod.ts";

Deno.test("half fulfills the contract of a schedule", () => checkStage(half));
`;

const program = `import { definePipeline, runPipeline } from "@rocket-launching/rocket";

const data = Deno.args[0];
const pipeline = definePipeline({
  name: "digits",
  data: {
    train: { use: "arrow", path: data + "/digits-train.arrow" },
    test: { use: "arrow", path: data + "/digits-test.arrow" },
    features: { image: null },
    label: "digit",
    transforms: [{ use: "scale", by: 1 / 16 }],
  },
  network: { use: "mlp", light: [16], booster: [32] },
  losses: [
    { use: "cross-entropy", on: "light" },
    { use: "cross-entropy", on: "booster" },
    { use: "mse-hint", weight: 0.03 },
  ],
  optimizer: { use: "adam", learningRate: 0.01, schedule: { use: "jsr:@someone/half", of: 2 } },
  train: { epochs: 2, batch: 64 },
  metrics: ["accuracy"],
  outputs: [],
});
const { test } = await runPipeline(pipeline, {
  out: "run",
  engine: "wasm",
  allowPlugins: ["jsr:@someone/half"],
});
console.log(test.light!.accuracy);
`;

/** A project of a user's beside a plugin of somebody else's; both know published names alone. */
async function inProject(test: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const files = {
      "deno.json": {
        imports: { "@rocket-launching/rocket": rocket },
        lock: false,
        rocket: { allowPlugins: ["jsr:@someone/half"] },
        // What these lead to stands for what the registry would have.
        links: [
          root,
          join(root, "src", "launch", "compat", "cli"),
          join(root, "src", "launch", "compat", "assert"),
          "./half",
        ],
      },
      "half/deno.json": {
        name: "@someone/half",
        version: "1.0.0",
        exports: "./mod.ts",
        imports: { "@rocket-launching/rocket": rocket },
      },
      "half/mod.ts": plugin,
      "half/mod_test.ts": pluginTest,
      "main.ts": program,
    };
    await Deno.mkdir(join(folder, "half"));
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(join(folder, name), text);
    }
    await test(folder);
  });
}

function assertWell({ code, stderr }: Ended): void {
  assertEquals(code, 0, stderr);
}

Deno.test("the package runs in a user's project, with a plugin that is imported by its published name", async () => {
  await inProject(async (cwd) => {
    const ran = await deno(["run", "-A", "--quiet", "main.ts", join(root, "data")], { cwd });
    assertWell(ran);
    assertMatch(ran.stdout, /^0\.[5-9]\d+$/m);
    const result = JSON.parse(await Deno.readTextFile(join(cwd, "run", "result.json")));
    assertEquals(result.name, "digits");
  });
});

Deno.test("the package has types in a user's project", async () => {
  await inProject(async (cwd) => {
    assertWell(await deno(["check", "--quiet", "main.ts", "half/mod.ts"], { cwd }));
    await Deno.writeTextFile(join(cwd, "main.ts"), program.replace("light: [16]", 'light: "16"'));
    const { code, stderr } = await deno(["check", "--quiet", "main.ts"], { cwd });
    assertEquals(code, 1);
    assertMatch(stderr, /main\.ts/);
  });
});

Deno.test("the test kit for plugins runs in the project of a plugin's author", async () => {
  await inProject(async (cwd) => {
    const tested = await deno(["test", "-A", "--quiet", "half"], { cwd });
    assertWell(tested);
    assertMatch(tested.stdout, /1 passed \| 0 failed/);
  });
});

Deno.test("the command line runs under its published name", async () => {
  await inProject(async (cwd) => {
    const { code, stdout } = await deno(
      ["run", "-A", "--quiet", "jsr:@rocket-launching/rocket/cli", "list", "schedule"],
      { cwd },
    );
    assertEquals(code, 0);
    assertMatch(stdout, /^schedule +warm-up /m);
  });
});
