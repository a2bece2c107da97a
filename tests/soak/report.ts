import type { Machine } from "../../bench/machine.ts";
import type { SoakCounts } from "./soak.ts";

/** The results of a soak test. */
export interface SoakReport {
  /** The command that repeats the test. */
  readonly command: string;
  /** The date. */
  readonly date: string;
  /** The duration in seconds. */
  readonly seconds: number;
  /** The machine. */
  readonly machine: Machine;
  /** Whether a disk of limited size was available to be filled. */
  readonly ownDisk: boolean;
  /** The counts of runs, faults and problems. */
  readonly counts: SoakCounts;
}

/**
 * Formats the report of a soak test as Markdown.
 *
 * @param report The results.
 */
export function soakTable(
  { command, date, seconds, machine, ownDisk, counts }: SoakReport,
): string {
  const { processor, cores, memory, system, deno } = machine;
  const whole = (count: number) => count.toLocaleString("en");
  const list = (kinds: Record<string, number>) =>
    Object.entries(kinds).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([kind, count]) => `${kind} ${count}`).join(", ") || "none";
  const sum = (kinds: Record<string, number>) =>
    Object.values(kinds).reduce((sum, count) => sum + count, 0);
  const kills = sum(counts.ends);
  const rows = [
    ["runs, interrupted and resumed until complete", whole(counts.runs)],
    ["uninterrupted runs to compare with", whole(counts.references)],
    ["kills, signals and full disks", `${whole(kills)}: ${list(counts.ends)}`],
    ["kills that left a partly written file", whole(counts.halfWritten)],
    ["other faults", `${whole(sum(counts.others))}: ${list(counts.others)}`],
    [
      "processes",
      `${whole(counts.processes)}: ${whole(counts.resumes)} resumed a run, ` +
      `${whole(counts.launched)} were started by the launcher, ` +
      `${whole(counts.inputThreads)} had an input thread`,
    ],
    ["steps", whole(counts.steps)],
    ["repeated steps after the last checkpoint", whole(counts.again)],
    ["**steps lost**", `**${counts.lost === 0 ? "none" : whole(counts.lost)}**`],
    [
      "**bytes differing**",
      `**${counts.differing === 0 ? "none" : whole(counts.differing)}** of ${
        whole(counts.compared)
      }`,
    ],
    [
      "**unexpected exit codes, messages and files**",
      `**${counts.problems.length === 0 ? "none" : whole(counts.problems.length)}**`,
    ],
    ["runs by pipeline", list(counts.subjects)],
  ];
  const lines = [
    "# Soak",
    "",
    `\`${command}\``,
    "",
    `${processor}, ${cores} cores, ${memory} GiB, ${system}, Deno ${deno}; ${date}; ` +
    `${(seconds / 60).toFixed(1)} minutes.` +
    (ownDisk
      ? ""
      : " Full disks were not tested because no disk of limited size could be mounted."),
    "",
    "| | |",
    "| --- | --- |",
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  ];
  for (const { subject, run, what, faults } of counts.problems) {
    lines.push("", `Run ${run} (${subject}): ${what.split("\n")[0]} (${faults})`);
  }
  return lines.join("\n") + "\n";
}
