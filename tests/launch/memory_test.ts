import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Float32, Int32, Table, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { readSystemFile } from "../../src/base/machine/system_file.ts";
import { runChild } from "../../src/launch/child.ts";
import { limitNow, type MemoryLimit, usualLimit } from "../../src/launch/memory_limit.ts";
import { timeToLimit } from "../../src/launch/memory_watch.ts";
import { SystemReader } from "../../src/launch/system_reader.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { packedStream } from "../support/packed_arrow.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** An Arrow stream of 8 kB whose only record batch has 30 million rows of zeros: 240 MB. */
function manyRows(): Uint8Array {
  const rows = 3e7, zeros = new Uint8Array(zstdCompressSync(new Uint8Array(4 * rows)));
  const table = new Table({
    x: vectorFromArray([0, 1], new Float32()),
    y: vectorFromArray([0, 1], new Int32()),
  });
  return packedStream(table, {
    codec: "zstd",
    rows,
    change: (buffer, index) => index % 2 === 1 ? { said: 4 * rows, bytes: zeros } : buffer,
  });
}

Deno.test(
  "a command is ended if files or code make it take more memory than --memory allows",
  linux,
  async () => {
    const source = { use: "arrow", path: "small.arrow" };
    const pipeline = digitsPipeline({
      data: { train: source, test: source, features: { x: {} }, label: "y" },
    });
    await withPipeline(pipeline, async (file, folder) => {
      await Deno.writeFile(join(folder, "small.arrow"), manyRows());
      const check = (pipeline: string, memory: string) =>
        rocket(["check", pipeline, "--engine", "wasm", "--memory", memory], { cwd: folder });
      const ended =
        /^error: the command took more than 300 MB of memory, .*\n hint: .* --memory 600MB\n$/m;
      const rows = await check(file, "300MB");
      assertEquals(rows.code, 1, rows.stderr);
      assertMatch(rows.stderr, ended);
      // The command itself knows the limit, and refuses what cannot fit.
      const early = await check(file, "200MB");
      assertEquals(early.code, 1);
      assertStringIncludes(early.stderr, "0.2 GB of memory is available");
      const growing = "const all = []; for (;;) all.push(new Uint8Array(2 ** 24).fill(1));";
      await Deno.writeTextFile(join(folder, "growing.ts"), growing);
      const evaluated = await check("growing.ts", "300MB");
      assertEquals(evaluated.code, 1, evaluated.stderr);
      assertMatch(evaluated.stderr, ended);
    });
  },
);

Deno.test(
  "--memory also limits the process that determines the permissions",
  linux,
  async () => {
    await inFolder(async (folder) => {
      // JSON of a megabyte becomes arrays of far more memory.
      const model = `{"format": 1, "inputs": [${"[[1]],".repeat(6e6)}0]}`;
      await Deno.mkdir(join(folder, "export"));
      await Deno.writeTextFile(join(folder, "export", "model.json"), model);
      const args = ["predict", "export", "x.csv", "--out", "y.csv"];
      for (const memory of [["--memory", "200MB"], ["--memory=200MB"]]) {
        const { code, stderr } = await rocket([...args, ...memory], { cwd: folder });
        assertEquals(code, 1, stderr);
        assertMatch(stderr, /^error: the command took more than 200 MB of memory/m);
      }
    });
  },
);

/** Runs a program with a limit of 1 MB, which every process exceeds. */
const withLittle = (by: MemoryLimit["by"]) =>
  runChild(["eval", "--no-config", "for (const end = Date.now() + 300; Date.now() < end;);"], {
    memory: Promise.resolve({ bytes: 1e6, by }),
  });

Deno.test("runChild() ends a child above a limit, also while it computes", linux, async () => {
  assertEquals(await withLittle("user"), { code: 1, signal: null, isTooLarge: true });
});

Deno.test(
  "runChild() raises a limit that is not the user's if memory is available",
  linux,
  async () => {
    assertEquals(await withLittle("launcher"), { code: 0, signal: null });
  },
);

Deno.test("limitNow() is nine tenths of what a process takes or could take", async () => {
  const files: Record<string, string> = {
    "/proc/meminfo": "MemTotal:    99 kB\nMemAvailable:    2000 kB\n",
    "/proc/self/cgroup": "0::/box\n",
    "/sys/fs/cgroup/box/memory.max": "1500000\n",
    "/sys/fs/cgroup/box/memory.current": "600000\n",
    "/sys/fs/cgroup/box/memory.stat": "inactive_file 100000\n",
  };
  const read = (path: string) => Promise.resolve(files[path]);
  const limit = (bytes: number): MemoryLimit => ({ bytes, by: "launcher" });
  assertEquals(await limitNow(read, 400_000), limit(0.9 * 1_400_000));
  files["/sys/fs/cgroup/box/memory.max"] = "max\n";
  assertEquals(await limitNow(read, 400_000), limit(0.9 * 2_448_000));
  assertEquals(await limitNow(() => Promise.resolve(undefined), 0), undefined);
});

Deno.test("usualLimit() is less than the memory of the machine", linux, async () => {
  const { bytes } = (await usualLimit())!;
  assert(bytes > 1e8 && bytes < Deno.systemMemoryInfo().total, String(bytes));
});

Deno.test("timeToLimit() grows with the distance to the limit and shrinks with threads", () => {
  assertEquals([8e10, 8e9, 1e9, 1e6].map((left) => timeToLimit(left, 2)), [5000, 1000, 125, 10]);
  assertEquals(timeToLimit(8e9, 16), 125);
});

Deno.test(
  "SystemReader reads files one after the other, and knows which are missing",
  linux,
  async () => {
    using reader = new SystemReader();
    const paths = ["/proc/version", "/nothing", "/proc/filesystems", "/proc", "a\nb"];
    const [version, nothing, filesystems, folder, none] = await Promise.all(paths.map(reader.read));
    assertEquals(version, await readSystemFile("/proc/version"));
    assertEquals(filesystems, await readSystemFile("/proc/filesystems"));
    assertEquals([nothing, folder, none], [undefined, undefined, undefined]);
  },
);
