import { assert, assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { commandVariable } from "../../src/base/command_name.ts";
import { type CommandName, commands } from "../../src/launch/command_line/grammar.ts";
import { commandHelp, help } from "../../src/launch/command_line/help.ts";
import { userCommand } from "../../src/launch/user_command.ts";
import { withEnvironment } from "../engine/native/support.ts";
import { root } from "../support/command_line.ts";

const published = "deno run -A jsr:@rocket-launching/rocket/cli";

const withTasks = (tasks: Record<string, unknown>) => JSON.stringify({ tasks });

Deno.test("userCommand() is the task that runs the command line with any arguments", () => {
  for (
    const [tasks, command] of [
      [{ test: "deno test", rocket: published }, "deno task rocket"],
      [{ rocket: { command: published } }, "deno task rocket"],
      [{ r: "deno run -RWES --allow-run jsr:@rocket-launching/rocket@^0.1.0/cli" }, "deno task r"],
      [{ "my task": published }, "deno task 'my task'"],
      [{ train: `${published} train.yaml` }, published],
      [{ train: `cd a && ${published}` }, published],
      [{ rocket: "deno run -A jsr:@someone/rocket/cli" }, published],
      [{}, published],
    ] as const
  ) {
    assertEquals(userCommand(withTasks(tasks), true), command);
    assertEquals(userCommand(withTasks(tasks), false), published);
  }
});

Deno.test("userCommand() is deno run where deno.json is missing or cannot be read", () => {
  for (const text of [undefined, "", "[]", "null", `{ "tasks": 1 }`, "{ // comment\n}"]) {
    assertEquals(userCommand(text, true), published);
  }
});

Deno.test("all pages of the help name the user's command and fit in 80 columns", async () => {
  for (const command of [published, "deno task rocket"]) {
    await withEnvironment({ [commandVariable]: command }, () => {
      for (const page of [help(), ...(Object.keys(commands) as CommandName[]).map(commandHelp)]) {
        assert(page[0]!.includes(command) || page[2]!.includes(command), page.join("\n"));
        for (const line of page) assert(line.length <= 80, line);
      }
      return Promise.resolve();
    });
  }
});

/** The modules of a folder that users run. */
function* modules(folder: string): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory && name !== "tools" && name !== "templates") yield* modules(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("only commandName() and testCommand() name a task that users of the repository have", () => {
  const naming: string[] = [];
  for (const path of [...modules(join(root, "src")), ...modules(join(root, "plugins"))]) {
    const code = Deno.readTextFileSync(path).replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, "");
    if (/deno task (?!schema)\w/.test(code)) naming.push(relative(root, path));
  }
  assertEquals(naming.sort(), [
    "src/base/command_name.ts",
    // What `new` makes has these tasks of its own.
    "src/commands/new_package.ts",
    "src/commands/new_project.ts",
  ]);
});
