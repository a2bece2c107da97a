import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { newPackage } from "./new_package.ts";
import { newProject } from "./new_project.ts";
import { newStage } from "./new_stage.ts";

/**
 * `deno task pipeline new KIND FILE.ts`, `new project DIR` and `new package NAME DIR`: writes the
 * files of a new stage, of a new project, or of a stage that is a package.
 *
 * @param args What to create, and where.
 * @param options The options of `new project`; `new package` has only `link`.
 * @returns The exit code.
 */
export async function create(
  [word, ...rest]: readonly string[],
  { from, label, link }: Pick<CommandOptions, "from" | "label" | "link">,
): Promise<number> {
  if (word === "project") return await newProject(rest, { from, label, link });
  const isPackage = word === "package";
  for (const [name, value] of Object.entries({ from, label, ...!isPackage && { link } })) {
    if (value === undefined) continue;
    throw new UserError(`--${name} is an option of new project, not of new ${word ?? "KIND"}`, {
      hint: hint("new/option", "remove it", {
        args: { remove: [`--${name}`, value, `--${name}=${value}`] },
      }),
      exitCode: 2,
    });
  }
  return isPackage ? await newPackage(rest, link) : await newStage(word, rest);
}
