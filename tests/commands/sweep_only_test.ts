import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { rocket } from "../support/command_line.ts";
import { forNative } from "../support/engines.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { withFiles } from "../support/problems.ts";

// The order of the sums in convolutions depends on the number of threads.
forNative(
  "--only computes a run with the threads of the sweep, so that its bytes are the same",
  () =>
    withFiles({
      "base.yaml": stringify(digitsPipeline({
        network: { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16 } },
        train: { epochs: 1, batch: 128 },
        outputs: [{ use: "checkpoint" }],
      })),
      "sweep.yaml": stringify({
        ...{ base: "base.yaml", seeds: [1], settings: { rocket: {} } },
        ...{ threads: 1, latency: "none" },
      }),
    }, async (folder) => {
      const weights = async (out: string, ...only: string[]) => {
        const args = ["sweep", "sweep.yaml", ...only, "--engine", "native", "--out", out];
        const { code, stderr } = await rocket([...args, "--quiet"], { cwd: folder });
        assertEquals(code, 0, stderr);
        const best = join(folder, out, "rocket/seed-1/checkpoints/best.json");
        return JSON.parse(await Deno.readTextFile(best)).sha256;
      };
      assertEquals(await weights("one", "--only", "rocket/seed-1"), await weights("all"));
    }),
);
