import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { inFolder, rocket } from "../support/command_line.ts";
import { commandHelp } from "../../src/launch/command_line/help.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

const small = digitsPipeline({
  train: { epochs: 1, batch: 256, baseline: "light-alone" },
  outputs: ["progress"],
});

Deno.test("pipeline FILE trains, writes the run folder and ends with a table", async () => {
  await withPipeline(small, async (file, folder) => {
    const out = join(folder, "run");
    const { code, stdout, stderr } = await rocket([file, "--engine", "wasm", "--out", out]);
    assertEquals(code, 0);
    assertMatch(stdout, /^light +0\.\d{4} .* s$/m);
    assertMatch(stdout, /^booster +0\.\d{4}/m);
    assertMatch(stdout, /^light alone +0\.\d{4}/m);
    assertMatch(stdout, /^gain of the light net from the booster: accuracy [+−]\d\.\d{4}/m);
    assertMatch(stdout, /^training speed: [\d,]+ rows\/s \(light alone: [\d,]+ rows\/s\)$/m);
    assertMatch(
      stdout,
      /^waiting for data: \d+\.\d % of the training time \(light alone: \d+\.\d %\)$/m,
    );
    assertMatch(stdout, /^mse-hint\(booster→light\) +0 /m);
    assertStringIncludes(stdout, `run folder: ${out}`);
    assertMatch(stderr, /^engine: wasm/m);
    assertMatch(stderr, /epoch 1\/1 .*light\/accuracy 0\.\d{4}/);
    const names = Array.from(Deno.readDirSync(out), ({ name }) => name).sort();
    assertEquals(names, [
      "metrics-light-alone.jsonl",
      "metrics.jsonl",
      "model.json",
      "pipeline.json",
      "result.json",
    ]);
  });
});

Deno.test("pipeline FILE creates a folder in runs/ from the pipeline's name and the time", async () => {
  await withPipeline(small, async (file, cwd) => {
    const { code } = await rocket([file, "--engine", "wasm", "--quiet"], { cwd });
    assertEquals(code, 0);
    const [{ name }] = Array.from(Deno.readDirSync(join(cwd, "runs"))) as [Deno.DirEntry];
    assertMatch(name, /^digits-\d{8}-\d{6}$/);
  });
});

Deno.test("runs have separate folders even if the clock stands still or goes back by hours, and can be resumed", async () => {
  const clock = `
let hours = 0;
const time = 1.7e12;
globalThis.Date = class extends Date {
  constructor(...args) { super(...args.length > 0 ? args : [time]); }
  static now() { return time - 3_600_000 * hours++; }
};
export default { extends: "./pipeline.yaml", name: "clock" };
`;
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 512 }, outputs: ["checkpoint"] });
  await withPipeline(pipeline, async (_, cwd) => {
    const run = async (...args: string[]) => {
      const { code, stderr } = await rocket([...args, "--engine", "wasm"], { cwd });
      assertEquals(code, 0, stderr);
    };
    await run("clock.ts");
    await run("clock.ts", "--seed", "2");
    const names = Array.from(Deno.readDirSync(join(cwd, "runs")), ({ name }) => name).sort();
    assertEquals(names.map((name) => name.replace(/\d{8}-\d{6}/, "TIME")), [
      "clock-TIME",
      "clock-TIME-2",
    ]);
    const [first, second] = names.map((name) => join("runs", name)) as [string, string];
    await run("resume", first, "--epochs", "2");
    for (const [folder, seed, epochs] of [[first, 1, 2], [second, 2, 1]] as const) {
      const result = JSON.parse(await Deno.readTextFile(join(cwd, folder, "result.json")));
      assertEquals([result.seed, result.epochs], [seed, epochs]);
      assert(result.seconds >= 0, result.seconds);
    }
  }, { "clock.ts": clock });
});

Deno.test("runs that start in the same second have separate folders, and a refused run leaves none", async () => {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 512 }, outputs: [] });
  await withPipeline(pipeline, async (file, cwd) => {
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => rocket([file, "--engine", "wasm", "--quiet"], { cwd })),
    );
    assertEquals(runs.map(({ code, stderr }) => [code, stderr]), runs.map(() => [0, ""]));
    const folders = () => Array.from(Deno.readDirSync(join(cwd, "runs"))).length;
    assertEquals(folders(), 4);
    const refused = await rocket(
      [file, "--engine", "wasm", "--set", "data.label=missing"],
      { cwd },
    );
    assertEquals(refused.code, 2, refused.stderr);
    assertEquals(folders(), 4);
  });
});

Deno.test("--quiet prints nothing on standard error", async () => {
  await withPipeline(small, async (file, folder) => {
    const args = [file, "--engine", "wasm", "--quiet", "--out", join(folder, "run")];
    assertEquals((await rocket(args)).stderr, "");
  });
});

Deno.test("--json prints only events, one per line, on standard output, and warnings on standard error", async () => {
  const data = small.data as Record<string, unknown>;
  const features = { ...data.features as object, told: { column: "digit" } };
  await withPipeline({ ...small, data: { ...data, features } }, async (file, folder) => {
    const args = [file, "--engine", "wasm", "--json", "--out", join(folder, "run")];
    const { code, stdout, stderr } = await rocket(args);
    assertEquals(code, 0);
    assertMatch(
      stderr,
      /^warning: the feature told is read from the label's column.*\n --> .*pipeline\.yaml:\d+:\d+\n hint: /m,
    );
    const [warning, ...events] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(warning.event, "warning");
    assertStringIncludes(warning.message, "the feature told is read from the label's column");
    assertEquals(warning.place.path, "data.features.told");
    assertEquals(warning.hint, "remove the feature told");
    const count = (name: string) => events.filter(({ event }) => event === name).length;
    assertEquals(events[0].event, "runStart");
    assertEquals(count("runStart"), 2);
    assertEquals(count("step"), 2 * Math.ceil(1437 / 256));
    assertEquals(count("epoch"), 2);
    assertEquals(events.at(-1).event, "runEnd");
    assertEquals(events.at(-1).result.name, "digits");
  });
});

Deno.test("--json ends with a failure event if the run fails", async () => {
  const broken = digitsPipeline({ optimizer: { use: "sgd", learningRate: 1e30 } });
  await withPipeline(broken, async (file, folder) => {
    const args = [file, "--engine", "wasm", "--json", "--out", join(folder, "run")];
    const { code, stdout, stderr } = await rocket(args);
    assertEquals(code, 1);
    const last = JSON.parse(stdout.trim().split("\n").at(-1)!);
    assertEquals(last.event, "failure");
    assertMatch(last.message, /Infinity|NaN|not finite/);
    assertMatch(stderr, /^error: .* at step \d+ /m);
    assertStringIncludes(stderr, "lower the learning rate");
  });
});

Deno.test("--seed, --epochs and --set change the pipeline, also in the run folder", async () => {
  await withPipeline(small, async (file, folder) => {
    const out = join(folder, "run");
    const { code } = await rocket([
      ...[file, "--engine", "wasm", "--quiet", "--out", out],
      ...["--seed", "7", "--epochs", "2", "--set", "losses.2.weight=0.5"],
      ...["--set", "train.baseline=none"],
    ]);
    assertEquals(code, 0);
    const { pipeline, seed } = JSON.parse(await Deno.readTextFile(join(out, "pipeline.json")));
    assertEquals([seed, pipeline.train.epochs, pipeline.losses[2].weight], [7, 2, 0.5]);
    const result = JSON.parse(await Deno.readTextFile(join(out, "result.json")));
    assertEquals([result.seed, result.epochs, result.baseline], [7, 2, undefined]);
  });
});

Deno.test("--precision bfloat16 reports if float32 is used instead, also in the run folder", async () => {
  await withPipeline(small, async (file, folder) => {
    const out = join(folder, "run");
    const { code, stderr } = await rocket([
      ...[file, "--engine", "wasm", "--precision", "bfloat16", "--out", out],
    ]);
    assertEquals(code, 0);
    assertMatch(stderr, /^precision: float32, because the wasm engine computes in float32 only$/m);
    for (const name of ["pipeline.json", "result.json"]) {
      const { precision } = JSON.parse(await Deno.readTextFile(join(out, name)));
      assertEquals(precision, "float32");
    }
  });
});

Deno.test("a plugin that throws ends the run with exit code 1 and the plugin's place", async () => {
  const mine = digitsPipeline({ outputs: ["./mine.ts"] });
  const plugin = `import { defineOutput, z } from "@rocket-launching/rocket/plugin";
export default defineOutput({
  name: "mine", summary: "Throws.", options: z.object({}),
  create: () => ({ epoch: () => { throw new Error("no idea"); } }),
});
`;
  await withPipeline(mine, async (file, folder) => {
    const args = [file, "--engine", "wasm", "--quiet", "--out", join(folder, "run")];
    const { code, stderr } = await rocket(args);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `the output stage "./mine.ts" failed in epoch(): Error: no idea`);
    assertMatch(stderr, /pipeline\.yaml:\d+:\d+/);
    assert(!stderr.includes("    at "));
    const debug = await rocket([...args.slice(0, -1), join(folder, "again"), "--debug"]);
    assertStringIncludes(debug.stderr, "mine.ts:4:");
  }, { "mine.ts": plugin });
});

Deno.test("a read-only folder ends the run with exit code 1", async () => {
  await withPipeline(small, async (file, folder) => {
    await Deno.writeTextFile(join(folder, "taken"), "");
    const out = join(folder, "taken", "run");
    const { code, stderr } = await rocket([file, "--engine", "wasm", "--out", out]);
    assertEquals(code, 1);
    assertMatch(stderr, /^error: the run folder .* cannot be created/m);
  });
});

const mistakes: Readonly<Record<string, [args: string[], error: string, hint: string]>> = {
  "an unknown option": [["x.yaml", "--enginee", "wasm"], "no option --enginee", "--engine?"],
  "an unknown engine": [["x.yaml", "--engine", "nativ"], "--engine must be", "mean native?"],
  "an unknown precision": [
    ["x.yaml", "--precision", "bfloat"],
    "--precision must be float32 or bfloat16",
    "mean bfloat16?",
  ],
  "an unknown command": [["chek", "x.yaml"], `"chek" is neither`, "did you mean check?"],
  "a missing file": [["none.yaml"], "there is no file none.yaml", ""],
  "a seed that is no number": [["x.yaml", "--seed", "one"], "--seed needs a whole number", ""],
  "no epochs": [["x.yaml", "--epochs", "0"], "--epochs needs a whole number of at least 1", ""],
  "an option for one file given two": [["check", "a.yaml", "b.yaml"], "and nothing else, got", ""],
  "a change without a value": [
    ["x.yaml", "--set", "seed"],
    "--set expects PATH=VALUE",
    "for example",
  ],
  "no file": [["check"], "expected a pipeline file", ""],
};
for (const [what, [args, error, hint]] of Object.entries(mistakes)) {
  Deno.test(`the command line rejects ${what} with exit code 2`, async () => {
    await inFolder(async (cwd) => {
      await Deno.writeTextFile(join(cwd, "x.yaml"), stringify(small));
      const { code, stdout, stderr } = await rocket(args, { cwd });
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, /^error: /);
      assertStringIncludes(stderr, error);
      assertStringIncludes(stderr, hint);
      assert(!stderr.includes("    at "));
    });
  });
}

Deno.test("help and --help print to standard output; no arguments are a mistake", async () => {
  const help = await rocket(["help", "predict"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertEquals(help.stdout.trimEnd().split("\n"), commandHelp("predict"));
  const none = await rocket([]);
  assertEquals([none.code, none.stdout], [2, ""]);
  assertStringIncludes(none.stderr, "usage:");
});
