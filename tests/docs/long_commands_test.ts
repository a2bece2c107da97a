import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { commandOf } from "../../src/launch/command_line/grammar.ts";
import { readOptions } from "../../src/launch/command_line/options.ts";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { readSweep } from "../../src/pipeline/sweep_file/read.ts";
import { netsOf } from "../../src/run/prepare_nets.ts";
import { nameOf, planOf } from "../../src/sweep/check.ts";
import { LineProcess, type Outcome } from "../corpus/outcome.ts";
import { inFolder, root } from "../support/command_line.ts";
import { makeRandomMovieLens, randomImages } from "../support/random_data_sets.ts";
import { blocks } from "./documents.ts";
import { copy } from "./document_folders.ts";
import { commandsOf } from "./shell_commands.ts";

/**
 * The data sets that the commands need, with few rows, in the layout of `deno task data`: tests of
 * `tests/data/` make them from files in the original formats, which cannot be loaded here.
 */
const dataSets: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "fashion-mnist": (folder) => writeImages(folder, 28 * 28),
  cifar10: (folder) => writeImages(folder, 32 * 32 * 3),
  movielens: makeRandomMovieLens,
};

async function writeImages(folder: string, size: number): Promise<void> {
  for (const split of ["train", "test"]) {
    await Deno.writeFile(join(folder, `${split}.arrow`), randomImages(size));
  }
}

/** Options with which a run takes seconds; options of the command itself come after them. */
const short = ["data.rows=20", "train.batch=4", "train.epochs=1"].flatMap((one) => ["--set", one]);

/** A folder like that of the repository, in which the commands run. */
async function makeFolder(folder: string): Promise<void> {
  await copy(join(root, "pipelines"), join(folder, "pipelines"));
  await Deno.mkdir(join(folder, "data"));
  for (const name of ["digits-train.arrow", "digits-test.arrow"]) {
    await Deno.symlink(join(root, "data", name), join(folder, "data", name));
  }
  for (const [name, make] of Object.entries(dataSets)) {
    const own = join(folder, "data", name);
    await Deno.mkdir(own);
    await make(own);
  }
}

/** Makes the arguments of a command run one part of it, with few rows. */
async function shortened(args: readonly string[], folder: string): Promise<readonly string[]> {
  const parsed = parseArguments(args);
  const { name, words: [file = ""] } = commandOf(parsed.words);
  assertEquals(name, "sweep", args.join(" "));
  const { only, set, reference } = readOptions(parsed);
  const path = join(folder, file), allowed = await allowedCode(dirname(path));
  // An option of the command that is wrong is refused here, whatever part runs.
  const { runs } = await readSweep(path, { allowed, set, reference });
  const plans = await Promise.all(
    runs.map(async (run) => [run, await planOf(run, allowed)] as const),
  );
  const [run] = plans.find(([, plan]) => netsOf(plan).length === 2) ?? plans[0]!;
  return [
    ...args.filter((word, index) =>
      !/^--precision/.test(word) && args[index - 1] !== "--precision"
    ),
    ...["--engine", "wasm", "--quiet", ...short],
    ...(only === undefined ? ["--only", nameOf(run)] : []),
  ];
}

Deno.test("each long command of a document runs in a short form: one run of each sweep, with few rows", async () => {
  const long = blocks.filter(({ info }) => info.includes("tests/docs/long_commands_test.ts"));
  const commands = new Map<string, readonly string[]>();
  for (const [index, own] of (await commandsOf(long)).entries()) {
    const { place } = long[index]!;
    if (typeof own === "string") throw new Error(`${place}: ${own}`);
    for (const words of own) commands.set(words.join(" "), words);
  }
  assert(commands.size > 15, `${commands.size} commands`);
  await inFolder(async (folder) => {
    await makeFolder(folder);
    const rocket = new LineProcess("child.ts", { flags: ["-A"], patience: 300_000 });
    const faults: string[] = [];
    let runs = 0;
    for (const [line, [deno, task, name, ...args]] of commands) {
      assertEquals([deno, task], ["deno", "task"], line);
      if (name === "data") {
        assert(Object.hasOwn(dataSets, args[0]!), line);
        continue;
      }
      // Two commands may run the same sweep with other options.
      const own = [...await shortened(args, folder), "--out", `runs/${runs++}`];
      const outcome: Outcome = JSON.parse(await rocket.ask(JSON.stringify({ folder, args: own })));
      if (outcome.code !== 0) faults.push(`${line}: ${outcome.stderr}`);
    }
    await rocket.end();
    assertEquals(faults, []);
  });
});
