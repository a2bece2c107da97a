import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { cacheFolder } from "../../src/base/machine/cache_folder.ts";
import { findBuilds } from "../../src/engine/native/build.ts";
import { blocks } from "../docs/documents.ts";
import { inFolder, rocket, root, userEnvironment } from "../support/command_line.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";

/** A command of an image, as a list of arguments. */
interface ImageCommand {
  readonly instruction: "RUN" | "CMD";
  readonly words: readonly string[];
}

/** The commands of Rocket in the images of docs/docker.md. */
const images: readonly (readonly ImageCommand[])[] = blocks
  .filter(({ path, language }) => path === "docs/docker.md" && language === "dockerfile")
  .map(({ text }) =>
    Array.from(text.matchAll(/^(RUN|CMD) (.*)$/gm), ([, instruction, command]): ImageCommand => ({
      instruction: instruction as ImageCommand["instruction"],
      words: command!.startsWith("[") ? JSON.parse(command!) : command!.split(" "),
    })).filter(({ words }) => words[0] === "deno")
  );

/** Rows with a number, a text, and a date. */
const rows = "user,price,day,clicked\n" +
  Array.from(
    { length: 60 },
    (_, row) =>
      `u${row % 5},${row % 7 / 2},2026-11-${String(1 + row % 30).padStart(2, "0")},${row % 2}\n`,
  )
    .join("");

const pipeline = `
name: clicks
data:
  all: { use: csv, path: rows.csv }
  split: { test: 0.3 }
  features: rest
  prepare: auto
  label: { column: clicked, kind: binary }
network: { use: ctr, light: { hidden: [2] }, booster: { hidden: [4] } }
losses:
  - { use: binary-cross-entropy, on: light }
  - { use: binary-cross-entropy, on: booster }
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 1, batch: 8 }
`;

/** Starts commands with the package from a registry of this machine, instead of in a container. */
class Container {
  readonly #registry: LoopbackRegistry;
  readonly #folder: string;

  constructor(registry: LoopbackRegistry, folder: string) {
    this.#registry = registry;
    this.#folder = folder;
  }

  start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: words.slice(1),
      cwd: this.#folder,
      env: userEnvironment({ ...this.#registry.environment, ...env }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs a command that has to succeed, and returns what it printed. */
  async done(
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.start(words, env).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, `${words.join(" ")}\n${text}`);
    return text;
  }
}

Deno.test("the commands of the images in docs/docker.md predict, serve, set up the engine, and train", async (t) => {
  await using registry = new LoopbackRegistry();
  await registry.publish(root);
  await inFolder(async (folder) => {
    const container = new Container(registry, folder);
    await Deno.writeTextFile(join(folder, "rows.csv"), rows);
    await Deno.writeTextFile(join(folder, "pipeline.yaml"), pipeline);
    const [serving, training] = images as [readonly ImageCommand[], readonly ImageCommand[]];
    const place = (words: readonly string[]) =>
      words.map((word) => word.replace(/^\/(?:tmp|runs)\b/, folder));
    await t.step("an image that trains", async () => {
      const [native, run] = training;
      assertEquals(training.map(({ instruction }) => instruction), ["RUN", "CMD"]);
      // Without a build, the command would download TensorFlow.
      if ((await findBuilds(cacheFolder(), undefined)).length > 0) {
        const printed = await container.done(native!.words, { ROCKET_CACHE: cacheFolder() });
        assertMatch(printed, /^now +already built/m);
      }
      await container.done([...place(run!.words), "--engine", "wasm", "--quiet"]);
      const resume = run!.words.slice(0, run!.words.lastIndexOf("run"));
      const again = ["resume", join(folder, "clicks"), "--engine", "wasm", "--epochs", "2"];
      await container.done([...resume, ...again, "--quiet"]);
    });
    await t.step("an image that answers over HTTP, until docker stop", async () => {
      const exported = ["export", "clicks", "--format", "onnx", "--out", "clicks-net"];
      const { code, stderr } = await rocket(exported, { cwd: folder });
      assertEquals(code, 0, stderr);
      const [predict, serve] = serving;
      assertEquals(serving.map(({ instruction }) => instruction), ["RUN", "CMD"]);
      await container.done(place(predict!.words));
      const child = container.start([...serve!.words, "--port", "0"]);
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const errors = new Response(child.stderr).text();
      const { value = "" } = await reader.read();
      const [, port] = /:(\d+)/.exec(value) ?? [];
      const ready = await fetch(`http://127.0.0.1:${port}/v2/health/ready`);
      await ready.body?.cancel();
      assertEquals(ready.status, 200);
      child.kill("SIGTERM");
      await reader.cancel();
      assertEquals((await child.status).code, 0, await errors);
    });
  });
});
