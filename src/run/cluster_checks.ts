import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Model } from "../train/step.ts";

/**
 * Rejects what cannot be trained with sharded tables in a cluster.
 *
 * @param plan How batches are divided.
 * @param models The models of all phases.
 * @param processes The number of processes.
 * @throws {UserError} If a step updates all rows of tables, computes its rows in several parts, or
 *   updates rows by numbers of other rows; exit code 2.
 */
export function refuseShards(
  { part, cut }: { readonly part: Plan["part"]; readonly cut: Pick<Plan["cut"], "size"> },
  models: readonly Pick<Model, "variables" | "tables" | "optimizer" | "optimizerStage">[],
  processes: number,
): void {
  const sharded = models.filter(({ variables }) => variables.some(({ shard }) => shard));
  if (sharded.length === 0) return;
  const refuse = (what: string, instead: string) => {
    throw new UserError(`${what} cannot be used with sharded tables in a cluster`, {
      hint: hint(
        "cluster/shards",
        `${instead}, or remove \`shard\` from the network's options`,
        { outside: "the processes have to be started" },
      ),
      exitCode: 2,
    });
  };
  if (part < Math.ceil(cut.size / processes)) {
    refuse("`train.accumulate`", "remove `accumulate`, start more processes");
  }
  for (const { tables, optimizer, optimizerStage: { name } } of sharded) {
    if (tables === "exact") refuse("`optimizer.tables: exact`", "write `tables: lazy`");
    if (optimizer.elementwise) continue;
    refuse(
      `the optimizer ${name}, which is not elementwise,`,
      "use an optimizer such as adam",
    );
  }
}
