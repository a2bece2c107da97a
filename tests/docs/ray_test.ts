import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { launcher, rocket, userEnvironment } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { withFiles } from "../support/problems.ts";
import { hasPython } from "../support/python.ts";
import { blocks } from "./documents.ts";

const [script] = blocks.filter(({ language, info }) =>
  language === "python" && info.includes("tests/docs/ray_test.ts")
);

/** A stand-in for Ray, with threads instead of machines. */
const ray = `
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait as wait_for

class exceptions:
    class RayError(Exception):
        pass

class Remote:
    def __init__(self, function): self.function = function
    def options(self, *, num_cpus): assert num_cpus == 1; return self
    def remote(self, *args): return pool.submit(self.function, *args)

pool = ThreadPoolExecutor(2)

def remote(*, max_retries): return Remote

def init(*, address): assert address == "auto"

def wait(tasks):
    done, left = wait_for(tasks, return_when=FIRST_COMPLETED)
    return [next(iter(done))], list(left)

def get(task):
    try: return task.result()
    except Exception as error: raise exceptions.RayError(str(error))
`;

Deno.test({
  name:
    "the script of docs/sweep.md for Ray writes the same table as the sweep, and names failed runs",
  ignore: !hasPython || Deno.build.os === "windows",
  fn: () =>
    withFiles({
      "ray.py": ray,
      "sweep_on_ray.py": script!.text,
      "base.yaml": stringify(digitsPipeline({ train: { epochs: 1, batch: 256 } })),
      "sweep.yaml": stringify({
        ...{ base: "base.yaml", seeds: [1, 2], latency: "none" },
        settings: { basic: { losses: [{ use: "cross-entropy", on: "light" }] }, rocket: {} },
      }),
      "wrong.yaml": stringify({
        ...{ base: "base.yaml", seeds: [1], latency: "none" },
        settings: { fine: {}, diverges: { "optimizer.learningRate": 1e30 } },
      }),
    }, async (folder) => {
      const bin = join(folder, "bin");
      await Deno.mkdir(bin);
      await Deno.writeTextFile(
        join(bin, "deno"),
        `#!/bin/sh\nshift 3; exec ${Deno.execPath()} ${launcher.join(" ")} "$@" --engine wasm\n`,
        { mode: 0o755 },
      );
      const { PATH, ...env } = userEnvironment();
      const onRay = async (file: string, out: string) => {
        const { code, stdout, stderr } = await new Deno.Command("python3", {
          args: ["-B", "sweep_on_ray.py", file, out],
          ...{ cwd: folder, clearEnv: true, env: { ...env, PATH: `${bin}:${PATH}` } },
        }).output();
        const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        return { code, printed: printed!, errors: errors! };
      };
      const { code, printed, errors } = await onRay("sweep.yaml", "ray");
      assertEquals(code, 0, errors);
      assertStringIncludes(printed, "rocket/seed-2: finished\n");
      assertStringIncludes(printed, "setting  seeds");
      const args = ["sweep", "sweep.yaml", "--engine", "wasm", "--out", "alone", "--quiet"];
      assertEquals((await rocket(args, { cwd: folder })).code, 0);
      const table = (out: string) => Deno.readTextFile(join(folder, out, "table.md"));
      assertEquals(await table("ray"), await table("alone"));

      const failed = await onRay("wrong.yaml", "wrong");
      assertEquals(failed.code, 1);
      assertStringIncludes(failed.printed, "fine/seed-1: finished");
      assertStringIncludes(failed.printed, "diverges/seed-1: ");
      assertStringIncludes(failed.printed, "lower the learning rate");
      assertStringIncludes(failed.errors, "failed: diverges/seed-1");
    }),
});
