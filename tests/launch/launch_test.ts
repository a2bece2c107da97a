import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../engine/native/support.ts";
import { NOWHERE, withProject } from "./support.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("the launcher reports the expected arguments with exit code 2 for any others", async () => {
  await withProject(async (small) => {
    for (const args of [[], ["run"], ["walk", "show.ts"], ["constructor"], ["--help"]]) {
      const { code, out, err } = await small.launch(args);
      assertEquals([code, out], [2, ""], args.join(" "));
      assertStringIncludes(err, "expected run FILE ARGS…, test ARGS… or ok");
    }
  });
});

Deno.test("the launcher imports nothing that has to be downloaded", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", join(checkout, "src", "launch", "main.ts")],
    stderr: "null",
  }).output();
  assert(success);
  const { modules }: { modules: { specifier: string; error?: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  assert(modules.length > 5);
  for (const { specifier, error } of modules) {
    assertEquals(error, undefined);
    assertMatch(specifier, /^(file|node):/);
  }
});

Deno.test("the launcher starts each task of deno.json, and the module of each task exists", async () => {
  const { tasks }: { tasks: Record<string, string> } = JSON.parse(
    await Deno.readTextFile(join(checkout, "deno.json")),
  );
  assert(Object.keys(tasks).length > 0);
  for (const [name, command] of Object.entries(tasks)) {
    const found =
      /^deno run --allow-read --allow-write --allow-env --allow-sys=homedir --allow-run --no-prompt --quiet src\/launch\/main\.ts (?:test|ok|run (\S+)(?: native)?)$/
        .exec(command);
    assert(found, `deno task ${name} is ${command}`);
    if (found[1]) assert((await Deno.stat(join(checkout, found[1]))).isFile, name);
  }
});

Deno.test("the launcher starts the command line without the JSR registry", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(join(checkout, "deno.json")));
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "pipeline", "--version"],
      cwd: join(checkout, "tests"),
      env: { JSR_URL: NOWHERE, ROCKET_CACHE: folder, NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stdout)], [0, `${version}\n`], decoder.decode(stderr));
    assert((await Deno.stat(join(folder, "jsr-did-not-answer"))).isFile);
  });
});
