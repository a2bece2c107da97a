import { resolve } from "node:path";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { PACKAGE_NAME, ROCKET_VERSION } from "../base/package.ts";
import { quoted } from "../base/quoted.ts";
import { onlyArgument } from "../launch/command_line/options.ts";
import { print } from "../base/terminal.ts";
import { wrap } from "../base/text_width.ts";
import { jsonText, refuseFull, writeNew } from "./new_files.ts";
import { pipelineTask, registryRemarks, rocketConfig } from "./new_rocket.ts";
import { camel, clusters } from "./new_stage.ts";
import { stageFiles } from "./templates.ts";
import readme from "./templates/package/README.md" with { type: "text" };

/**
 * `deno task pipeline new package NAME DIR`: writes a stage as a package for the JSR registry.
 *
 * @param args The name of the package, and the folder.
 * @param link The folder with a copy of Rocket's repository to use instead of the registry.
 * @returns The exit code.
 */
export async function newPackage(
  [name, ...rest]: readonly string[],
  link: string | undefined,
): Promise<number> {
  const stageName = nameOfStage(name);
  const folder = onlyArgument(rest, "a folder for the package");
  refuseFull(folder);
  const { rocket, config } = await rocketConfig(folder, link);
  const range = `^${ROCKET_VERSION.split(".").slice(0, 2).join(".")}`;
  const files = stageFiles("loss", {
    stem: "mod",
    name: stageName,
    variable: camel(stageName),
  });
  await writeNew(folder, {
    "deno.json": jsonText({
      name,
      version: "0.1.0",
      license: "MIT",
      exports: "./mod.ts",
      ...config,
      tasks: { pipeline: pipelineTask(rocket), test: "deno test -A" },
      publish: { exclude: ["deno.lock", "mod_test.ts", "example.yaml", "example.arrow", "runs/"] },
      exclude: ["runs/"],
    }),
    "mod.ts": publishedStage(files.stage, stageName, range),
    "mod_test.ts": files.test,
    "example.yaml": files.pipeline.replaceAll("mod.arrow", "example.arrow"),
    "example.arrow": clusters(),
    "README.md": readme
      .replaceAll("PACKAGE", () => name!)
      .replaceAll("STAGE", () => stageName)
      .replaceAll("RANGE", () => range),
    ".gitignore": "runs/\n",
  });
  print(
    ...registryRemarks(link).flatMap((remark) => ["", ...wrap(`note: ${remark}`)]),
    "",
    "next:",
    ...(resolve(folder) === Deno.cwd() ? [] : [`  cd ${quoted(folder)}`]),
    "  deno task test",
    "  deno task pipeline example.yaml",
    "  deno publish --dry-run",
  );
  return 0;
}

/** Returns the name of the stage in a package. */
function nameOfStage(name: string | undefined): string {
  const stage = /^@[a-z][a-z0-9-]*\/([a-z][a-z0-9]*(?:-[a-z0-9]+)*)$/.exec(name ?? "")?.[1];
  if (stage !== undefined && name !== PACKAGE_NAME) return stage;
  throw new UserError(
    name === undefined
      ? "expected a name for the package and a folder"
      : `${JSON.stringify(name)} cannot be the name of a package`,
    {
      hint: hint(
        "new/package-name",
        "use a scope of yours and a name in lower case, such as @you/my-loss",
        name === undefined
          ? { args: { add: ["@you/my-loss", "my-loss"] } }
          : { args: { replace: { [name]: "@you/my-loss" } } },
      ),
      exitCode: 2,
    },
  );
}

/** Adds what a published stage has: documentation, and the versions of Rocket that it fits. */
function publishedStage(stage: string, name: string, range: string): string {
  const about =
    `/**\n * The loss stage \`${name}\` for pipelines of Rocket.\n *\n * @module\n */\n\n`;
  return about +
    stage
      .replace(/^const /m, "/** The stage, which pipelines name by this package. */\nconst ")
      .replace(/^ {2}name: .*\n/m, (line) => `${line}  rocket: "${range}",\n`);
}
