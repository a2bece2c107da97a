import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { planOf } from "../../src/sweep/check.ts";
import { readSweep } from "../../src/pipeline/sweep_file/read.ts";
import { netsOf } from "../../src/run/prepare_nets.ts";
import { rocket, root } from "../support/command_line.ts";
import { withFiles } from "../support/problems.ts";
import { allCode } from "../support/all_code.ts";

const folder = join(root, "pipelines");
const examples = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => /^sweep.*\.yaml$/.test(name));

Deno.test("all runs of the sweeps in pipelines/ are valid pipelines", async () => {
  assert(examples.length > 1);
  for (const name of examples) {
    const { runs, settings } = await readSweep(join(folder, name), { allowed: allCode });
    const alone = new Map<string, boolean>();
    for (const run of runs) {
      const nets = netsOf(await planOf(run, await allowedCode(folder)));
      alone.set(run.setting, !nets.includes("booster"));
    }
    // If a setting trains only the light net, the others are compared with it.
    if (![...alone.values()].includes(true)) continue;
    for (const { reference } of settings) assert(alone.get(reference), `${name}: ${reference}`);
  }
});

Deno.test("the command check accepts the sweep of the digits with its data", async () => {
  const { code, stdout, stderr } = await rocket([
    ...["sweep", join(folder, "sweep-digits.yaml"), "--only", "check", "--engine", "wasm"],
    ...["--set", "train.batch=4", "--out", join(folder, "none")],
  ]);
  assertEquals(code, 0, stderr);
  const { runs, metric } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  assertEquals([runs.length, metric], [9, "light/accuracy"]);
  assertEquals(new Set(runs.map(({ state }: { state: string }) => state)), new Set(["new"]));
});

Deno.test("the sweep in docs/sweep.md can be read, and its runs are valid pipelines", async () => {
  const text = await Deno.readTextFile(join(root, "docs/sweep.md"));
  const [, snippet] = /^```yaml\n([^]*?)^```/m.exec(text)!;
  const base = await Deno.readTextFile(join(folder, "digits.yaml"));
  await withFiles({ "sweep.yaml": snippet!, "digits.yaml": base }, async (folder) => {
    const { runs, settings } = await readSweep(join(folder, "sweep.yaml"), { allowed: allCode });
    assertEquals(settings.length, 5 * 4);
    const name = "weights,batch=64,light=small,weight=0.1";
    assertEquals(
      settings.find(({ key }) => key === name)?.reference,
      "basic,batch=64,light=small",
    );
    for (const run of runs) await planOf(run, await allowedCode(folder));
  });
});
