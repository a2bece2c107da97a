import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { runFiles } from "../../base/files/run_files.ts";
import { type Problem, UserError } from "../../base/errors.ts";
import { counted } from "../../base/text_table.ts";
import { hint } from "../../base/hints.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import { type ModelContent, readModelFile } from "./model_file.ts";

/**
 * Refuses to resume a run if vocabularies, classes or measured statistics have changed. The weights
 * depend on them: rows would become different inputs, or outputs different predictions.
 *
 * @param folder The run folder.
 * @param now The description of the model from the current pipeline and data.
 * @throws {UserError} With all differences, or if `model.json` cannot be read.
 */
export async function refuseOtherModel(folder: string, now: ModelContent): Promise<void> {
  const path = join(folder, runFiles.model);
  const before = await readModelFile(path, {
    hint: hint("resume/whole", "start a new run: this run folder is incomplete", {
      edit: "the command",
    }),
  });
  const newRun = hint(
    "resume/model",
    "start a new run; to start it from the weights of this run, write `network.initial: { run: RUN }`",
    { edit: "the command" },
  );
  const problems: Problem[] = [];
  const compare = (what: string, one: unknown, other: unknown, how: string) => {
    if (!isDeepStrictEqual(plain(one), plain(other))) {
      problems.push({ message: `${what} changed after the run began: ${how}`, hint: newRun });
    }
  };
  for (const { name, spec, type } of now.features) {
    const earlier = before.features.find((feature) => feature.name === name);
    compare(
      `the feature ${name}`,
      { spec: known(spec), family: type.family },
      earlier && { spec: earlier.spec, family: earlier.type.family },
      difference(spec, earlier?.spec),
    );
  }
  const { label } = before;
  compare("the label", known(now.label.spec), label.spec, difference(now.label.spec, label.spec));
  compare(
    "the measured value that replaces nulls",
    now.nulls.fills,
    before.nulls.fills,
    "it is a different number for the current rows",
  );
  now.transforms.forEach(({ use, measured }, index) => {
    compare(
      `the statistics measured by the transform ${use}`,
      measured,
      before.transforms[index]?.measured,
      "they are different numbers for the current rows",
    );
  });
  if (problems.length > 0) throw new UserError(problems);
}

/** Describes the difference between two columns in a few words. */
function difference(now: ColumnSpec, before: ColumnSpec | undefined): string {
  if (!before) return "the run did not have this feature";
  const [one, other] = [now.vocabulary, before.vocabulary];
  if (one && other && one.length !== other.length) {
    return `it now has ${counted(one.length, "value")} and had ${other.length}`;
  }
  const place = one?.findIndex((value, id) => value !== other?.[id]) ?? -1;
  if (place >= 0) {
    return `value ${place} (counted from 0) is now ${JSON.stringify(one![place])} and was ${
      JSON.stringify(other?.[place])
    }`;
  }
  const rest = ({ vocabulary: _, text: __, ...spec }: ColumnSpec) => JSON.stringify(spec);
  return `it is now ${rest(now)} and was ${rest(before)}`;
}

/** Removes keys with the value undefined. */
const plain = (value: unknown) => value === undefined ? value : JSON.parse(JSON.stringify(value));

/** Removes `text`, which is only used in messages. */
const known = ({ text: _, ...spec }: ColumnSpec) => spec;
