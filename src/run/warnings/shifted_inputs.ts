import { join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { type Problem, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { InitialRun, Plan, PlannedInitial } from "../../pipeline/plan.ts";
import { TransformChain } from "../../input/transforms.ts";
import { type ModelFile, readModelFile } from "../model/model_file.ts";
import { type Facts, transformed } from "./facts.ts";

/** The largest acceptable shift of a feature, in standard deviations of its values. */
const MOST = 0.5;

/**
 * Warns if the nets receive values of a feature that differ from those in the earlier run that the
 * initial weights come from, because the transforms computed their statistics from other rows. For
 * example, `normalize` subtracts another mean.
 *
 * @param facts Facts about the run.
 */
export async function shiftedInputs(facts: Facts): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { from, place } of facts.plan.initial) {
    if (!("run" in from)) continue;
    const shifts = await shiftsSince(from, { place, facts });
    const [largest] = shifts.toSorted((a, b) => b.by - a.by);
    if (!largest || largest.by <= MOST) continue;
    const { feature, by } = largest;
    problems.push({
      message:
        `the initial weights come from ${from.run}, whose transforms were measured on other rows: ` +
        `after the transforms, ${feature} differs by ${
          by.toPrecision(2)
        } standard deviations on average from its values in that run`,
      place,
      hint: hint(
        "warning/shifted-inputs",
        "write the `mean` and `std` from that run's model.json in the transforms, or expect to train for longer",
        { edit: "the transforms" },
      ),
    });
  }
  return problems;
}

/** Computes how far each feature moved, compared with the transforms of the earlier run. */
async function shiftsSince(
  { run }: InitialRun,
  { place, facts }: { readonly place: PlannedInitial["place"]; readonly facts: Facts },
): Promise<{ feature: string; by: number }[]> {
  const { plan, features, sample } = facts;
  const earlier = await readModelFile(join(run, runFiles.model), { place, exitCode: 2 });
  if (!hasSameTransforms(earlier, plan)) return [];
  try {
    const chain = TransformChain.of(plan.transforms, features);
    chain.restore({
      nulls: earlier.nulls.fills,
      transforms: earlier.transforms.map(({ measured }) => measured),
    });
    const before = sample.map((rows) => transformed(chain, rows.read, rows.piece, plan));
    return Object.entries(facts.inputs).flatMap(([feature, { dtype }]) => {
      if (dtype !== "float32") return [];
      const now = sample.flatMap((rows) => [...rows.transformed.features[feature]!.values]);
      const then = before.flatMap(({ features }) => [...features[feature]!.values]);
      const mean = now.reduce((sum, value) => sum + value, 0) / now.length;
      const variance = now.reduce((sum, value) => sum + (value - mean) ** 2, 0) / now.length;
      if (variance === 0) return [];
      const moved = now.reduce((sum, value, index) => sum + Math.abs(value - then[index]!), 0);
      return [{ feature, by: moved / now.length / Math.sqrt(variance) }];
    });
  } catch (error) {
    // A transform cannot restore what it measured on different features.
    if (error instanceof UserError) return [];
    throw error;
  }
}

const hasSameTransforms = ({ transforms }: ModelFile, plan: Plan) =>
  transforms.length === plan.transforms.length &&
  transforms.every(({ use }, index) => use === plan.transforms[index]!.resolved.use);
