import { join } from "node:path";
import { inFolder } from "../support/command_line.ts";
import type { Block } from "./documents.ts";

/**
 * Splits the blocks of documents into the commands that a shell would run, without running them.
 *
 * @param blocks The blocks.
 * @returns The commands of each block, as lists of arguments; or the error of the shell.
 */
export async function commandsOf(
  blocks: readonly Block[],
): Promise<(readonly (readonly string[])[] | string)[]> {
  return await inFolder(async (folder) => {
    // No program is found in this PATH, so that the shell passes every command to the handler.
    const script = [
      // Commands in the background write side by side. Bash writes at each line break, so that only a
      // record without line breaks is written whole.
      "handle() { printf '%s\\0' \"${@//$'\\n'/$'\\x1e'}\" $'\\x1f' >> \"$COMMANDS\"; }",
      'command_not_found_handle() { handle "$@"; }',
      ...["cd", "kill", "wait", "export", "source", "exit"].map((name) =>
        `${name}() { handle ${name} "$@"; }`
      ),
      // Redirections may write into new folders.
      'mkdir() { handle mkdir "$@"; command -p mkdir "$@"; }',
      "PATH=/none",
      ...['. "$BLOCK"', "code=$?", "builtin wait", "builtin exit $code"],
    ].join("\n");
    const results: (string[][] | string)[] = [];
    for (const [index, { text }] of blocks.entries()) {
      const block = join(folder, `${index}.sh`), commands = join(folder, `${index}.txt`);
      const own = join(folder, `${index}`);
      await Deno.mkdir(own);
      await Deno.writeTextFile(block, text);
      await Deno.writeTextFile(commands, "");
      const { code, stderr } = await new Deno.Command("/bin/bash", {
        args: ["-c", script],
        env: { COMMANDS: commands, BLOCK: block },
        cwd: own,
      }).output();
      const error = new TextDecoder().decode(stderr);
      const records = (await Deno.readTextFile(commands)).replaceAll("\x1e", "\n").split("\x1f\0");
      results.push(
        code === 0 && error === ""
          ? records.slice(0, -1).map((command) => command.split("\0").slice(0, -1))
          : error || `exit code ${code}`,
      );
    }
    return results;
  });
}
