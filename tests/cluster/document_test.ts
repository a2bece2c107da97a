import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { parse } from "yaml";
import { blocks } from "../docs/documents.ts";
import { inFolder, launcher, userEnvironment } from "../support/command_line.ts";
import { freePorts, writeClicks } from "./processes.ts";

const ignore = Deno.build.os === "windows";

/** The blocks of docs/distributed.md that name this test, in order. */
const own = blocks.filter(({ info }) => info.includes("tests/cluster/document_test.ts"));
const [shell, resume, slurm, requeue, mpi, kubernetes] = own.map(({ text }) => text);

/**
 * Stand-ins for programs that start processes, and for `deno`, which starts Rocket as a user does.
 * Like the originals, they tell each process its number by environment variables.
 */
const programs: Readonly<Record<string, string>> = {
  deno: `shift 2; exec ${Deno.execPath()} ${launcher.join(" ")} "$@" --allow-public-cluster`,
  srun: `while [ "\${1#--}" != "$1" ]; do shift; done
export SLURM_NTASKS=2 SLURM_STEP_NODELIST=localhost SLURM_STEP_TASKS_PER_NODE=2
for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@" & done; wait`,
  mpiexec: `shift 2; for PMI_RANK in 0 1; do export PMI_RANK; "$@" & done; wait`,
};

/** Runs commands with the stand-ins in a folder with a small pipeline of the documents' name. */
async function withRecipes(
  body: (
    run: (script: string, env?: Record<string, string>) => Promise<string>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const bin = join(folder, "bin"), pipelines = join(folder, "pipelines");
    await Deno.mkdir(bin);
    await Deno.mkdir(pipelines);
    writeClicks(pipelines, "{ epochs: 1, batch: 20, baseline: none }");
    await Deno.rename(join(pipelines, "p.yaml"), join(pipelines, "digits.yaml"));
    for (const [name, text] of Object.entries(programs)) {
      await Deno.writeTextFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    await body(async (script, env = {}) => {
      const { PATH, ...others } = userEnvironment(env);
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", script],
        cwd: folder,
        env: { ...others, PATH: `${bin}:${PATH}` },
        clearEnv: true,
        stdin: "null",
      }).output();
      const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals(code, 0, printed);
      return printed;
    }, folder);
  });
}

/** Replaces the ports of an example by free ones. */
function onFreePorts(script: string): string {
  const [one, other] = freePorts(2);
  return script.replaceAll("7077", String(one)).replaceAll("7078", String(other));
}

Deno.test({
  name: "the shell script of docs/distributed.md trains on two processes, and its run is resumed",
  ignore,
  fn: () =>
    withRecipes(async (run) => {
      const printed = await run(onFreePorts(shell!));
      assertEquals(printed.match(/TensorFlow listens on/g)?.length, 1, printed);
      assertStringIncludes(printed, "run folder: runs/digits");
      await run(`${resume!.trim()} --epochs 2`);
    }),
});

Deno.test({
  name: "the recipes of docs/distributed.md for Slurm and MPI train on two processes",
  ignore,
  fn: () =>
    withRecipes(async (run, folder) => {
      const ROCKET_PORT = String(freePorts(1)[0]);
      const started = await run(slurm!, { ROCKET_PORT });
      assertStringIncludes(started, `TensorFlow listens on localhost:${ROCKET_PORT}`);
      await run(requeue!.replaceAll("resume runs/digits", "resume runs/digits --epochs 2"), {
        ROCKET_PORT: String(freePorts(1)[0]),
      });
      await Deno.remove(join(folder, "runs"), { recursive: true });
      assertStringIncludes(await run(onFreePorts(mpi!)), "TensorFlow listens on 127.0.0.1:");
    }),
});

Deno.test({
  name: "the containers of the manifest in docs/distributed.md train on two processes",
  ignore,
  fn: () =>
    withRecipes(async (run) => {
      const { spec } = parse(kubernetes!);
      const [{ template }] = spec.replicatedJobs;
      const { completions, parallelism } = template.spec;
      const [container] = template.spec.template.spec.containers;
      const { value } = container.env.find(({ name }: { name: string }) => name === "ROCKET_HOSTS");
      const hosts: string[] = value.split(",");
      assertEquals([completions, parallelism], [hosts.length, hosts.length]);
      const [sh, flag, command] = container.command;
      assertEquals([sh, flag], ["sh", "-c"]);
      assert(command.includes("pipelines/digits.yaml"), command);
      const script = command.replaceAll("/runs/digits", "runs/digits");
      const ROCKET_HOSTS = freePorts(2).map((port) => `127.0.0.1:${port}`).join();
      const printed = await run(
        `for JOB_COMPLETION_INDEX in 0 1; do export JOB_COMPLETION_INDEX; (${script}) & done; wait`,
        { ROCKET_HOSTS },
      );
      assertStringIncludes(printed, "run folder: runs/digits");
    }),
});
