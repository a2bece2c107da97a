import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { deno, inFolder, root, userEnvironment } from "../support/command_line.ts";

const metric = `import { defineMetric, z } from "@rocket-launching/rocket/plugin";

export default defineMetric({
  name: "mine", summary: "Mine.", per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
});
`;

const program = `import { definePipeline, type Pipeline } from "@rocket-launching/rocket";
import { loadModel } from "@rocket-launching/rocket/model";
import type { MetricStage } from "@rocket-launching/rocket/plugin";
import { checkStage } from "@rocket-launching/rocket/testing";
import mine from "./mine.ts";

export const pipeline: Pipeline = definePipeline({
  name: "a",
  data: {
    train: { use: "arrow", path: "a" },
    test: { use: "arrow", path: "a" },
    features: { image: null },
    label: "digit",
  },
  network: { use: "mlp", light: [16], booster: [32] },
  losses: [{ use: "cross-entropy", on: "light" }],
  optimizer: { use: "adam", learningRate: 0.01 },
  train: { epochs: 2, batch: 64 },
  metrics: ["accuracy"],
  outputs: [],
});
// @ts-expect-error The units of a layer are a number.
export const network: Pipeline["network"] = { use: "mlp", light: ["16"], booster: [32] };
export const loaded: ReturnType<typeof loadModel> = loadModel("run");
export const stage: MetricStage = mine;
export const check: typeof checkStage = checkStage;
`;

/** Gives a test a project whose `deno.json` links to the checkout. */
async function inLinkedProject(test: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const config = {
      imports: { "@rocket-launching/rocket": "jsr:@rocket-launching/rocket@^0.1.0" },
      lock: false,
      links: [root, ...["cli", "assert"].map((name) => join(root, "src/launch/compat", name))],
    };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(config));
    await Deno.writeTextFile(join(folder, "mine.ts"), metric);
    await test(folder);
  });
}

Deno.test("the package has types in a user's project", async () => {
  await inLinkedProject(async (cwd) => {
    await Deno.writeTextFile(join(cwd, "main.ts"), program);
    const { code, stderr } = await deno(["check", "--quiet", "main.ts"], { cwd });
    assertEquals(code, 0, stderr);
  });
});

Deno.test("the command line runs under its published name where links of deno.json lead to a checkout", async () => {
  await inLinkedProject(async (cwd) => {
    const { code, stdout, stderr } = await deno(
      ["run", "-A", "--quiet", "jsr:@rocket-launching/rocket/cli", "show", "./mine.ts"],
      { cwd, env: userEnvironment() },
    );
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^mine/m);
    assertMatch(stderr, /^permissions: .*, write nothing, no network/m);
  });
});
