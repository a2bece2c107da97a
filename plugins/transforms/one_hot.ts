import {
  type ColumnSpec,
  defineTransform,
  hint,
  type IdKeys,
  idKeysOf,
  rowOfBatch,
  tf,
  type TransformStage,
  UserError,
  z,
} from "../../plugin.ts";
import {
  changeColumns,
  changeSpecs,
  changeTensors,
  chooseFeatures,
  featureNamed,
  featureOption,
  sizeOf,
} from "./features.ts";

/**
 * Turns each id into a row of zeros with a single 1: `[...shape]` becomes `[...shape, count]`. The
 * padding of a list, −1, becomes only zeros.
 */
const stage: TransformStage = defineTransform({
  name: "one-hot",
  summary: "Encodes each id as a row of zeros with a single 1.",
  options: z.object({
    count: z.int().min(2).optional().describe(
      "The number of ids. Required unless the feature contains text or has the option `ids`, which determine the number.",
    ),
    feature: featureOption,
  }),
  example: `use: one-hot
feature: city`,
  create({ count, feature }, { features }) {
    // Numbers are used only if they are named: pixels are whole numbers, too.
    const names = feature === undefined
      ? chooseFeatures(features, undefined, {
        problem: ({ dtype }) => dtype === "int32" ? undefined : "holds numbers",
        wanted: "ids (int32)",
      })
      : [feature].flat();
    const counts = Object.fromEntries(
      names.map((name) => [name, idCount(name, featureNamed(features, name), count)]),
    );
    return {
      features: changeSpecs(features, names, (spec, name) => ({
        shape: [...spec.shape, counts[name]!],
        dtype: "float32",
        places: [
          ...spec.shape.map((size) => ({ size })),
          { size: counts[name]!, ids: keysOf(name, spec, counts[name]!) },
        ],
      })),
      apply: (batch) =>
        changeColumns(batch, names, ({ values, shape }, name) => {
          const count = counts[name]!;
          const result = new Float32Array(values.length * count);
          for (let index = 0; index < values.length; index++) {
            const id = values[index]!;
            if (id === -1 && features[name]!.ids?.padded) continue;
            if (!Number.isInteger(id) || id < 0 || id >= count) {
              const row = Math.floor(index / sizeOf(shape));
              throw new UserError(
                `the feature ${name} has the id ${id} in ${rowOfBatch(row)}; expected 0 to ${
                  count - 1
                }`,
                {
                  row,
                  hint: Number.isInteger(id) && id >= 0
                    ? hint(
                      "one-hot/more",
                      `set the number of ids: \`count: ${id + 1}\` or more`,
                      {
                        set: { count: id + 1 },
                      },
                    )
                    : hint(
                      "one-hot/ids",
                      "ids are integers from 0: check the values of the column",
                      {
                        edit: "the data file",
                      },
                    ),
                },
              );
            }
            result[index * count + id] = 1;
          }
          return { values: result, shape: [...shape, count] };
        }),
      graph: (tensors) =>
        changeTensors(
          tensors,
          names,
          (tensor, name) =>
            tf.oneHot(tf.cast(tensor, "int32") as tf.Tensor1D, counts[name]!, 1, 0, "float32"),
        ),
    };
  },
});
export default stage;

/**
 * Returns what the positions of a one-hot feature represent: the feature's ids, or the numbers that
 * are used as ids.
 */
function keysOf(name: string, spec: ColumnSpec, count: number): IdKeys {
  return idKeysOf(name, { ...spec, dtype: "int32" }, count)!;
}

function idCount(
  name: string,
  { vocabulary, ids }: ColumnSpec,
  count: number | undefined,
): number {
  // One more id than values: the additional id is for values that are not in the vocabulary.
  const known = ids?.count ?? vocabulary?.length;
  if (count === undefined && known === undefined) {
    throw new UserError(`the number of ids of the feature ${name} is unknown`, {
      hint: hint("one-hot/count", "set the number of ids in this transform, such as `count: 10`", {
        set: { count: 10 },
      }),
      exitCode: 2,
    });
  }
  if (count !== undefined && known !== undefined && count < known) {
    throw new UserError(`the feature ${name} has ${known} ids, but \`count\` is ${count}`, {
      hint: hint("one-hot/less", `remove \`count\`, or set it to ${known} or more`, [
        { remove: ["count"] },
        { set: { count: known } },
      ]),
      exitCode: 2,
    });
  }
  return count ?? known!;
}
