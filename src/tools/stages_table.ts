import { type AnyStage, stageKinds } from "../stages/stage.ts";

/** What encloses the table in the README. */
const marks = { start: "<!-- stages: made by deno task schema -->", end: "<!-- /stages -->" };

/**
 * A text with the table of stages brought up to date, between its marks.
 *
 * @param text The README.
 * @param stages The stages.
 * @returns The README with the table.
 * @throws {Error} If the marks are not there.
 */
export function withStagesTable(text: string, stages: readonly AnyStage[]): string {
  const start = text.indexOf(marks.start), end = text.indexOf(marks.end);
  if (start < 0 || end < start) throw new Error("the README has lost its marks for the stages");
  return text.slice(0, start + marks.start.length) + `\n\n${stagesTable(stages)}\n\n` +
    text.slice(end);
}

function stagesTable(stages: readonly AnyStage[]): string {
  const rows = stageKinds.flatMap((kind) =>
    stages.filter((stage) => stage.kind === kind)
      .map(({ name, summary }) => `| ${kind} | \`${name}\` | ${summary.replaceAll("|", "\\|")} |`)
  );
  return ["| kind | `use:` | what it does |", "| --- | --- | --- |", ...rows].join("\n");
}
