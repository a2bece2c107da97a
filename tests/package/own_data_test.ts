import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { type Block, blocks } from "../docs/documents.ts";
import { deno, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { picture, writePictures } from "../support/images.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";

const ofDocument = (document: string, is: (block: Block) => boolean) =>
  blocks.filter((block) => block.path === document && is(block)).map(({ text }) => text);

/** Makes training short, and starts Deno for everything else as it is. */
const wrapper = `set -euo pipefail
deno() {
  case "$*" in
    "task pipeline check "*|"task pipeline orders.yaml "*) "$DENO" "$@" --engine wasm ;;
    "task pipeline flowers.yaml "*) "$DENO" "$@" --engine wasm --epochs 1 ;;
    *) "$DENO" "$@" ;;
  esac
}
`;

Deno.test("the commands of docs/own_data.md work with the published package, in a new folder", async () => {
  await using registry = new LoopbackRegistry();
  await registry.publish(root);
  const env = userEnvironment({ ...registry.environment, DENO: Deno.execPath() });
  await inFolder(async (cwd) => {
    // As README.md says.
    const added = await deno(["add", "jsr:@rocket-launching/rocket"], { cwd, env });
    assertEquals(added.code, 0, added.stderr);
    const [task] = ofDocument("README.md", ({ language }) => language === "json");
    const config = JSON.parse(await Deno.readTextFile(join(cwd, "deno.json")));
    await Deno.writeTextFile(
      join(cwd, "deno.json"),
      JSON.stringify({ ...config, ...JSON.parse(task!) }),
    );
    const [flowers] = ofDocument(
      "docs/own_data.md",
      ({ text }) => text.startsWith("# flowers.yaml"),
    );
    await Deno.writeTextFile(join(cwd, "flowers.yaml"), flowers!);
    await writePictures(join(cwd, "flowers"), 10);
    await Deno.mkdir(join(cwd, "new-flowers"));
    for (const index of [1, 2, 3]) {
      await Deno.writeFile(join(cwd, "new-flowers", `${index}.jpg`), picture(index % 3, index));
    }
    const commands = ofDocument("docs/own_data.md", ({ language }) => language === "sh");
    assert(commands.length > 5, `${commands.length} blocks`);
    const { code, stdout, stderr } = await new Deno.Command("/bin/bash", {
      args: ["-c", wrapper + commands.join("\n")],
      ...{ cwd, env, clearEnv: true, stdin: "null" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(code, 0, `${text(stdout)}\n${text(stderr)}`);
    const linesOf = async (name: string) =>
      (await Deno.readTextFile(join(cwd, name))).trim().split("\n");
    assertEquals((await linesOf("scores.csv")).length, 3001);
    const [head, ...rows] = await linesOf("predictions.csv");
    assertEquals([head, rows.length], ["path,prediction,score", 3]);
    assertEquals(await linesOf("one.csv"), [head!, rows[0]!]);
  });
});
