import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { userFolder } from "../../src/launch/run_task.ts";
import { withEnvironment } from "../engine/native/support.ts";
import { launcherArguments, withProject } from "./support.ts";

Deno.test("userFolder() is the folder in which deno task was called, or the current folder", async () => {
  const root = Deno.cwd(), folder = join(root, "tests");
  await withEnvironment({ INIT_CWD: folder }, () => {
    assertEquals(userFolder(root), folder);
    return Promise.resolve();
  });
  await withEnvironment({ INIT_CWD: undefined }, () => {
    assertEquals(userFolder(root), root);
    return Promise.resolve();
  });
});

Deno.test("run() ignores an INIT_CWD of another program, and refuses one that is not a folder", async () => {
  await withProject(async (small) => {
    await small.write({ "data/rows.txt": "rows" });
    const environment = { INIT_CWD: small.root };
    const { out } = await small.launch(["run", "show.ts"], { folder: "data", environment });
    assertEquals(JSON.parse(out).cwd, join(small.root, "data"));
    for (const name of ["missing", "show.ts"]) {
      const path = join(small.root, name);
      const ended = await small.launch(["run", "show.ts"], { environment: { INIT_CWD: path } });
      assertEquals([ended.code, ended.out], [2, ""]);
      assertEquals(
        ended.err,
        "error: the environment variable INIT_CWD names the folder to run in, but " +
          `${path} is not a folder: unset it\n`,
      );
    }
  });
});

Deno.test("run() runs a module of the project without a network, with unchanged arguments", async () => {
  await withProject(async (small) => {
    const args = ["--seed", "2", "", "a b", "it's", "--", "-x", "*"];
    const { code, out, err } = await small.launch(["run", "show.ts", ...args]);
    assertEquals([code, err], [0, ""]);
    assertEquals(JSON.parse(out), {
      own: "the project's own",
      word: "the stand-in",
      args,
      cwd: small.root,
    });
  }, "a folder, with ü & 100%");
});

Deno.test("run() runs in the user's folder and does not pass on INIT_CWD", async () => {
  await withProject(async (small) => {
    await small.write({ "data/set/rows.txt": "rows" });
    const folder = join("data", "set");
    const direct = await small.launch(["run", "show.ts"], { folder });
    assertEquals(JSON.parse(direct.out).cwd, join(small.root, folder));
    const { code, out } = await small.deno(["task", "show", "rows.txt"], { folder });
    assertEquals(code, 0);
    // The child already runs in the right folder. INIT_CWD is only for the launcher.
    const { args, cwd, from } = JSON.parse(out);
    assertEquals([args, cwd, from], [["rows.txt"], join(small.root, folder), undefined]);
  });
});

Deno.test("run() lets a nested deno task run in the folder in which it was called", async () => {
  const outer = `
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "show"],
      cwd: "inner",
    }).output();
    await Deno.stdout.write(stdout);
  `;
  await withProject(async (small) => {
    await small.write({ "wait.ts": outer, "sub/inner/empty.txt": "" });
    const { out } = await small.deno(["task", "--quiet", "wait"], { folder: "sub" });
    assertEquals(JSON.parse(out).cwd, join(small.root, "sub", "inner"));
  });
});

Deno.test("run() returns the exit code of the module, also through deno task", async () => {
  await withProject(async (small) => {
    for (const code of [0, 1, 2, 42]) {
      assertEquals((await small.launch(["run", "exit.ts", `${code}`])).code, code);
    }
    await small.write({ "wait.ts": "Deno.exit(3);", "throw.ts": `throw new Error("broken");` });
    assertEquals((await small.deno(["task", "wait"])).code, 3);
    const { code, err } = await small.launch(["run", "throw.ts"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "broken");
  });
});

Deno.test("run() fails for a module that does not exist", async () => {
  await withProject(async (small) => {
    const { code, err } = await small.launch(["run", "missing.ts"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "missing.ts");
  });
});

Deno.test("run() passes on standard input", async () => {
  const echo = "await Deno.stdin.readable.pipeTo(Deno.stdout.writable);";
  await withProject(async (small) => {
    await small.write({ "echo.ts": echo });
    const child = small.command(launcherArguments(small.root, ["run", "echo.ts"]), {
      stdin: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("rows"));
    await writer.close();
    const { code, stdout } = await child.output();
    assertEquals([code, new TextDecoder().decode(stdout)], [0, "rows"]);
  });
});
