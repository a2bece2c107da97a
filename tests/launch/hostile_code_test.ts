import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cp } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { stringify } from "yaml";
import {
  inFolder,
  launchingFrom,
  redirected,
  rocket,
  root,
  userEnvironment,
} from "../support/command_line.ts";
import { forNative } from "../support/engines.ts";
import { makeNotUtf8 } from "../support/not_utf8.ts";
import { digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";

/**
 * Output that imitates the launcher's processes: it would grant all permissions, but show others.
 */
const forged = [
  { flags: ["--allow-all"], line: "permissions: read 1 folders, no network", built: true },
  { permissions: [{ permission: "run", of: "true", why: "" }], built: true, engine: "wasm" },
].map((answer) => `console.log(${JSON.stringify(JSON.stringify(answer))});`).join("\n");

/** Code that writes marks wherever it can. */
const marks = (folder: string) => `
const tries = {
  write: () => Deno.writeTextFileSync(${JSON.stringify(join(folder, "mark"))}, ""),
  run: () => new Deno.Command("touch", { args: [${
  JSON.stringify(join(folder, "mark"))
}] }).outputSync(),
  env: () => { if (Deno.env.get("SECRET") === undefined) throw 0; },
  read: () => Deno.readTextFileSync("/etc/hostname"),
};
export const could = Object.keys(tries).filter((name) => {
  try { tries[name](); return true; } catch { return false; }
});
`;

const metric = (body: string) => `
import { defineMetric, UserError, z } from ${JSON.stringify(pluginApi)};
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => { ${body} },
});
`;

const mlp = stringify(digitsPipeline({ train: { epochs: 1, batch: 512 } }));

Deno.test("a pipeline in TypeScript gains nothing by imitating the output of the launcher's processes", async () => {
  await inFolder(async (folder) => {
    const places: unknown[] = [{ toString: null }, { file: { toString: null } }];
    const problems = [null, ...places.map((place) => ({ message: "", place }))];
    const answers = [...problems.map((problem) => ({ problems: [problem] })), {
      value: 1,
      problems: 5,
    }];
    const lies = answers.map((answer) => JSON.stringify(answer));
    const files = {
      "exits.ts": `${forged}\nDeno.exit(0);`,
      ...Object.fromEntries(
        lies.map((
          lie,
          at,
        ) => [`lie${at}.ts`, `console.log(${JSON.stringify(lie)}); Deno.exit(0);`]),
      ),
      "much.ts": `
const mebibyte = new Uint8Array(2 ** 20).fill(0x20);
for (let count = 0; count < 65; count++) {
  for (let at = 0; at < mebibyte.length;) at += Deno.stdout.writeSync(mebibyte.subarray(at));
}
export default { extends: "./base.yaml" };
`,
      "base.yaml": mlp,
      "extends.yaml": "extends: ./exits.ts\n",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    for (
      const args of [
        ...[["exits.ts"], ["extends.yaml"], ["exits.ts", "--permissions"]],
        ...[["much.ts"], ...lies.map((_, at) => [`lie${at}.ts`])],
      ]
    ) {
      const { code, stdout, stderr } = await rocket([...args, "--engine", "wasm"], { cwd: folder });
      assertEquals([code, stdout], [2, ""]);
      assertMatch(
        stderr,
        /^error: (exits|much|lie\d)\.ts ended before it had exported a pipeline\n --> \1\.ts\n hint: /,
      );
      assert(!stderr.includes("permissions:"), stderr);
    }
  });
});

Deno.test("a pipeline in TypeScript whose evaluation takes long is named", async () => {
  await inFolder(async (folder) => {
    const waits = "await new Promise((end) => setTimeout(end, 3_500));\nDeno.exit(0);\n";
    await Deno.writeTextFile(join(folder, "p.ts"), waits);
    const { code, stderr, waiting } = await rocket(["check", "p.ts"], { cwd: folder });
    assertEquals(code, 2, stderr);
    assertMatch(waiting.join(), /^still evaluating .*p\.ts: /);
    assertMatch(stderr, /^error: p\.ts ended before/);
  });
});

Deno.test("pipelines in TypeScript with large values are refused", async () => {
  await inFolder(async (folder) => {
    const large = (next: string) => `export default { ${next}name: "x".repeat(3_000_000) };\n`;
    await Deno.writeTextFile(join(folder, "p.ts"), large(`extends: "./q.ts", `));
    await Deno.writeTextFile(join(folder, "q.ts"), large(""));
    const { code, stderr } = await rocket(["check", "p.ts"], { cwd: folder });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: the values of the pipeline's files in TypeScript have more than/);
  });
});

Deno.test("a pipeline in TypeScript is evaluated in a process that can only read its project", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "base.yaml"), mlp);
    await Deno.writeTextFile(
      join(folder, "p.ts"),
      `${marks(folder)}\n${forged}
export default { extends: "./base.yaml", name: could.length === 0 ? "nothing" : could.join("-") };`,
    );
    const env = { SECRET: "s" };
    const { code, stdout } = await rocket(["p.ts", "--permissions"], { cwd: folder, env });
    assertEquals(code, 0, stdout);
    assertMatch(stdout, /^read +\S+ +the current folder/m);
    assert(!/^run /m.test(stdout), stdout);
    // In the run, the code can read the folders that the pipeline names, so it is listed there.
    const ran = await rocket(["p.ts", "--engine", "wasm", "--out", "run"], { cwd: folder, env });
    assertEquals(ran.code, 0, ran.stderr);
    assertMatch(
      ran.stderr,
      /^permissions: read \d+ folders, write \S+run, no network, no native code, no other programs/m,
    );
    const result = JSON.parse(await Deno.readTextFile(join(folder, "run", "result.json")));
    assertEquals(result.name, "nothing");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "base.yaml",
      "p.ts",
      "run",
    ]);
  });
});

Deno.test("a stage of the project cannot load code from servers, which could send them data", async () => {
  const pipeline = digitsPipeline({ metrics: [{ use: "./sends.ts" }] });
  const stage = `
import { defineMetric, z } from ${JSON.stringify(pluginApi)};
const url = "https://" + "jsr.io/secret.ts";
const told = await import(url).then(() => "sent", (error) => error.message);
await new Promise((resolve) => setTimeout(resolve, 3_500));
export default defineMetric({
  name: "m", summary: told.slice(0, 60), per: "net", options: z.object({}),
  create: () => { throw new Error(told); },
});
`;
  await withPipeline(pipeline, async (file, folder) => {
    const { code, stderr } = await rocket(["check", file, "--engine", "wasm"], { cwd: folder });
    assert(code !== 0);
    assertStringIncludes(stderr, 'Requires import access to "jsr.io:443"');
    // A module may wait forever.
    assertStringIncludes(stderr, "still loading ./sends.ts: ");
    assertMatch(stderr, /^permissions: .* no network/m);
  }, { "sends.ts": stage });
});

forNative(
  "the line says what native code lets stages of a pipeline do, built-in ones aside",
  async () => {
    const lineOf = async (pipeline: Record<string, unknown>, ...args: string[]) => {
      let line = "";
      await withPipeline(pipeline, async (file, folder) => {
        const { stderr } = await rocket(["check", file, ...args], { cwd: folder });
        line = /^permissions: .*$/m.exec(stderr)?.[0] ?? stderr;
      }, { "own.ts": metric("return { start: () => ({ add() {}, value: () => 0 }) };") });
      return line;
    };
    const own = digitsPipeline({ metrics: [{ use: "./own.ts" }] });
    const native = ["--engine", "native"];
    assertMatch(
      await lineOf(own, ...native),
      /native code of TensorFlow: plugins are not restricted, /,
    );
    assertMatch(
      await lineOf(digitsPipeline(), ...native),
      /native code of TensorFlow, no other programs/,
    );
    assertMatch(await lineOf(own, "--engine", "wasm"), /no native code, no other programs/);
  },
);

for (
  const [what, body, words] of [
    ["ends the process", "Deno.exit(0);", "the process ended before the command was complete"],
    [
      "ends the process through Deno's internals",
      "const { core } = Deno[Deno.internal]; core.ops.op_set_exit_code(64); core.ops.op_exit();",
      "the process ended before the command was complete: it ended with exit code 64",
    ],
    [
      "asks for the function by which Rocket ends",
      `import(${JSON.stringify(import.meta.resolve("../../src/commands/ending.ts"))})
         .then(({ takeEnd }) => takeEnd()(0));
       return { start: () => ({ add() {}, value: () => 0 }) };`,
      "only Rocket's own modules end the process",
    ],
    [
      "asks for the function that marks exit codes",
      `import(${JSON.stringify(import.meta.resolve("../../src/base/machine/meant_exit.ts"))})
         .then(({ takeExitCodes }) => {
           const { core } = Deno[Deno.internal];
           core.ops.op_set_exit_code(takeExitCodes()(0));
           core.ops.op_exit();
         });
       return { start: () => ({ add() {}, value: () => 0 }) };`,
      "only Rocket's own modules end the process",
    ],
    [
      "replaces methods of arrays, and ends the process",
      `for (const name of ["indexOf", "findIndex", "at", "includes", "values"]) {
         Array.prototype[name] = () => 0;
       }
       Array.prototype[Symbol.iterator] = function* () { yield 0; };
       Deno.exit(0);`,
      "the process ended before the command was complete",
    ],
    [
      "changes the exit code at the end",
      `const { exit } = Deno;
       Deno.exit = (code) => exit(code - 1);
       addEventListener("unload", () => Deno.exitCode--);
       throw new Error("no");`,
      'the metric stage "./ends.ts" failed in create(): Error: no',
    ],
    [
      "leaves a promise that is rejected later",
      String
        .raw`Promise.reject(new Error("\u001b]0;gone\u0007")); return { start: () => ({ add() {}, value: () => 0 }) };`,
      String.raw`\u{1b}]0;gone\u{7}`,
    ],
    [
      "throws in a callback",
      String
        .raw`queueMicrotask(() => { throw new Error("\u001b]0;gone\u0007") }); return { start: () => ({ add() {}, value: () => 0 }) };`,
      String.raw`\u{1b}]0;gone\u{7}`,
    ],
    [
      "leaves a promise that is rejected with what no text can be made of",
      "Promise.reject(Object.create(null)); return { start: () => ({ add() {}, value: () => 0 }) };",
      "the thrown value cannot be converted to text",
    ],
    [
      "leaves an error with an exit code that no command has",
      `Promise.reject(new UserError("seven", { exitCode: 7 }));
       return { start: () => ({ add() {}, value: () => 0 }) };`,
      "seven",
    ],
    [
      "throws an error that is its own cause",
      'const error = new Error("round"); error.cause = error; throw error;',
      'the metric stage "./ends.ts" failed in create(): Error: round',
    ],
  ] as const
) {
  Deno.test(`a stage that ${what} ends the run with an error and a non-zero exit code`, async () => {
    const pipeline = digitsPipeline({ metrics: [{ use: "./ends.ts" }], outputs: [] });
    await withPipeline(pipeline, async (file, folder) => {
      const { code, stdout, stderr } = await rocket([file, "--engine", "wasm"], { cwd: folder });
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `error: ${words}`);
      assert(!stderr.includes("    at "), stderr);
    }, { "ends.ts": metric(body) });
  });
}

for (
  const [what, body, words] of [
    ["ends the process", "Deno.exit(0)", "the process ended before the command was complete"],
    ["ends the thread", "close()", "the process ended before the command was complete"],
    [
      "ends the thread through Deno's internals",
      "Deno[Deno.internal].core.ops.op_worker_close()",
      "the process ended before the command was complete",
    ],
    [
      "ends the process through node:process",
      'import("node:process").then(({ exit }) => exit(0))',
      "the process ended before the command was complete",
    ],
    [
      "throws in a callback",
      String.raw`queueMicrotask(() => { throw new Error("\u001b]0;gone\u0007"); })`,
      String.raw`\u{1b}]0;gone\u{7}`,
    ],
    [
      "leaves a promise that is rejected",
      String.raw`Promise.reject(new Error("\u001b]0;gone\u0007"))`,
      String.raw`\u{1b}]0;gone\u{7}`,
    ],
    [
      "leaves a promise that is rejected with what no text can be made of",
      "Promise.reject(Object.create(null))",
      "the thrown value cannot be converted to text",
    ],
    [
      "sends a message in Rocket's name",
      "queueMicrotask(() => postMessage(null))",
      "only Rocket sends messages from this thread",
    ],
  ] as const
) {
  Deno.test(`a transform that ${what}, in the thread for batches, ends the run with an error`, async () => {
    const { data } = digitsPipeline() as { readonly data: object };
    const pipeline = digitsPipeline({
      data: { ...data, transforms: [{ use: "./slow.ts", on: "training" }] },
      train: { epochs: 20, batch: 32 },
      outputs: [],
    });
    // Rocket starts the thread because the batches take long.
    const slow = `
import { defineTransform, z } from ${JSON.stringify(pluginApi)};
export default defineTransform({
  name: "slow", summary: "S.", on: "training", options: z.object({}),
  create: (_, { features }) => ({ features, apply(batch) {
    for (const from = performance.now(); performance.now() - from < 15;);
    if (typeof WorkerGlobalScope !== "undefined") ${body};
    return batch;
  } }),
});
`;
    await withPipeline(pipeline, async (file, folder) => {
      const { code, stdout, stderr } = await rocket([file, "--engine", "wasm"], { cwd: folder });
      assertEquals([code, stdout], [1, ""], stderr);
      assertStringIncludes(stderr, `error: ${words}`);
      assert(!stderr.includes("    at ") && !stderr.includes("Uncaught"), stderr);
    }, { "slow.ts": slow });
  });
}

Deno.test("a module of a stage that never settles ends the run, and no code of Rocket is shown", async () => {
  const pipeline = digitsPipeline({ metrics: [{ use: "./never.ts" }], outputs: [] });
  await withPipeline(pipeline, async (file, folder) => {
    const { code, stderr } = await rocket([file, "--engine", "wasm"], { cwd: folder });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "error: the process ended before the command was complete");
    assert(!stderr.includes("/src/"), stderr);
  }, { "never.ts": `await new Promise(() => {});\n${metric("")}` });
});

Deno.test("a stage that ends the process with a signal is not reported as Ctrl-C", async () => {
  const pipeline = digitsPipeline({ metrics: [{ use: "./ends.ts" }], outputs: [] });
  await withPipeline(pipeline, async (file, folder) => {
    const args = ["check", file, "--engine", "wasm"];
    const { code, stderr } = await rocket(args, { cwd: folder });
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^error: the process ended .* complete: SIGTERM ended it$/m);
  }, { "ends.ts": metric('globalThis.process.kill(process.pid, "SIGTERM"); while (true);') });
});

/**
 * Creates a SQLite database as a crash leaves it. When SQLite recovers it, it removes the file that
 * the journal names.
 */
async function writeCrashed(database: string, removes: string): Promise<void> {
  const journal = `${database}-journal`;
  const open = new DatabaseSync(database);
  open.exec("CREATE TABLE a(x); INSERT INTO a VALUES (1); PRAGMA cache_size = 1; BEGIN");
  open.exec("CREATE TABLE b(x); INSERT INTO b VALUES (randomblob(50000)); UPDATE a SET x = 2");
  const [content, changes] = [await Deno.readFile(database), await Deno.readFile(journal)];
  open.close();
  const name = new TextEncoder().encode(removes), { length } = name;
  const numbers = new DataView(new ArrayBuffer(12));
  const [page, sum] = [2 ** 30 / 4096 + 1, name.reduce((sum, byte) => sum + byte, 0)];
  for (const [at, number] of [page, length, sum].entries()) numbers.setUint32(4 * at, number);
  const bytes = new Uint8Array(numbers.buffer);
  const end = [...bytes.subarray(0, 4), ...name, ...bytes.subarray(4), ...changes.subarray(0, 8)];
  await Deno.writeFile(database, content);
  await Deno.writeFile(journal, new Uint8Array([...changes, ...end]));
}

Deno.test("a stage on WebAssembly cannot create links or remove files by what Deno does not restrict", async () => {
  // A program for WASI that does nothing, since its functions need a memory.
  const program = "AGFzbQEAAAABBAFgAAADAgEABQMBAAIHEwIGbWVtb3J5AgAGX3N0YXJ0AAAKBAECAAs=";
  const links = `
import { WASI } from "node:wasi";
import { Worker as NodeWorker } from "node:worker_threads";
import { createRequire } from "node:module";
import net from "node:net";
import process from "node:process";
import sqlite from "node:sqlite";
import { defineMetric, z } from ${JSON.stringify(pluginApi)};
const bytes = Uint8Array.from(atob("${program}"), (one) => one.charCodeAt(0));
const { instance } = await WebAssembly.instantiate(bytes);
const link = (Class) => {
  const wasi = new Class({ version: "preview1", preopens: { "/x": "run" } });
  wasi.start(instance);
  const memory = new Uint8Array(instance.exports.memory.buffer);
  const text = (words, at) => [at, new TextEncoder().encodeInto(words, memory.subarray(at)).written];
  wasi.wasiImport.path_symlink(...text("../precious", 0), 3, ...text("link", 99));
  Deno.writeTextFileSync("run/link", "changed");
};
// Descriptor 5 is inherited, and others are pipes of Deno.
const useDescriptors = (use) => {
  const messages = new Set();
  for (let fd = 3; fd < 100; fd++) {
    try { use(fd); } catch ({ message }) { messages.add(message); continue; }
    if (fd === 5) messages.add("used");
  }
  throw new Error([...messages].filter((text) => !text.startsWith("Unsupported")).join());
};
const { internalBinding } = createRequire(import.meta.url)("internal/test/binding");
const thread = "data:application/javascript,import('node:wasi')";
const tries = [
  () => link(WASI),
  () => link(process.getBuiltinModule("wasi").WASI),
  () => link(createRequire(import.meta.url)("wasi").WASI),
  () => new Worker(thread, { type: "module" }),
  () => new NodeWorker("", { eval: true }),
  () => Reflect.construct(Worker, [thread, { type: "module" }], Object),
  () => Object.setPrototypeOf(Worker, EventTarget),
  () => sqlite.DatabaseSync.prototype.exec.call(new sqlite.DatabaseSync("run/x.db"), "SELECT * FROM a"),
  () => Object.getPrototypeOf(sqlite.DatabaseSync).prototype.exec.call(
    new sqlite.DatabaseSync("run/x.db"), "SELECT * FROM a"),
  () => sqlite.backup(
    Object.defineProperty(new sqlite.DatabaseSync("run/x.db"), "isOpen", { value: true }), "run/y.db"),
  () => navigator.gpu.requestAdapter(),
  () => useDescriptors((fd) => new net.Socket({ fd })),
  () => useDescriptors((fd) => net.createServer().on("error", () => {}).listen({ fd })),
  () => useDescriptors((fd) => new (process.binding("tty_wrap").TTY)(fd)),
  () => useDescriptors((fd) => new (internalBinding("tty_wrap").TTY)(fd)),
  () => useDescriptors((fd) => new (internalBinding("udp_wrap").UDP)().open(fd)),
  () => new (process.binding("udp_wrap").UDP)().connect("127.0.0.1", 9),
  () => new (process.binding("tcp_wrap").TCP)(1).listen(5),
  () => new Promise((resolve, reject) => {
    const socket = new net.Socket();
    socket.on("error", () => {});
    try { socket.connect({ host: "nowhere", port: 1, lookup() {} }); } catch { /* There is a handle. */ }
    const server = net.createServer().on("error", reject);
    server.listen(new socket._handle.constructor(1), resolve);
  }),
];
for (const run of tries) {
  try { await run(); console.log("done:", run); } catch (error) { console.log("refused:", error.message); }
}
export default defineMetric({
  name: "m", summary: "M.", per: "net", options: z.object({}),
  create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
});
`;
  const pipeline = digitsPipeline({ metrics: ["./links.ts"], train: { epochs: 1, batch: 512 } });
  await withPipeline(pipeline, async (file, folder) => {
    await Deno.writeTextFile(join(folder, "precious"), "stays");
    await Deno.mkdir(join(folder, "run"));
    const database = join(folder, "run", "x.db");
    await writeCrashed(database, join(folder, "precious"));
    const args = [file, "--engine", "wasm", "--out", "run"];
    const { code, stdout, stderr } = await redirected(args, "5>&1", folder);
    assertEquals(code, 0, stderr);
    assertEquals(
      stdout.match(/^refused: .*(wasi|threads|extensible|undefined|sqlite|WebGPU)/gm)?.length,
      11,
      stdout,
    );
    assertEquals(
      stdout.match(/^refused: node:net, node:dgram, and node:tty can use neither /gm)?.length,
      8,
      stdout,
    );
    assertEquals(await Deno.readTextFile(join(folder, "precious")), "stays");
    assert(![...Deno.readDirSync(join(folder, "run"))].some(({ name }) => name === "link"));
    // SQLite would have removed the file.
    using open = new DatabaseSync(database);
    open.exec("SELECT * FROM a");
    assert(![...Deno.readDirSync(folder)].some(({ name }) => name === "precious"));
  }, { "links.ts": links });
});

Deno.test("the line names what code can reach that only model.json of a run folder names", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "project", "run"), { recursive: true });
    await Deno.mkdir(join(folder, "elsewhere"));
    const cwd = join(folder, "project");
    await Deno.symlink(join(folder, "elsewhere"), join(cwd, "link"));
    const run = { pipeline: {}, variables: {}, versions: {}, data: {}, initial: {}, seed: 1 };
    const files = {
      "run/pipeline.json": JSON.stringify({ ...run, engine: "wasm", precision: "float32" }),
      "run/model.json": JSON.stringify({ transforms: [{ use: "./code.ts" }] }),
      "code.ts": "",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(cwd, name), text);
    }
    const words =
      /^permissions: read \d+ folders including \S+elsewhere, .*: plugins are not restr/;
    for (const args of [["evaluate", "run"], ["report", "run", "--out", "r.html"]]) {
      const { stderr } = await rocket(args, { cwd });
      assertMatch(stderr, words);
    }
  });
});

Deno.test("predict may write its file, and nothing else in the folder that contains it", async () => {
  await inFolder(async (folder) => {
    const args = ["predict", "run", "x.arrow", "--out", "mine/scores.csv", "--permissions"];
    const { code, stdout, stderr } = await rocket(args, { cwd: folder });
    assertEquals(code, 0, stderr);
    const [, granted = ""] = /--allow-write=([^'\s]*)/.exec(stdout) ?? [];
    const mine = granted.split(",").filter((path) => path.includes("/mine"));
    const inMine = ["scores.csv", ".scores.csv.drafts"].map((name) => join(folder, "mine", name));
    assertEquals(mine, inMine);
  });
});

Deno.test("predict does not let code write through a hard link in the place of its file", async () => {
  await inFolder(async (folder) => {
    const run = { pipeline: {}, variables: {}, versions: {}, data: {}, initial: {}, seed: 1 };
    const files = {
      "run/pipeline.json": JSON.stringify({ ...run, engine: "wasm", precision: "float32" }),
      "run/model.json": JSON.stringify({ transforms: [{ use: "./code.ts" }] }),
      "code.ts": "",
      "precious.ts": "",
    };
    await Deno.mkdir(join(folder, "run"));
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    for (const args of [["predict", "run", "x.arrow"], ["evaluate", "run"], ["report", "run"]]) {
      const out = `${args[0]}.csv`;
      await Deno.link(join(folder, "precious.ts"), join(folder, out));
      const { code, stderr } = await rocket([...args, "--out", out], { cwd: folder });
      assertEquals(code, 2);
      assertStringIncludes(stderr, `${out} is a hard link: custom code that writes to it`);
    }
  });
});

Deno.test("links in Rocket's own folder are searched if a project is in it", async () => {
  await inFolder(async (outer) => {
    const checkout = join(outer, "rocket"), received = join(checkout, "received");
    const ignored = /(^|\/)(tests|bench|docs|runs|examples|\.git)(\/|$)/;
    await cp(root, checkout, {
      recursive: true,
      filter: (path) => !ignored.test(relative(root, path)),
    });
    await Deno.mkdir(join(received, "pipelines"), { recursive: true });
    await Deno.mkdir(join(outer, "elsewhere"));
    await Deno.writeTextFile(join(received, "pipelines", "m.ts"), metric("return {};"));
    await Deno.symlink(join(outer, "elsewhere"), join(received, "link"));
    const show = async () => {
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...launchingFrom(checkout), "cli.ts", "show", "./received/pipelines/m.ts"],
        cwd: checkout,
        env: userEnvironment(),
        clearEnv: true,
        stdin: "null",
      }).output();
      return new TextDecoder().decode(stderr);
    };
    assertStringIncludes(await show(), `folders including ${join(outer, "elsewhere")}`);
    await Deno.symlink("/proc", join(received, "system"));
    assertStringIncludes(await show(), "through which code can reach any file");
  });
});

Deno.test("options beside a stage object of a pipeline in TypeScript grant access, as those of any custom stage", async () => {
  await inFolder(async (folder) => {
    const stage = `
import { defineOutput, z } from ${JSON.stringify(pluginApi)};
const options = z.object({ url: z.string(), path: z.string() });
const use = defineOutput({ name: "o", summary: "O.", options, create: () => ({}) });
const output = { use, url: "http://127.0.0.1:9/x", path: ${
      JSON.stringify(join(folder, "other", "f.txt"))
    } };
export default { extends: "./base.yaml", outputs: [use, output] };`;
    await Deno.writeTextFile(join(folder, "base.yaml"), mlp);
    await Deno.writeTextFile(join(folder, "p.ts"), stage);
    const args = ["check", "p.ts", "--engine", "wasm", "--permissions"];
    const { code, stdout, stderr } = await rocket(args, { cwd: folder });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^net +127\.0\.0\.1:9 /m);
    assertMatch(stdout, /'--allow-read=[^']*\/other[,']/);
  });
});

Deno.test("a sweep whose pipelines need more permissions than when they were checked is rejected", async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "runs", "s"), home = join(folder, "..");
    const files = {
      "base.yaml": mlp,
      "p.ts": `
const { length } = [...Deno.readDirSync(${
        JSON.stringify(folder)
      })].filter(({ name }) => name === "runs");
export default { extends: "./base.yaml", ...length > 0 && { outputs: [{
  use: "./m.ts", url: "http://localhost:9/", path: ${
        JSON.stringify(join(home, "x", "y"))
      }, key: "\${env:SECRET}",
}] } };`,
      "m.ts": `
import { defineOutput, z } from ${JSON.stringify(pluginApi)};
Deno.writeTextFileSync("runs/s/mark", "");
export default defineOutput({ name: "m", summary: "M.", options: z.looseObject({}), create: () => ({}) });
`,
      "s.yaml": stringify({ base: "p.ts", seeds: [1], settings: { a: {} }, latency: "none" }),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    const args = ["sweep", "s.yaml", "--engine", "wasm"], env = { SECRET: "s" };
    const { code, stderr } = await rocket(args, { cwd: folder, env });
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^permissions: .* no network/m);
    assertMatch(
      stderr,
      /^error: a pipeline of the sweep needs permissions that it did not need when the sweep was checked: env SECRET, net localhost:9, read \S+\/x; /m,
    );
    assert(![...Deno.readDirSync(out)].some(({ name }) => name === "mark"));
    // A folder instead of a log or a lock.
    await Deno.remove(join(out, "a", "seed-1.log"));
    for (const name of ["a/seed-1.log", ".lock"]) {
      await Deno.writeTextFile(join(folder, "p.ts"), 'export default { extends: "./base.yaml" };');
      await Deno.remove(join(out, name)).catch(() => {});
      await Deno.mkdir(join(out, name));
      const { code, stderr } = await rocket(args, { cwd: folder });
      assertEquals(code, 1, stderr);
      assertStringIncludes(
        stderr,
        `${name} cannot be written: a different kind of file or a folder already has this name`,
      );
    }
  });
});

Deno.test("the line about permissions names the targets of links in a project and in runs, if code can follow them", async () => {
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), elsewhere = join(outer, "elsewhere");
    for (const path of [elsewhere, join(folder, "deep", "in"), join(folder, "runs")]) {
      await Deno.mkdir(path, { recursive: true });
    }
    await Deno.writeTextFile(join(elsewhere, "secret"), "precious");
    await Deno.symlink("../../../elsewhere", join(folder, "deep", "in", "read"));
    await Deno.symlink(elsewhere, join(folder, "runs", "write"));
    await Deno.symlink("../deep", join(folder, "deep", "within"));
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const reads = metric('console.log(Deno.readTextFileSync("deep/in/read/secret")); throw 1;');
    await Deno.writeTextFile(join(folder, "m.ts"), reads);
    const file = join(folder, "p.yaml");
    const lineOf = async (metrics: unknown[], args: string[] = []) => {
      const pipeline = digitsPipeline({ train: { epochs: 1, batch: 512 }, metrics });
      await Deno.writeTextFile(file, stringify(pipeline));
      const { stdout, stderr } = await rocket([...args, "--engine", "wasm"], { cwd: folder });
      return [stderr.split("\n", 1)[0]!, stdout] as const;
    };
    const [line, printed] = await lineOf(["./m.ts"], ["p.yaml"]);
    assertStringIncludes(printed, "precious");
    assertStringIncludes(line, `folders including ${elsewhere}`);
    assertStringIncludes(line, `write ${join(folder, "runs")} and ${elsewhere}, no network`);
    const shown = await rocket(["show", "./m.ts"], { cwd: folder });
    assertStringIncludes(shown.stderr, `folders including ${elsewhere}, write nothing`);
    // Code could move this link, so that it leads out of the folder.
    const movable = join(folder, "runs", "a", "b", "link");
    await Deno.mkdir(dirname(movable), { recursive: true });
    await Deno.symlink("../../mine", movable);
    const [moved] = await lineOf(["./m.ts"], ["p.yaml"]);
    assertStringIncludes(
      moved,
      `error: the target of the link ${movable} contains .., so custom code`,
    );
    await Deno.remove(movable);
    await Deno.link(join(folder, "m.ts"), movable);
    const [shared] = await lineOf(["./m.ts"], ["p.yaml"]);
    assertStringIncludes(shared, `error: ${movable} is a hard link: custom code`);
    await Deno.symlink("/proc/self", join(folder, "deep", "self"));
    // An option of the stage may name the system's folder.
    for (const metric of ["./m.ts", { use: "./m.ts", a: "/proc/x" }]) {
      const [refused] = await lineOf([metric], ["check", "p.yaml"]);
      assertMatch(
        refused,
        /^error: .*self is a link to \/proc\/\d+, through which code can reach any file/,
      );
    }
    await Deno.remove(join(folder, "deep", "self"));
    await Deno.remove(movable);
    // An option may lead through a link, whose target is then one of the permissions.
    const through = { use: "./m.ts", a: "./deep/in/read/x" };
    const [named] = await lineOf([through], ["check", "p.yaml"]);
    assertStringIncludes(named, `folders including ${elsewhere}, write nothing`);
    // Deno cannot open such a folder, but follows a link to it.
    await makeNotUtf8(join(folder, "deep"));
    const [hidden] = await lineOf(["./m.ts"], ["check", "p.yaml"]);
    assertMatch(hidden, /^permissions: read \d+ folders including \S+.*deep\/bad/);
    await makeNotUtf8(join(folder, "runs"));
    const [unwritable] = await lineOf(["./m.ts"], ["p.yaml"]);
    assertMatch(unwritable, /^error: custom code must not write to .*: it cannot be searched/);
    // Rocket's own code does not follow links that the pipeline does not name.
    assert(!(await lineOf(["accuracy"], ["check", "p.yaml"]))[0].includes("elsewhere"));
  });
});
