import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { root } from "../support/command_line.ts";
import { hasPython } from "../support/python.ts";
import { blocks } from "./documents.ts";
import { commandsOf } from "./shell_commands.ts";

const folder = join(root, "tests", "reference");

/** What tests/reference/README.md runs: the script and its arguments. */
async function scripts(): Promise<readonly string[]> {
  const own = blocks.filter(({ info }) => info.includes("tests/docs/reference_scripts_test.ts"));
  const [commands] = await commandsOf(own);
  return (commands as string[][]).filter(([program]) => program === "python")
    .map(([, dash, script]) => {
      assertEquals(dash, "-B");
      return script!;
    });
}

Deno.test("the commands of tests/reference/README.md run each script that computes reference values", async () => {
  // The others import values.py.
  const all = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".py") && name !== "values.py");
  assertEquals((await scripts()).toSorted(), all.toSorted());
});

Deno.test({
  name: "each script that computes reference values can be compiled",
  ignore: !hasPython,
  fn: async () => {
    const names = await scripts();
    assert(names.length > 10, `${names.length} scripts`);
    const program =
      "import sys\nfor name in sys.argv[1:]: compile(open(name).read(), name, 'exec')";
    const { code, stderr } = await new Deno.Command("python3", {
      args: ["-c", program, ...names],
      cwd: folder,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  },
});
