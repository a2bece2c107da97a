import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { exportModel } from "../../src/model/export_model.ts";
import { flags, inFolder, launched, rocket, root } from "../support/command_line.ts";
import { editModel } from "../support/edit_model.ts";
import { pluginApi } from "../support/pipelines.ts";
import { served } from "../support/served.ts";

/** Starts a server as a user does, and waits for its first line. */
async function started(args: readonly string[], cwd: string) {
  const child = launched("cli.ts", ["serve", ...args], { cwd }).spawn();
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    line += value;
  }
  return {
    ...{ child, line: line.trim(), stderr },
    async stop(signal: Deno.Signal) {
      child.kill(signal);
      // A group of processes may receive it twice.
      child.kill(signal);
      await reader.cancel();
      return { ...await child.status, stderr: await stderr };
    },
  };
}

Deno.test("serve answers a run for a user in an empty folder, and its first line has a command that works", async () => {
  const { out } = await served();
  await inFolder(async (folder) => {
    const { line, stop } = await started([out, "--port", "0"], folder);
    assertMatch(
      line,
      /^serving http:\/\/127\.0\.0\.1:\d+\/v2\/models\/day-run \(light net, ONNX Runtime\); try: curl /,
    );
    const [, command] = line.split("; try: ");
    const { stdout } = await new Deno.Command("sh", { args: ["-c", command!] }).output();
    const { model_name, outputs } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([model_name, outputs[0].name], ["day-run", "score"]);
    const { code, stderr } = await stop("SIGTERM");
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /^permissions: .*, write \S+\/day-run\/model and \S+nets, network 127\.0\.0\.1:0, native code of ONNX Runtime,/,
    );
    assertStringIncludes(stderr, "stopping when all requests are answered");
    assertEquals(stderr.trim().split("\n").length, 2, stderr);
  });
});

Deno.test("serve answers an export folder, which it may only read, and refuses a port in use", async () => {
  const { out } = await served();
  await inFolder(async (folder) => {
    await exportModel(out, join(folder, "net"), { engine: "wasm" });
    const { line, stop } = await started(["net", "--port", "0"], folder);
    const [, port] = /:(\d+)\/v2/.exec(line)!;
    const answer = await fetch(`http://127.0.0.1:${port}/v2/models/net/ready`);
    assertEquals(await answer.json(), { name: "net", ready: true });
    const other = await rocket(["serve", "net", "--port", port!], { cwd: folder });
    assertEquals(other.code, 1, other.stderr);
    assertStringIncludes(other.stderr, `error: the port ${port} of 127.0.0.1 is in use`);
    assertStringIncludes(other.stderr, "permissions: read 4 folders, write nothing, network 127");
    const { code, stderr } = await stop("SIGINT");
    assertEquals(code, 0, stderr);
  });
});

Deno.test({
  name: "serve closes idle connections when the process may open no more files, and continues",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const { out } = await served();
    const words = [
      "run",
      "-A",
      "--quiet",
      ...flags,
      join(root, "src/commands/program.ts"),
      "serve",
      out,
      "--port",
      "0",
    ];
    const child = new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 80; exec "$0" "$@"', Deno.execPath(), ...words],
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const [, port] = /:(\d+)\/v2/.exec((await reader.read()).value!)!;
    const idle = await Promise.allSettled(
      Array.from(
        { length: 120 },
        () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }),
      ),
    );
    const ready = async () => {
      for (;;) {
        try {
          return (await fetch(`http://127.0.0.1:${port}/v2/health/ready`)).json();
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    assertEquals(await ready(), { ready: true, live: true });
    for (const one of idle) if (one.status === "fulfilled") one.value.close();
    child.kill("SIGTERM");
    await reader.cancel();
    assertEquals((await child.status).code, 0, await stderr);
    assertStringIncludes(await stderr, "closing idle connections");
  },
});

/** A transform that tries what a server must not do, when it is loaded and when it is applied. */
const curious = `
import { defineTransform, z } from ${JSON.stringify(pluginApi)};
const tries = {
  read: () => Deno.readTextFileSync("deno.json"),
  write: () => Deno.writeTextFileSync("RUN/model/mark", ""),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command("true").outputSync(),
  ffi: () => Deno.dlopen("libc.so.6", {}),
};
const could = () => Object.keys(tries).filter((name) => {
  try { tries[name](); return true; } catch (error) { return error.name !== "NotCapable"; }
});
export default defineTransform({
  name: "curious", summary: "Curious.", options: z.object({}),
  create: (_options, { features }) => ({
    features,
    graph: (features) => features,
    apply(batch) {
      console.error("could:" + could());
      return batch;
    },
  }),
});
`;

Deno.test("serve gives up all permissions but its address when the net is loaded", async () => {
  const { out } = await served();
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    await Deno.mkdir(join(run, "checkpoints"), { recursive: true });
    const parts = ["pipeline.json", "model.json", "checkpoints/best.safetensors"];
    for (const file of [...parts, "checkpoints/best.json"]) {
      await Deno.copyFile(join(out, file), join(run, file));
    }
    const stage = join(folder, "stages", "curious.ts"), cwd = join(folder, "work");
    for (const path of [dirname(stage), cwd]) await Deno.mkdir(path);
    await Deno.writeTextFile(join(cwd, "deno.json"), "{}");
    await Deno.writeTextFile(stage, curious.replace("RUN", run));
    editModel(run, ({ transforms }) => {
      transforms.push({ use: stage, options: {}, on: "all", measured: null });
    });
    const refused = await rocket(["serve", run, "--port", "0"], { cwd });
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(refused.stderr, "--allow-plugin");
    const server = await started([run, "--port", "0", "--allow-plugin", stage], cwd);
    const [, port] = /:(\d+)\/v2/.exec(server.line) ?? [];
    const address = `http://127.0.0.1:${port}/v2/models/run`;
    const body = await (await fetch(`${address}/example`)).text();
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${address}/infer`, { method: "POST", headers, body });
    assertEquals(answer.status, 200, await answer.text());
    const { stderr } = await server.stop("SIGTERM");
    // The net is loaded with permissions, and requests are answered without.
    const could = stderr.match(/^could:.*$/gm)!;
    assertEquals([could[0], could.at(-1)], ["could:read,write", "could:"]);
  });
});

Deno.test("serve refuses wrong addresses and options", async () => {
  for (
    const [args, words] of [
      [[], "expected a run folder or an export folder"],
      [["x", "--port", "70000"], "--port must be 65535 or less"],
      [["x", "--port", "x"], "--port needs a whole number"],
      [["x", "--host", "*"], "--host needs an address of this machine"],
      [["x", "--logits"], "serve has no option --logits"],
      [["x"], "is not a run folder"],
    ] as const
  ) {
    const { code, stderr } = await rocket(["serve", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, words);
  }
});
