import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { cacheFolder } from "../../src/base/machine/cache_folder.ts";
import { findBuilds } from "../../src/engine/native/build.ts";
import { type Ended, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { LoopbackRegistry } from "../support/loopback_registry.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const cli = "deno run -A jsr:@rocket-launching/rocket/cli";

/** As a user starts it in a folder of someone else. */
const alone = cli.replace("-A", "--no-config -A");

/** A user of the published package, who has neither the repository nor anything in a cache. */
class User {
  readonly #registry: LoopbackRegistry;

  constructor(registry: LoopbackRegistry, readonly folder: string) {
    this.#registry = registry;
  }

  /** Makes a command of a shell, such as `deno task rocket list`. */
  command(line: string, env: Readonly<Record<string, string>> = {}): Deno.Command {
    const [, ...args] = line.split(" ");
    return new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.folder,
      env: userEnvironment({ ...this.#registry.environment, ...env }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(line: string, env?: Readonly<Record<string, string>>): Promise<Ended> {
    const { code, stdout, stderr } = await this.command(line, env).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** Runs a command that has to succeed, and returns what it printed. */
  async done(line: string, env?: Readonly<Record<string, string>>): Promise<Ended> {
    const ended = await this.run(line, env);
    assertEquals(ended.code, 0, `${line}\n${ended.stdout}\n${ended.stderr}`);
    return ended;
  }

  async write(files: Readonly<Record<string, unknown>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await Deno.mkdir(join(this.folder, name, ".."), { recursive: true });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(join(this.folder, name), text);
    }
  }
}

/** Tries what only the launcher's permissions allow, and throws if something succeeds. */
const metric = `
import { defineMetric, z } from "@rocket-launching/rocket/plugin";
const tries = {
  net: async () => await fetch("http://127.0.0.1:8123/"),
  code: async () => await import("http://127.0.0.1:8123/x.ts"),
  run: async () => await new Deno.Command("true").output(),
  write: async () => await Deno.writeTextFile(new URL("mark", import.meta.url), ""),
};
const could = [];
for (const [name, attempt] of Object.entries(tries)) {
  await attempt().then(() => could.push(name), (error) => {
    if (!(error instanceof Deno.errors.NotCapable) && !/Requires import access|cached-only/.test(error.message)) could.push(name + error);
  });
}
if (could.length > 0) throw new Error(could.join());
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
});
`;

/** A package of somebody else's. */
const half = {
  "half/deno.json": {
    name: "@someone/half",
    version: "1.0.0",
    license: "MIT",
    exports: "./mod.ts",
    imports: { "@rocket-launching/rocket": "jsr:@rocket-launching/rocket@^0.1.0" },
  },
  "half/mod.ts":
    `import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";

const half: ScheduleStage = defineSchedule({
  name: "half",
  summary: "Half of the rate.",
  options: z.object({ of: z.number().default(1) }),
  create: ({ of }) => () => of / 2,
});
export default half;
`,
};

const pipeline = digitsPipeline({
  optimizer: { use: "sgd", learningRate: 0.05, schedule: { use: "jsr:@someone/half" } },
  metrics: ["accuracy", { use: "./own.ts" }],
  train: { epochs: 1, batch: 512 },
  outputs: ["checkpoint"],
});

const project = {
  "deno.json": {
    imports: { "@rocket-launching/rocket": "jsr:@rocket-launching/rocket@^0.1.0" },
    tasks: { rocket: cli },
    rocket: { allowPlugins: ["jsr:@someone/half"] },
  },
  "own.ts": metric,
  "p.yaml": pipeline,
  "s.yaml": "base: ./p.yaml\nseeds: [1]\nsettings: { a: {} }\nlatency: none\n",
};

const program = `import { loadModel } from "@rocket-launching/rocket/model";
import { checkPipeline, definePipeline } from "@rocket-launching/rocket";
import { tf } from "@rocket-launching/rocket/plugin";
import { checkStage } from "@rocket-launching/rocket/testing";
import half from "jsr:@someone/half";

const pipeline = definePipeline(${JSON.stringify({ ...pipeline, metrics: ["accuracy"] })});
const { problems } = await checkPipeline(pipeline, { engine: "wasm", allowPlugins: ["jsr:@someone/half"] });
await using model = await loadModel("run");
await checkStage(half);
console.log(tf.version_core, problems.length, model !== undefined);
`;

Deno.test("a user of the published package, without the repository and with empty caches", async (t) => {
  await using registry = new LoopbackRegistry();
  const published = await registry.publish(root);
  await inFolder(async (folder) => {
    const user = new User(registry, folder);
    await t.step("creates a stage in an empty folder, and runs what `new` proposes", async () => {
      const { stdout } = await user.done(`${cli} new loss my_loss.ts`);
      const [, run] = /^run it: +(.*)$/m.exec(stdout)!, [, test] = /^test it: (.*)$/m.exec(stdout)!;
      assertEquals([run, test], [`${cli} my_loss.yaml`, "deno test -A my_loss_test.ts"]);
      // The types are checked by the test of a linked checkout.
      await user.done(test!.replace("-A", "-A --no-check"));
      const { stderr } = await user.done(`${run} --engine wasm --epochs 1`);
      assertMatch(stderr, /^permissions: read .*, no network, no native code, no other programs/m);
      // Without a lock file, a process would look for the newest version of a package, and not for
      // the one that was downloaded because another package needs it.
      const records = join(registry.environment.ROCKET_CACHE!, "fetched");
      const names = [...Deno.readDirSync(records)].map(({ name }) => name);
      assert(names.length > 0);
      for (const name of names) {
        const { lock } = JSON.parse(await Deno.readTextFile(join(records, name)));
        assertMatch(lock, /"npm:apache-arrow@/);
      }
    });
    await t.step("a deno.json replaces no module of a command without custom code", async () => {
      const { metrics: _, optimizer: __, ...rest } = pipeline as Record<string, unknown>;
      await user.write({
        "deno.json": { imports: { "npm:yaml@^2.8.0": "./mine.ts" } },
        "mine.ts": `console.error("was replaced");\nexport * from "npm:yaml@2.8.0";\n`,
        "plain.yaml": {
          ...rest,
          optimizer: { use: "sgd", learningRate: 0.05 },
          metrics: ["accuracy"],
        },
      });
      const { stderr } = await user.done(`${alone} check plain.yaml --engine wasm`);
      assertStringIncludes(stderr, "no custom code");
      assert(!stderr.includes("was replaced"), stderr);
    });
    await t.step("a deno.json has no effect on commands without custom code", async () => {
      const requests: string[] = [];
      await using server = Deno.serve({ port: 0, onListen() {} }, ({ url }) => {
        requests.push(url);
        return new Response(null, { status: 404 });
      });
      const { version } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
      const elsewhere = await Deno.makeTempDir();
      await Deno.symlink(elsewhere, join(folder, "vendor"));
      await user.write({
        "deno.json": {
          imports: { [`jsr:@rocket-launching/rocket@${version}/cli`]: "./mine.ts" },
          vendor: true,
        },
        ".npmrc": `registry=http://127.0.0.1:${server.addr.port}/\${SECRET}/\n`,
        "mine.ts": `Deno.writeTextFileSync("was-replaced", "");\n`,
        "sweep.yaml": "base: ./plain.yaml\nseeds: [1]\nsettings: { a: {} }\nlatency: none\n",
      });
      for (const command of ["plain.yaml --out done", "sweep sweep.yaml --out swept"]) {
        await user.done(`${alone} ${command} --engine wasm`, { SECRET: "hunter2" });
      }
      await Deno.stat(join(folder, "swept", "table.md"));
      assertEquals([...Deno.readDirSync(elsewhere)], []);
      assertEquals(requests, []);
      assert(![...Deno.readDirSync(folder)].some(({ name }) => name === "was-replaced"));
      await Deno.remove(elsewhere);
    });
  });
  await inFolder(async (folder) => {
    const user = new User(registry, folder);
    await user.write({ ...half, ...project });
    await registry.publish(join(folder, "half"));
    await Deno.remove(join(folder, "half"), { recursive: true });
    await t.step(
      "runs a pipeline with a stage of a package and a restricted own stage",
      async () => {
        const { stderr } = await user.done("deno task rocket p.yaml --engine wasm --out run");
        assertMatch(
          stderr,
          /^permissions: .*, write \S*run, network 127\.0\.0\.1:\d+, no native code/m,
        );
        const { metrics } =
          JSON.parse(await Deno.readTextFile(join(folder, "run/result.json"))).test;
        assertEquals(metrics, undefined);
        const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
        assertEquals(names, ["deno.json", "deno.lock", "own.ts", "p.yaml", "run", "s.yaml"]);
        // The packages of a run are not those of the project.
        const lock = await Deno.readTextFile(join(folder, "deno.lock"));
        assert(!lock.includes("npm:"), lock);
      },
    );
    await t.step("a stage finds no data of an earlier run, and no unstable features", async () => {
      const stage = metric.replace(
        /const tries[^]*?join\(\)\);\n/,
        () =>
          `if (localStorage.getItem("a") !== null) throw new Error("an earlier run left data");
localStorage.setItem("a", "left");
if (Deno.bundle || Deno.openKv || Deno.cron) throw new Error("unstable");
`,
      );
      const config = { ...project["deno.json"], unstable: ["bundle", "kv", "cron"] };
      await user.write({
        "deno.json": config,
        "own.ts": stage,
        "q.yaml": { ...pipeline, metrics: ["accuracy", "./own.ts"] },
      });
      for (const out of ["first", "second"]) {
        await user.done(`deno task rocket q.yaml --engine wasm --out ${out}`);
      }
      await user.write(project);
    });
    await t.step(
      "does not use a deno.json, an import map, or a lock of written folders",
      async () => {
        const { stderr } = await user.run(`${cli} check p.yaml --engine wasm`);
        assert(!stderr.includes("is not used"), stderr);
        const inner = new User(registry, join(folder, "inner"));
        await user.write({
          "first/deno.json": { imports: { yaml: "npm:leaked@1" } },
          "first/map.json": { imports: { yaml: "npm:leaked@1" } },
          "first/deno.lock": { version: "5", specifiers: { "npm:leaked@1": "1.0.0" } },
          "inner/deno.json": { importMap: "../first/map.json" },
        });
        await Deno.symlink("../first/deno.lock", join(inner.folder, "deno.lock"));
        const command = `${alone} check ${join(folder, "p.yaml")} --engine wasm`;
        const first = await new User(registry, join(folder, "first")).run(command);
        assertMatch(
          first.stderr,
          /first\/deno\.json is not used, because plugins may have written it/,
        );
        const outer = await inner.run(command);
        assertMatch(outer.stderr, /inner\/deno\.lock is not used, because plugins may/);
        assertMatch(outer.stderr, /first\/map\.json is not used, because plugins may/);
        for (const { stderr } of [first, outer]) assert(!/leaked/.test(stderr), stderr);
        await Deno.remove(inner.folder, { recursive: true });
      },
    );
    await t.step(
      "a deno.json replaces no module of Rocket in a command with custom code",
      async () => {
        const { imports: own } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
        const rocket = `${registry.environment.JSR_URL}@rocket-launching/rocket/`;
        const replaced = {
          ...Object.fromEntries(Object.values(own).map((one) => [one, "./evil.ts"])),
          [`${rocket}0.1.0/src/base/machine/restrict_thread.ts`]: "./evil.ts",
          "node:fs": "./evil.ts",
          "zod": "npm:zod@^4.1.0",
        };
        const { imports } = project["deno.json"];
        await user.write({
          "deno.json": {
            imports: { ...replaced, ...imports },
            scopes: { [rocket]: replaced, [registry.environment.JSR_URL!]: replaced },
          },
          "evil.ts": `Deno.mkdirSync("evil", { recursive: true }); throw new Error("evil");`,
          "good.ts": `import { z } from "zod";\nimport "zod/mini";\nz.object({});\n${metric}`
            .replace("z }", "z as rocketsZod }").replace("z.object({})", "rocketsZod.object({})"),
          "q.yaml": {
            ...pipeline,
            optimizer: { use: "sgd", learningRate: 0.05 },
            metrics: ["./good.ts"],
          },
        });
        await user.done(`${alone} q.yaml --engine wasm --out third`);
        await user.write({ "good.ts": `import "node:fs";\n${metric}` });
        const { stderr } = await user.run(`${alone} check q.yaml --engine wasm`);
        assertMatch(stderr, /\.\/good\.ts.*evil/);
        await user.write(project);
      },
    );
    await t.step("refuses code from outside the project", async () => {
      await user.write({ "q.yaml": { ...pipeline, metrics: [{ use: "../own.ts" }] } });
      const { code, stderr } = await user.run("deno task rocket check q.yaml --engine wasm");
      assertEquals(code, 2);
      assertStringIncludes(stderr, "../own.ts is code from outside the project's folder");
    });
    await t.step("resumes a run, by the command of the project in the message", async () => {
      await user.done("deno task rocket resume run --engine wasm --epochs 2 --quiet");
      const { code, stderr } = await user.run("deno task rocket predict run");
      assertEquals(code, 2);
      assertStringIncludes(stderr, "hint: deno task rocket help predict shows how");
    });
    await t.step("runs a sweep", async () => {
      await user.done("deno task rocket sweep s.yaml --engine wasm --out swept");
      const table = await Deno.readTextFile(join(folder, "swept/table.md"));
      assertStringIncludes(table, "| a ");
    });
    await t.step("predicts, exports and serves", async () => {
      const rows = join(root, "data", "digits-test.arrow");
      await user.done(`deno task rocket predict run ${rows} --out p.parquet`);
      await user.done(`deno task rocket export run --format onnx --out net`);
      const child = user.command("deno task rocket serve net --port 0").spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const { value = "" } = await reader.read();
      const [address] = /http:\S+?(?=\/models)/.exec(value) ?? [];
      assert(address, `${value} ${value === "" ? await new Response(child.stderr).text() : ""}`);
      const ready = await fetch(`${address}/models/net/ready`);
      await ready.body?.cancel();
      assertEquals(ready.status, 200);
      child.kill("SIGTERM");
      await reader.cancel();
      await new Response(child.stderr).text();
      await child.status;
    });
    await t.step("imports each entry point of the package", async () => {
      await user.write({ "main.ts": program });
      const { stdout } = await user.done("deno run -A --quiet main.ts");
      assertEquals(stdout, "4.22.0 0 true\n");
    });
    const [build] = await findBuilds(cacheFolder(), undefined);
    // The example of the command `native` in docs/reference/commands.md.
    await t.step({
      name: "finds the native engine that was set up",
      ignore: build === undefined,
      async fn() {
        const env = { ROCKET_CACHE: cacheFolder() };
        const { stdout } = await user.done("deno task rocket native", env);
        assertMatch(stdout, /^now +already built/m);
        const { stderr } = await user.done("deno task rocket check p.yaml --engine native", env);
        assertMatch(stderr, /native code of TensorFlow/);
      },
    });
  });
  await t.step("reads documents whose links and pictures are in the package", () => {
    const files = [...published.files.keys()],
      text = (path: string) => new TextDecoder().decode(published.files.get(path));
    for (
      const path of [
        "/README.md",
        ...Object.values(published.exports).map((one) => one.slice(1)),
      ]
    ) {
      for (const [, link] of text(path).matchAll(/(?:\]\(|(?:src|srcset|href)=")([^)"\s]+)/g)) {
        const target = new URL(link!, `file://${path}`);
        if (target.protocol !== "file:" || link!.startsWith("#")) continue;
        const isThere = files.some((one) =>
          one === target.pathname || one.startsWith(target.pathname.replace(/\/?$/, "/"))
        );
        assert(isThere, `${path} links to ${link}, which is not published`);
      }
    }
  });
  await t.step("downloads a package below 2 MB, without tests and tools", () => {
    assert(published.uploaded < 2_000_000, `${published.uploaded} bytes`);
    const others = [...published.files.keys()].filter((path) =>
      /^\/(\.|tests\/|data\/.*\.ts$|bench\/.*\.(ts|py)$|src\/(tools|launch\/compat)\/)/.test(path)
    );
    assertEquals(others, []);
  });
});
