import process from "node:process";

/** The time that the cores spent on this process: what else the machine does is not in it. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
