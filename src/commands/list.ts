import { builtins } from "../../plugins/mod.ts";
import { UserError } from "../base/errors.ts";
import { nameHint } from "../base/hints.ts";
import { appendTo } from "../base/long_lists.ts";
import type { Plan, PlannedStage } from "../pipeline/plan.ts";
import { type StageKind, stageKinds } from "../stages/stage.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { readPlan } from "../run/read_plan.ts";
import { table } from "../base/text_table.ts";
import { print } from "../base/terminal.ts";

/**
 * `deno task pipeline list [KIND] [FILE]`: lists the built-in stages, or the stages of a pipeline.
 *
 * @param args Kinds of stages and pipeline files; empty for all built-in stages.
 * @param options The code and the environment variables that pipelines may use.
 * @returns The exit code.
 */
export async function list(args: readonly string[], options: AllowedCode): Promise<number> {
  print(await stageTable(args, options));
  return 0;
}

type AllowedCode = Pick<CommandOptions, "allowPlugins" | "allowEnv">;

/**
 * Makes the table of stages that `list` prints.
 *
 * @param args The arguments of {@linkcode list}.
 * @param options The options of {@linkcode list}.
 */
export async function stageTable(
  args: readonly string[],
  { allowPlugins, allowEnv }: AllowedCode,
): Promise<string[]> {
  const files = args.filter((arg) => /[./\\]/.test(arg));
  const kinds = args.filter((arg) => !files.includes(arg)).map((kind) => stageKind(kind));
  const wanted = kinds.length === 0 ? stageKinds : kinds;
  const stages: string[][] = [];
  if (files.length === 0) {
    appendTo(stages, builtins.map(({ kind, name, summary }) => [kind, name, summary]));
  }
  for (const file of files) {
    appendTo(
      stages,
      stagesOf(await readPlan(file, [], allowPlugins, allowEnv)).map(({ stage, reference }) => [
        stage.kind,
        reference.name,
        stage.summary,
      ]),
    );
  }
  const unique = new Map(stages.map((row) => [row.join("\0"), row]));
  const rows = wanted.flatMap((kind) => [...unique.values()].filter(([of]) => of === kind));
  return table(["kind", "stage", "what it does"], rows, ["left", "left", "left"]);
}

/** Lists all stages of a plan. */
function stagesOf(plan: Plan): PlannedStage[] {
  return [
    ...Object.values(plan.sources),
    ...plan.transforms,
    plan.network,
    ...plan.phases.flatMap(({ losses, optimizer }) => [
      ...losses.flatMap((loss) => [
        loss,
        ...(loss.schedule ? [loss.schedule] : []),
        loss.gradient,
      ]),
      optimizer,
      optimizer.schedule,
    ]),
    ...plan.metrics,
    ...plan.outputs,
  ];
}

/**
 * Returns the kind of stage that a word names, in the singular or the plural; undefined if it names
 * none.
 *
 * @param word The word.
 */
export function kindOfWord(word: string): StageKind | undefined {
  return stageKinds.find((kind) => [kind, `${kind}s`, `${kind}es`].includes(word));
}

/**
 * Returns the kind of stage that a word names, in the singular or the plural.
 *
 * @param word The word.
 * @param others Other words that the user may have meant.
 * @throws {UserError} If the word does not name a kind.
 */
export function stageKind(word: string, others: readonly string[] = []): StageKind {
  const kind = kindOfWord(word);
  if (kind) return kind;
  throw new UserError(`there is no kind of stage called ${JSON.stringify(word)}`, {
    hint: nameHint("command/kind", {
      written: word,
      names: [...stageKinds, ...others],
      intro: "the kinds are",
      change: (kind) => ({ args: { replace: { [word]: kind } } }),
    }),
    exitCode: 2,
  });
}
