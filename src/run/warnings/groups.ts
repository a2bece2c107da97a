import type { Problem } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { yamlQuoted } from "../../base/quoted.ts";
import { columnsOf } from "../../pipeline/plan/stage_options.ts";
import type { Facts } from "./facts.ts";

/**
 * Warns about losses that compare the rows of a group if batches do not keep these groups together.
 *
 * @param facts Facts about the run.
 */
export function groupsApart({ plan }: Facts): Problem[] {
  const losses = plan.phases.flatMap(({ losses }) => losses);
  return losses.flatMap(({ name, stage, options, reference }) =>
    columnsOf(stage, options).filter((column) => column !== plan.group?.column)
      .map((column): Problem => ({
        message:
          `the loss ${name} compares rows of equal ${column}, but batches do not keep them together`,
        place: reference.place,
        hint: hint(
          "warning/groups-apart",
          `write \`group: { column: ${yamlQuoted(column)}, large: split }\` in data, and remove ` +
            "`train.lastBatch`",
          {
            set: { "/data/group": { column, large: "split" } },
            remove: ["/train/lastBatch"],
          },
        ),
      }))
  );
}
