import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Problem, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { ColumnSpec } from "../../stages/batch.ts";
import { MODEL_FILE, type ModelContent, readModelFile } from "./model_file.ts";

/**
 * Refuses to go on with a run whose rows would become other inputs, or whose outputs other answers:
 * weights are of the vocabularies, classes and measurements that the run began with.
 *
 * @param folder The run folder.
 * @param now What the pipeline and its data come to now.
 * @throws {UserError} With all that differs; or if `model.json` cannot be read.
 */
export async function refuseOtherModel(folder: string, now: ModelContent): Promise<void> {
  const path = join(folder, MODEL_FILE);
  const before = await readModelFile(path, {
    hint: hint("resume/whole", "start a new run: the folder is not whole", {
      edit: "the command",
    }),
  });
  const newRun = hint(
    "resume/model",
    "start a new run, with these weights if you want: `network.initial: { run: RUN }`",
    { edit: "the command" },
  );
  const problems: Problem[] = [];
  const compare = (what: string, one: unknown, other: unknown, how: string) => {
    if (!isDeepStrictEqual(plain(one), plain(other))) {
      problems.push({ message: `${what} is not that of the run any more: ${how}`, hint: newRun });
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
    "what takes the place of nulls",
    now.nulls.fills,
    before.nulls.fills,
    "it is another number in these rows",
  );
  now.transforms.forEach(({ use, measured }, index) => {
    compare(
      `what the transform ${use} measured`,
      measured,
      before.transforms[index]?.measured,
      "it measures other numbers in these rows",
    );
  });
  if (problems.length > 0) throw new UserError(problems);
}

/** In what two columns differ, as far as that can be said in a few words. */
function difference(now: ColumnSpec, before: ColumnSpec | undefined): string {
  if (!before) return "the run had none";
  const [one, other] = [now.vocabulary, before.vocabulary];
  if (one && other && one.length !== other.length) {
    return `it has ${one.length} values and had ${other.length}`;
  }
  const place = one?.findIndex((value, id) => value !== other?.[id]) ?? -1;
  if (place >= 0) {
    return `value ${place} is ${JSON.stringify(one![place])} and was ${
      JSON.stringify(other?.[place])
    } (they count from 0)`;
  }
  const rest = ({ vocabulary: _, text: __, ...spec }: ColumnSpec) => JSON.stringify(spec);
  return `it is ${rest(now)} and was ${rest(before)}`;
}

/** Without keys that have no value. */
const plain = (value: unknown) => value === undefined ? value : JSON.parse(JSON.stringify(value));

/** Without what is a hint for messages. */
const known = ({ text: _, ...spec }: ColumnSpec) => spec;
