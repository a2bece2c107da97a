import { assertEquals } from "@std/assert";
import { leftInGroups } from "../../../src/base/machine/control_groups.ts";

/** Makes a function that reads files of a simulated system. */
const system = (files: Record<string, string>) => (path: string) => Promise.resolve(files[path]);

Deno.test("leftInGroups() uses the tightest limit of a group and its parents, and ignores cached files", async () => {
  const read = system({
    "/proc/self/cgroup": "0::/jobs/one\n",
    "/sys/fs/cgroup/jobs/one/memory.max": "max\n",
    "/sys/fs/cgroup/jobs/one/memory.current": "900\n",
    "/sys/fs/cgroup/jobs/memory.max": "2000\n",
    "/sys/fs/cgroup/jobs/memory.current": "1500\n",
    "/sys/fs/cgroup/jobs/memory.stat": "anon 900\ninactive_file 400\n",
    "/sys/fs/cgroup/memory.max": "5000\n",
    "/sys/fs/cgroup/memory.current": "2000\n",
  });
  assertEquals(await leftInGroups(read), 900);
});

Deno.test("leftInGroups() also reads control groups of version 1", async () => {
  const read = system({
    "/proc/self/cgroup": "12:cpu,cpuacct:/a\n4:memory:/a\n0::/\n",
    "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n",
    "/sys/fs/cgroup/memory/a/memory.usage_in_bytes": "700\n",
    "/sys/fs/cgroup/memory/a/memory.stat": "total_inactive_file 100\n",
  });
  assertEquals(await leftInGroups(read), 400);
});

Deno.test("leftInGroups() returns Infinity without a limit, and never a negative number", async () => {
  assertEquals(await leftInGroups(system({})), Infinity);
  const over = system({
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.max": "100\n",
    "/sys/fs/cgroup/memory.current": "150\n",
  });
  assertEquals(await leftInGroups(over), 0);
});
