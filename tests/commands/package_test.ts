import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { deno, type Ended, inFolder, root } from "../support/command_line.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const cli = "jsr:@rocket-launching/rocket/cli";
/** The permissions that `--permissions` itself needs. */
const asking = ["--allow-read", "--allow-env", "--allow-sys=homedir"];

const stage = `
import { defineMetric, z } from "@rocket-launching/rocket/plugin";
const tries = {
  net: async () => await fetch("http://127.0.0.1:8123/"),
  code: async () => await import("http://127.0.0.1:8123/x.ts"),
  run: async () => await new Deno.Command("true").output(),
  write: async () => await Deno.writeTextFile(new URL("mark", import.meta.url), ""),
};
const could = [];
for (const [name, attempt] of Object.entries(tries)) {
  await attempt().then(() => could.push(name), (error) => {
    if (!(error instanceof Deno.errors.NotCapable) && !/Requires import access/.test(error.message)) could.push(name);
  });
}
if (could.length > 0) throw new Error(could.join());
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
});
`;

Deno.test("the published package runs with the permissions that it prints, and rejects code from elsewhere", async () => {
  await using jsr = new LoopbackRegistry();
  await jsr.publish(root);
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), temporary = join(outer, "temporary");
    for (const one of [folder, temporary]) await Deno.mkdir(one);
    const env = { ...jsr.environment, TMPDIR: temporary };
    const run = async (flags: readonly string[], ...args: string[]): Promise<Ended> =>
      await deno(["run", "--quiet", "--no-prompt", ...flags, cli, ...args], { cwd: folder, env });
    const granted = async (...args: string[]): Promise<Ended> => {
      const { stdout, stderr } = await run(asking, ...args, "--permissions");
      const line = stdout.trimEnd().split("\n").at(-1)!;
      const flags = line.match(/'--allow-[^']*'/g)?.map((flag) => flag.slice(1, -1));
      assert(flags, stderr);
      assertStringIncludes(line, `'--allow-import=${new URL(jsr.url).host}'`);
      return await run(flags, ...args);
    };
    const pipeline = digitsPipeline({
      metrics: [{ use: "./own.ts" }],
      train: { epochs: 1, batch: 512 },
    });
    const outside = { ...pipeline, metrics: [{ use: "../own.ts" }] };
    const files = {
      "project/deno.json": JSON.stringify({
        imports: { "@rocket-launching/rocket": "jsr:@rocket-launching/rocket@^0.1.0" },
      }),
      "project/own.ts": stage,
      "own.ts": stage,
      "project/p.yaml": JSON.stringify(pipeline),
      "project/p.ts": `export default { extends: "./p.yaml" };`,
      "project/s.yaml": "base: ./p.ts\nseeds: [1]\nsettings: { a: {} }\nlatency: none\n",
      "project/outside.yaml": JSON.stringify(outside),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(outer, name), text);
    }
    const ran = await granted("p.yaml", "--engine", "wasm", "--out", "run");
    assertEquals(ran.code, 0, ran.stderr);
    const again = await granted("resume", "run", "--epochs", "2");
    assertEquals(again.code, 0, again.stderr);
    // Deno writes deno.lock.
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      ...["deno.json", "deno.lock", "outside.yaml", "own.ts", "p.ts", "p.yaml", "run", "s.yaml"],
    ]);
    // The parts of a sweep have no other permissions, which the stage checks.
    const swept = await granted("sweep", "s.yaml", "--engine", "wasm", "--out", "swept");
    assertEquals(swept.code, 0, swept.stderr);
    const refused = await granted("check", "outside.yaml", "--engine", "wasm");
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "../own.ts is code from outside the project's folder");
    const bare = await run(["--allow-read", `--allow-import=${new URL(jsr.url).host}`], "p.yaml");
    assertEquals(bare.code, 2);
    assertMatch(
      bare.stderr,
      /^error: this process has no permission to .*\n hint: start it with deno run --allow-/,
    );
  });
});
