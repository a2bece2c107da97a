import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../../src/base/errors.ts";
import { ROCKET_VERSION } from "../../../src/base/package.ts";
import { parseArguments } from "../../../src/launch/command_line/arguments.ts";
import {
  type CommandName,
  commandOf,
  commandOptions,
  commands,
  optionOf,
} from "../../../src/launch/command_line/grammar.ts";
import { commandHelp, help, helpAnswer } from "../../../src/launch/command_line/help.ts";
import { readOptions } from "../../../src/launch/command_line/options.ts";

const names = Object.keys(commands) as CommandName[];

const answer = (...args: string[]) => helpAnswer(parseArguments(args));

Deno.test("all pages of the help fit in 80 columns", () => {
  for (const line of [help(), ...names.map(commandHelp)].flat()) {
    assert(line.length <= 80, line);
  }
});

Deno.test("help() lists all commands, and commandHelp() all options of a command", () => {
  for (const name of names) {
    assertStringIncludes(help().join("\n"), `\n  ${name} ${commands[name].words}`);
    const listed = commandHelp(name).flatMap((line) => /^ {2}--([\w-]+)/.exec(line)?.[1] ?? []);
    assertEquals(listed.toSorted(), commandOptions(name).toSorted());
  }
});

Deno.test("commandHelp() explains each argument of a command", () => {
  for (const name of names) {
    const placeholders = new Set(commands[name].words.match(/[A-Z]+(\.ts)?/g) ?? []);
    assertEquals(Object.keys(commands[name].arguments), [...placeholders], name);
  }
});

Deno.test("the example of each command is a valid command line of it", () => {
  for (const name of names) {
    const parsed = parseArguments(commands[name].example.split(" "));
    assertEquals(parsed.unknown, []);
    assertEquals(commandOf(parsed.words).name, name);
    readOptions(parsed);
    assertEquals(commandHelp(name).at(-1)?.endsWith(commands[name].example), true, name);
  }
});

Deno.test("each command says what its own --out and --engine are", () => {
  for (const option of ["out", "engine"] as const) {
    for (const name of names.filter((name) => commandOptions(name).includes(option))) {
      assert(optionOf(name, option).summary !== optionOf(undefined, option).summary, name);
    }
  }
  assertEquals(optionOf("predict", "out").value, "FILE");
  assertEquals(optionOf("run", "out").value, "DIR");
});

Deno.test("helpAnswer() answers help, --help, version and --version", () => {
  assertEquals(answer("help"), help());
  assertEquals(answer("--help"), help());
  assertEquals(answer("help", "predict"), commandHelp("predict"));
  assertEquals(answer("predict", "--help"), commandHelp("predict"));
  assertEquals(answer("predict", "a", "b", "-h"), commandHelp("predict"));
  assertEquals(answer("version"), [ROCKET_VERSION]);
  assertEquals(answer("-V"), [ROCKET_VERSION]);
  assertEquals(answer("version", "--help"), commandHelp("version"));
  assertEquals(answer("run", "p.yaml"), undefined);
  assertEquals(answer("help", "--zzz"), undefined);
  assertThrows(() => answer("help", "predct"), UserError, 'there is no command "predct"');
});
