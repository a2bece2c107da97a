import { assertEquals } from "@std/assert";
import { runDeno } from "../../src/launch/child.ts";
import { withEnvironment, withFolder } from "../engine/native/support.ts";

/** Runs a program with `deno eval` and returns its output. */
async function evaluate(program: string, cwd?: string): Promise<[code: number, output: string]> {
  const decoder = new TextDecoder();
  let output = "";
  const code = await runDeno(["eval", "--no-config", program], {
    onOutput: (chunk) => void (output += decoder.decode(chunk, { stream: true })),
    ...(cwd === undefined ? {} : { cwd }),
  });
  return [code, output];
}

Deno.test("runDeno() returns the exit code", async () => {
  for (const code of [0, 1, 2, 42]) {
    assertEquals(await evaluate(`console.log("done"); Deno.exit(${code})`), [code, "done\n"]);
  }
});

Deno.test({
  name: "runDeno() returns 128 and the signal's number for a child that a signal ended",
  ignore: Deno.build.os === "windows",
  async fn() {
    const end = (signal: string) =>
      evaluate(`Deno.kill(Deno.pid, "${signal}"); setInterval(() => {}, 99)`);
    assertEquals(await end("SIGKILL"), [137, ""]);
    assertEquals(await end("SIGTERM"), [143, ""]);
  },
});

Deno.test("runDeno() passes on all output in order, with back pressure", async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join("");
  const program = "for (let i = 0; i < 20_000; i++) console.log(`line ${i}`)";
  let [open, most, output] = [0, 0, ""];
  const decoder = new TextDecoder();
  const code = await runDeno(["eval", "--no-config", program], {
    onOutput: async (chunk) => {
      most = Math.max(most, ++open);
      await Promise.resolve();
      output += decoder.decode(chunk, { stream: true });
      open--;
    },
  });
  assertEquals([code, most, output === lines], [0, 1, true]);
});

Deno.test("runDeno() runs in the given folder", async () => {
  await withFolder(async (folder) => {
    const print = "console.log(Deno.cwd())";
    assertEquals(await evaluate(print, folder), [0, `${folder}\n`]);
    assertEquals(await evaluate(print), [0, `${Deno.cwd()}\n`]);
  });
});

Deno.test("runDeno() passes on the environment, without INIT_CWD and NODE_OPTIONS", async () => {
  const names = ["INIT_CWD", "NODE_OPTIONS", "ROCKET_TEST"];
  const program = `console.log(${JSON.stringify(names)}.map((name) => Deno.env.get(name) ?? null))`;
  const given = { INIT_CWD: "some", NODE_OPTIONS: "--no-warnings", ROCKET_TEST: "here" };
  await withEnvironment(given, async () => {
    assertEquals(await evaluate(program), [0, '[ null, null, "here" ]\n']);
  });
});
