import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { quoted } from "../base/quoted.ts";
import { ALLOW_SCRIPTS, PACKAGE_NAME, ROCKET_VERSION } from "../base/package.ts";
import { readRegularText } from "../base/files/regular.ts";

/** How a new project or package depends on Rocket. */
export interface RocketConfig {
  /** The specifier of Rocket's package, with a range of versions. */
  readonly rocket: string;
  /** The entries of `deno.json` that this takes. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Makes the entries of a new project's `deno.json` that tell Deno where to find Rocket.
 *
 * @param folder The project's folder.
 * @param link The folder with a copy of Rocket's repository to use instead of the registry.
 * @throws {UserError} If there is no copy of Rocket in `link`; exit code 2.
 */
export async function rocketConfig(
  folder: string,
  link: string | undefined,
): Promise<RocketConfig> {
  const linked = link === undefined ? undefined : await linkedRocket(link);
  const rocket = `jsr:${PACKAGE_NAME}@^${linked?.version ?? ROCKET_VERSION}`;
  return {
    rocket,
    config: {
      imports: { [PACKAGE_NAME]: rocket },
      // Without this, Deno prints a warning about each package that could run a script.
      allowScripts: ALLOW_SCRIPTS,
      ...(linked && { links: linked.folders.map((one) => pathFrom(folder, one)) }),
    },
  };
}

/**
 * Returns the shell command that starts Rocket's command line. `deno.json` of a new project defines
 * it as a task.
 *
 * @param rocket The specifier of Rocket's package.
 */
export const pipelineTask = (rocket: string): string => `deno run -A --quiet ${rocket}/cli`;

/**
 * Returns a remark if a new project loads Rocket from the registry, which did not answer this
 * command: then, Rocket itself runs from a copy of the repository, with stand-ins for the modules
 * of the registry.
 *
 * @param link The folder with a copy of Rocket's repository to use instead of the registry.
 * @param module The address of a module that comes from the registry if the registry answers.
 * @returns One remark, or none.
 */
export function registryRemarks(
  link: string | undefined,
  module: string | undefined = registryModule(),
): readonly string[] {
  if (link !== undefined || !module?.startsWith("file:")) return [];
  const copy = relative(Deno.cwd(), fileURLToPath(new URL("../../", import.meta.url))) || ".";
  return [
    "the commands below load Rocket from JSR, which did not answer. If this machine cannot reach " +
    `it, remove the folder, and repeat the command with --link ${quoted(copy)}`,
  ];
}

function registryModule(): string | undefined {
  try {
    return import.meta.resolve("@std/cli/parse-args");
  } catch {
    // The published package does not import it by this name.
    return undefined;
  }
}

/** A copy of Rocket on this machine. */
interface LinkedRocket {
  readonly version: string;
  /** The folders of the packages that Deno has to find there. */
  readonly folders: readonly string[];
}

async function linkedRocket(link: string): Promise<LinkedRocket> {
  const root = resolve(link);
  const text = await readRegularText(join(root, "deno.json")).catch(() => "");
  const { name, version } = parsedObject(text);
  if (name !== PACKAGE_NAME || version === undefined) {
    throw new UserError(`${link} is not a copy of Rocket's repository`, {
      hint: hint("new/link", "name the folder that contains Rocket's deno.json, or omit --link", [
        { edit: "the folder" },
        { args: { remove: ["--link", link, `--link=${link}`] } },
      ]),
      exitCode: 2,
    });
  }
  // The package that Rocket imports from the registry has a stand-in there.
  const standIn = join(root, "src", "launch", "compat", "cli");
  const hasIt = await Deno.stat(standIn).then(() => true, () => false);
  return { version, folders: hasIt ? [root, standIn] : [root] };
}

function parsedObject(text: string): Partial<Record<string, string>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/**
 * Returns the relative path from a folder to a file or folder, with slashes as in URLs.
 *
 * @param folder The folder.
 * @param path The file or folder.
 */
export function pathFrom(folder: string, path: string): string {
  const way = relative(resolve(folder), resolve(path)).replaceAll("\\", "/");
  return isAbsolute(way) || way.startsWith(".") ? way : `./${way}`;
}
