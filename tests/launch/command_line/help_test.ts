import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type CommandName,
  commandOptions,
  commands,
} from "../../../src/launch/command_line/grammar.ts";
import { commandHelp, help } from "../../../src/launch/command_line/help.ts";

const names = Object.keys(commands) as CommandName[];

Deno.test("all pages of the help fit in 80 columns", () => {
  for (const line of [help(), ...names.map(commandHelp)].flat()) {
    assert(line.length <= 80, line);
  }
});

Deno.test("help() lists all commands, and commandHelp() all options of a command", () => {
  for (const name of names) {
    assertStringIncludes(help().join("\n"), `\n  ${name} ${commands[name].words}`);
    const listed = commandHelp(name).flatMap((line) => /^ {2}--([\w-]+)/.exec(line)?.[1] ?? []);
    assertEquals(listed, commandOptions(name));
  }
});
