import config from "../../deno.json" with { type: "json" };
import { quoted } from "./quoted.ts";

/** The environment variable in which the launcher passes the user's command to its processes. */
export const commandVariable = "ROCKET_COMMAND";

/** Whether Rocket was loaded as a package: by a `jsr:` specifier, or from the registry. */
export const isPublished: boolean = Deno.mainModule.startsWith("jsr:") ||
  !import.meta.url.startsWith("file:");

/**
 * Returns the command that starts Rocket's command line for this user, for messages that name a
 * command: a task of the user's project, `deno run` with the name of the package, or the task of
 * Rocket's own repository.
 */
export function commandName(): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: commandVariable });
  const given = state === "granted" ? Deno.env.get(commandVariable) : undefined;
  return given || (isPublished ? publishedCommand : "deno task pipeline");
}

/**
 * The command that starts Rocket's command line if the user's project does not define a task for
 * it.
 */
export const publishedCommand: string = `deno run -A jsr:${config.name}/cli`;

/**
 * Returns the command that runs the tests of a file.
 *
 * @param file The path of the file.
 */
export function testCommand(file: string): string {
  return `${isPublished ? "deno test -A" : "deno task test"} ${quoted(file)}`;
}
