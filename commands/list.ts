import { builtins } from "../plugins/mod.ts";
import { UserError } from "../pipeline/errors.ts";
import { nearest } from "../pipeline/nearest.ts";
import { type StageKind, stageKinds } from "../pipeline/stages/stage.ts";
import { table } from "./table.ts";

/**
 * `deno task pipeline list [KIND]`: the built-in stages.
 *
 * @param args A kind of stage, or nothing for all.
 * @returns The exit code.
 */
export function list(args: readonly string[]): Promise<number> {
  const kinds = args.length === 0 ? stageKinds : args.map(stageKind);
  const rows = kinds.flatMap((kind) =>
    builtins.filter((stage) => stage.kind === kind)
      .map(({ name, summary }) => [kind, name, summary])
  );
  console.log(table(["kind", "stage", "what it does"], rows, ["left", "left", "left"]));
  return Promise.resolve(0);
}

/**
 * The kind of stage that a word names, in the singular or plural.
 *
 * @param word The word.
 * @throws {UserError} If it names none.
 */
export function stageKind(word: string): StageKind {
  const kind = stageKinds.find((kind) => [kind, `${kind}s`, `${kind}es`].includes(word));
  if (kind) return kind;
  const near = nearest(word, stageKinds);
  throw new UserError(`there is no kind of stage called ${JSON.stringify(word)}`, {
    hint: near ? `did you mean ${near}?` : `the kinds are ${stageKinds.join(", ")}`,
    exitCode: 2,
  });
}
