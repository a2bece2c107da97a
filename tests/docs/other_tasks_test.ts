import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deno, inFolder, userEnvironment } from "../support/command_line.ts";
import { blocks } from "./documents.ts";
import { commandsOf } from "./shell_commands.ts";

/**
 * What makes a task of docs/bench.md, docs/distributed.md, or docs/serving.md read all its options and end soon, and what
 * it then prints.
 */
const soon: Readonly<Record<string, readonly [option: string, prints: string]>> = {
  bench: ["--list", "rocket"],
  gates: ["--list", ".yaml"],
  soak: ["--list", "-native"],
  "soak:clusters": ["--list", "kill"],
  "bench:serve": ["--list", "1 row"],
  "bench:cluster": ["--list", "two processes"],
  "bench:gpu": ["--list", "pytorch channels last"],
};

/** The commands of the documents, with the option that ends them soon. */
async function commands(): Promise<readonly (readonly string[])[]> {
  const own = blocks.filter(({ info }) => info.includes("tests/docs/other_tasks_test.ts"));
  const found = (await commandsOf(own)).flatMap((commands) => commands as string[][]);
  return found.map(([deno, task, name, ...args]) => {
    assertEquals([deno, task], ["deno", "task"]);
    return ["task", "--quiet", name!, ...args.filter((word) => word !== "--list"), soon[name!]![0]];
  });
}

Deno.test("the tasks that measure accept the options that documents show, and list what they measure", async () => {
  const all = await commands();
  assert(all.length > 10, `${all.length} commands`);
  assertEquals(new Set(all.map(([, , name]) => name)), new Set(Object.keys(soon)));
  await inFolder(async (TMPDIR) => {
    for (const words of all) {
      const { code, stdout, stderr } = await deno(words, { env: userEnvironment({ TMPDIR }) });
      assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
      assertStringIncludes(stdout.toLowerCase(), soon[words[2]!]![1], words.join(" "));
    }
    assertEquals([...Deno.readDirSync(TMPDIR)], []);
  });
});

Deno.test("the tasks that measure refuse an option that they do not have", async () => {
  for (const name of Object.keys(soon)) {
    const { code, stderr } = await deno(["task", "--quiet", name, "--lost"], {
      env: userEnvironment(),
    });
    assertEquals(code, 2, `${name}: ${stderr}`);
    assertStringIncludes(stderr, `error: unknown argument --lost\n\nusage: deno task ${name} `);
  }
});
