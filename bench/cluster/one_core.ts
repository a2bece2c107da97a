/**
 * Makes this process compute with one thread, on Linux on one core of its own.
 *
 * @param index The number of the process, from 0: the first process gets the first core.
 * @throws {Error} If the machine has too few cores, or `taskset` cannot be run.
 */
export async function useOneCore(index: number): Promise<void> {
  Deno.env.set("TF_NUM_INTRAOP_THREADS", "1");
  if (Deno.build.os !== "linux") return;
  const core = allowedCores(await Deno.readTextFile("/proc/self/status"))[index];
  if (core === undefined) throw new Error(`there is no core for process ${index}`);
  // Threads that start later stay on the core of the thread that starts them.
  const { success, stderr } = await new Deno.Command("taskset", {
    args: ["--all-tasks", "--cpu-list", "--pid", String(core), String(Deno.pid)],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`taskset: ${new TextDecoder().decode(stderr).trim()}`);
}

/**
 * Lists the cores that a process may use.
 *
 * @param status The content of `/proc/PID/status`.
 *
 * @example
 * ```ts
 * import { allowedCores } from "./one_core.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(allowedCores("Cpus_allowed_list:\t0-2,5\n"), [0, 1, 2, 5]);
 * ```
 */
export function allowedCores(status: string): number[] {
  const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status) ?? [];
  return list.split(",").filter((range) => range !== "").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}
