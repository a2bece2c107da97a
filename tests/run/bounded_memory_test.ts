import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { grantedFlags, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { writeWide } from "../support/large_files.ts";

/** How large the file is that data sets are made of, by names for it. */
const fileBytes = 64e6;

const pipeline = (folder: string, files: number, use: string) => ({
  name: "large",
  data: {
    train: { use, path: Array.from({ length: files }, (_, file) => `${file}.arrow`) },
    test: { use: "arrow", path: join(folder, "test.arrow") },
    features: { x: {} },
    label: { column: "label", classes: 2 },
    memory: "16MB",
  },
  network: { use: "mlp", shared: [1], light: [1], booster: [1] },
  losses: [{ use: "cross-entropy", on: "light" }],
  optimizer: { use: "sgd", learningRate: 0.01 },
  train: { epochs: 1, batch: 64 },
  metrics: ["accuracy"],
  outputs: [],
});

/**
 * A group of processes with a limit to their memory; undefined where this process may not make one.
 */
async function limitedGroup(bytes: number): Promise<string | undefined> {
  for (
    const [root, limit] of [
      ["/sys/fs/cgroup", "memory.max"],
      ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
    ] as const
  ) {
    const group = `${root}/rocket-test-${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(group);
    } catch {
      continue;
    }
    try {
      await Deno.writeTextFile(`${group}/${limit}`, String(bytes), { create: false });
      return group;
    } catch {
      await Deno.remove(group);
    }
  }
  return undefined;
}

interface Trained {
  readonly code: number;
  readonly stderr: string;
  /** The most memory that the process had, in bytes. */
  readonly peak: number;
}

/** Trains on so many bytes, in a process of its own. */
async function train(folder: string, files: number, use: string, group?: string): Promise<Trained> {
  const file = join(folder, `${files}.yaml`);
  await Deno.writeTextFile(file, stringify(pipeline(folder, files, use)));
  const args = ["run", file, "--engine", "wasm", "--out", join(folder, `run-${files}`)];
  const command = [
    ...[Deno.execPath(), "run", "--quiet", ...await grantedFlags(args, folder)],
    ...[join(root, "src/commands/program.ts"), ...args],
  ];
  const enter = group ? `echo $$ > ${group}/cgroup.procs && ` : "";
  const child = new Deno.Command("sh", {
    args: ["-c", `${enter}exec "$@"`, "sh", ...command],
    env: userEnvironment(),
    clearEnv: true,
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let peak = 0;
  const watch = setInterval(() => {
    const status = statusOf(child.pid);
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024);
  }, 50);
  const { code, stderr } = await child.output();
  clearInterval(watch);
  return { code, stderr: new TextDecoder().decode(stderr), peak };
}

function statusOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return "";
  }
}

const noProc = Deno.build.os !== "linux";

async function inData(test: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "windowed.ts"), windowed);
    writeWide(join(folder, "test.arrow"), { bytes: 1e6, batchRows: 64 });
    writeWide(join(folder, "0.arrow"), { bytes: fileBytes, batchRows: 128 });
    for (let file = 1; file < 32; file++) {
      await Deno.link(join(folder, "0.arrow"), join(folder, `${file}.arrow`));
    }
    await test(folder);
  });
}

const windowed = `
import { defineSource, z } from "${new URL("../../plugin.ts", import.meta.url)}";
import arrow from "${new URL("../../plugins/sources/arrow.ts", import.meta.url)}";
export default defineSource({
  name: "windowed", summary: "Record batches.", options: z.object({ path: z.array(z.string()) }),
  create: (options, context) => ({
    open: async (request) => {
      const { rows, ...dataset } = await arrow.create(options, context).open(request);
      return dataset;
    },
  }),
});
`;

/**
 * Compares the peaks of much data and of twice as much. V8 lets buffers that nobody needs any more
 * reach some 250 MB before it collects them, which takes up to 1 GB of data: both runs get there.
 */
async function compare(use: string): Promise<void> {
  await inData(async (folder) => {
    const much = await train(folder, 16, use), more = await train(folder, 32, use);
    assertEquals([much.code, more.code], [0, 0], much.stderr + more.stderr);
    const grown = (more.peak - much.peak) / 1e6;
    // There is 1 GB more to read; peaks of one run and the next differ by up to 150 MB.
    assert(much.peak > 1e8 && grown < 250, `${grown} MB more than ${much.peak / 1e6}`);
  });
}

Deno.test({
  name: "peak memory does not grow with data that is streamed in windows",
  ignore: noProc,
  fn: () => compare("./windowed.ts"),
});

Deno.test({
  name: "peak memory does not grow with data that is streamed by rows: 2 GB in 600 MB",
  ignore: noProc,
  fn: async () => {
    // A run that reads little has 250 MB, and garbage comes to some 200 MB.
    const group = await limitedGroup(600e6);
    if (!group) {
      console.error("this process may not limit the memory of others: peaks are compared");
      return await compare("arrow");
    }
    try {
      await inData(async (folder) => {
        const { code, stderr } = await train(folder, 32, "arrow", group);
        assertEquals(code, 0, stderr);
        assert(
          /the train rows \(2\.0\d GB\) do not fit in the memory for rows \(data\.memory: 16 MB\)/
            .test(stderr),
          stderr,
        );
      });
    } finally {
      await Deno.remove(group);
    }
  },
});
