import type { Machine } from "../../bench/machine.ts";
import type { SoakCounts } from "./soak.ts";

/** All that a soak found. */
export interface SoakReport {
  /** The command that repeats it. */
  readonly command: string;
  /** The day. */
  readonly date: string;
  /** How long it took. */
  readonly seconds: number;
  /** Where. */
  readonly machine: Machine;
  /** Whether a disk could be filled. */
  readonly ownDisk: boolean;
  /** What it counted. */
  readonly counts: SoakCounts;
}

/**
 * A soak's report in Markdown.
 *
 * @param report What was found.
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
    ["runs, stopped and resumed until they ended", whole(counts.runs)],
    ["runs never stopped, to compare with", whole(counts.references)],
    ["kills, signals and full disks", `${whole(kills)}: ${list(counts.ends)}`],
    ["kills that left a file half written", whole(counts.halfWritten)],
    ["other faults", `${whole(sum(counts.others))}: ${list(counts.others)}`],
    [
      "processes",
      `${whole(counts.processes)}, of which ${whole(counts.resumes)} resumed a run, ` +
      `${whole(counts.launched)} came by the launcher, and ` +
      `${whole(counts.inputThreads)} had a thread for their input`,
    ],
    ["steps", whole(counts.steps)],
    ["steps after the last checkpoint, done again", whole(counts.again)],
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
    (ownDisk ? "" : " No disk of its own could be mounted: none was filled."),
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
