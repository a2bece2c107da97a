/**
 * Compares a GPU with the CPU: prints the GPU, whether training steps compute the same numbers as on
 * the CPU, and the time of a step beside PyTorch on the same GPU. It needs no network, and less than
 * ten minutes.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { table } from "../../src/base/text_table.ts";
import { openProject } from "../../src/launch/project.ts";
import { race } from "../race.ts";
import type { Contestant, Row } from "../rows.ts";
import { Runner } from "../runner.ts";
import { fail, refuseUnknown } from "../usage.ts";
import { largestDifference } from "./largest_difference.ts";

const USAGE =
  `usage: deno task bench:gpu [--device gpu|cpu] [--steps N] [--python PATH] [--small] [--list]

  --device DEVICE  the device to compare with the CPU (default gpu); cpu only tests this program
  --steps N        the number of timed steps of each program (default 500)
  --python PATH    a Python with PyTorch for CUDA (default python3)
  --small          small nets, only to test this program
  --list           print the programs without running them`;

/** The largest relative difference of a loss from that on the CPU. */
const TOLERANCE = 1e-4;

/** The number of turns of each program. */
const ROUNDS = 5;

const options = parseArgs(Deno.args, {
  string: ["device", "steps", "python"],
  boolean: ["small", "list", "help"],
  default: { device: "gpu", steps: "500", python: "python3" },
  unknown: refuseUnknown(USAGE),
});
if (options.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const steps = Number(options.steps), { device, python, small } = options;
  if (!Number.isInteger(steps) || steps < ROUNDS) fail(`--steps must be ${ROUNDS} or more`);
  if (device !== "gpu" && device !== "cpu") fail("--device must be gpu or cpu");
  const { flags } = await openProject(fileURLToPath(new URL("../../", import.meta.url)));
  const start = (contestant: Contestant) => Runner.start(contestant, { flags, python, gpu: true });
  const wrn = ["wide_resnet.ts", ...small ? ["--booster", "16", "--batch", "16"] : []] as const;
  const ctr = ["ctr.ts", ...small ? ["--rows", "1000"] : []] as const;
  const ours = (
    [program, ...args]: readonly [string, ...string[]],
    name: string,
    mode: string,
  ) => ({
    name,
    program,
    args: [...args, "--mode", mode, "--device", device],
  });
  const cuda = device === "gpu" ? "cuda" : "cpu";
  const torch = (program: string, name: string, ...args: string[]) => ({
    name,
    program: `peers/${program}`,
    args: [...args, "--device", cuda],
  });
  const rows: Row[] = [{
    id: "wrn",
    name: "WRN-16-1 in WRN-40-1, 128 images",
    steps: Math.ceil(steps / ROUNDS),
    contestants: [
      ours(wrn, "Rocket float32", "captured"),
      ours(wrn, "Rocket bfloat16", "bfloat16"),
      ours(wrn, "Rocket XLA", "xla"),
      torch(
        "wide_resnet_torch.py",
        "PyTorch channels last",
        ...wrn.slice(1),
        "--mode",
        "channels-last",
      ),
      torch(
        "wide_resnet_torch.py",
        "PyTorch channels last, autocast",
        ...wrn.slice(1),
        "--mode",
        "bfloat16",
      ),
    ],
  }, {
    id: "ctr",
    name: "click prediction with a table of 100,000 rows",
    steps: Math.ceil(steps / ROUNDS),
    contestants: [
      ours(ctr, "Rocket float32", "captured"),
      torch("ctr_torch.py", "PyTorch", ...ctr.slice(1)),
    ],
  }];
  if (options.list) {
    for (const { name, contestants } of rows) {
      console.log(`${name}: ${contestants.map(({ name }) => name).join(" · ")}`);
    }
    return;
  }
  const right = [
    await compare("WRN-16-1 in WRN-40-1", wrn, device, start),
    await compare("click prediction with a table", ctr, device, start),
  ];
  for (const row of rows) {
    console.log(`\n${row.name}, ${row.steps * ROUNDS} steps`);
    const { entries } = await race(row, {
      rounds: ROUNDS,
      start,
      report: (line) => console.log(line),
    });
    const cells = entries.map(({ name, milliseconds, percentiles }) => [
      name,
      `${milliseconds}`,
      `${percentiles[10]}–${percentiles[90]}`,
    ]);
    console.log(table(["program", "ms", "10–90 %"], cells).join("\n"));
  }
  if (!right.every(Boolean)) Deno.exit(1);
}

/** Compares the losses of the first steps with those on the CPU, in float32 without TF32. */
async function compare(
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  device: string,
  start: (contestant: Contestant) => Promise<Runner>,
): Promise<boolean> {
  const factsOn = async (device: string) => {
    const shown = { name, program, args: [...args, "--no-tf32", "--device", device] };
    const runner = await start(shown);
    await runner.stop();
    return runner.facts;
  };
  const [own, cpu] = [await factsOn(device), await factsOn("cpu")];
  // The second loss already depends on all gradients and updates of the first step. Later losses of
  // deep nets differ more, because each step enlarges the differences of rounding.
  const difference = largestDifference(own.losses ?? [], cpu.losses ?? [], 2);
  const isRight = difference <= TOLERANCE;
  console.log(`${own.detail}
${name}: ${isRight ? "equal to the CPU" : "DIFFERS FROM THE CPU"}: the losses of 2 steps differ by \
${difference.toExponential(1)} at most (allowed: ${TOLERANCE})`);
  return isRight;
}
