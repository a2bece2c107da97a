import {
  type Batch,
  defineTransform,
  hint,
  type TransformStage,
  UserError,
  z,
} from "../../plugin.ts";
import { featureNamed } from "./features.ts";

/** Renames features, and keeps all others. */
const stage: TransformStage = defineTransform({
  name: "rename",
  summary: "Renames features.",
  options: z.object({
    names: z.record(z.string(), z.string().min(1), {
      error: "expected old and new names, such as { pixels: image }",
    }).describe("The new name for each old name, such as { pixels: image }."),
  }),
  example: `use: rename
names: { pixels: image }`,
  create({ names }, { features }) {
    for (const name of Object.keys(names)) featureNamed(features, name);
    const nameOf = (name: string) => Object.hasOwn(names, name) ? names[name]! : name;
    const renamed = Object.keys(features).map((name) => [name, nameOf(name)] as const);
    const twice = renamed.find(([, to], index) =>
      renamed.some(([, other], position) => other === to && position < index)
    );
    if (twice) {
      throw new UserError(`two features would have the name ${twice[1]}`, {
        hint: hint(
          "rename/twice",
          `give each feature a different name; the features are ${
            Object.keys(features).join(", ")
          }`,
          { edit: "`names`" },
        ),
        exitCode: 2,
      });
    }
    const rename = <T>(byName: Readonly<Record<string, T>>) =>
      Object.fromEntries(renamed.map(([from, to]) => [to, byName[from]!]));
    return {
      features: rename(features),
      apply: (batch: Batch) => ({ ...batch, features: rename(batch.features) }),
      graph: rename,
    };
  },
});
export default stage;
