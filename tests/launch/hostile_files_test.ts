import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { inFolder, launched, rocket, root } from "../support/command_line.ts";
import { formats } from "../support/formats.ts";
import { digitsPipeline, pluginApi, withPipeline } from "../support/pipelines.ts";

const mlp = stringify(digitsPipeline({ train: { epochs: 1, batch: 512 } }));

Deno.test("paths with commas and line breaks are read and written correctly and cannot forge output", async () => {
  await inFolder(async (outer) => {
    const folder = join(outer, "a, b,,c\npermissions: none");
    await Deno.mkdir(folder);
    await Deno.writeTextFile(join(folder, "p.yaml"), mlp);
    const ran = await rocket(["p.yaml", "--engine", "wasm", "--out", "r,1"], { cwd: folder });
    assertEquals(ran.code, 0, ran.stderr);
    assertEquals(ran.stderr.match(/^permissions: /gm)?.length, 1, ran.stderr);
    assertMatch(ran.stderr, /, write "[^"]+[/\\]r,1", no network/);
    const again = await rocket(["resume", "r,1", "--epochs", "2"], { cwd: folder });
    assertEquals(again.code, 0, again.stderr);
    const { stdout } = await rocket(["p.yaml", "--permissions"], { cwd: folder });
    assertStringIncludes(stdout, "deno run -P");
    assertEquals(
      JSON.parse(stdout.slice(stdout.indexOf("\n{"))).permissions.default.run,
      undefined,
    );
    assert(!/^permissions: none/m.test(stdout), stdout);
    // Paths and permission files cannot contain an unpaired surrogate.
    const set = ["--set", 'data.train.path="\\ud800.arrow"'];
    const half = await rocket(["p.yaml", "--engine", "wasm", ...set], { cwd: folder });
    assertEquals(half.code, 2, half.stderr);
    assertMatch(half.stderr, /^error: "\\ud800.arrow" is not valid Unicode: .*\n --> --set data/);
  });
});

Deno.test("code that a file names after the line about permissions was printed is not loaded", async () => {
  const plain = digitsPipeline({ outputs: [] }),
    words = "./m.ts is custom code, but no file of this command named custom code";
  await withPipeline(plain, async (file, folder) => {
    // The change must happen between the launcher's two reads of the file.
    for (let tries = 1;; tries++) {
      await Deno.writeTextFile(file, stringify(plain));
      const args = ["check", file, "--engine", "wasm"];
      const command = launched("cli.ts", args, { cwd: folder }).spawn();
      const printed = new Response(command.stdout).text();
      let told = "";
      for await (const text of command.stderr.pipeThrough(new TextDecoderStream())) {
        told += text;
        if (!told.includes("no custom code")) continue;
        await Deno.writeTextFile(file, stringify({ ...plain, metrics: ["./m.ts"] }));
      }
      assertEquals(await printed.then((text) => text.includes("was loaded")), false);
      const { code } = await command.status;
      if (told.includes(words)) return assertEquals(code, 2);
      assert(tries < 5, told);
    }
  }, { "m.ts": 'console.log("was loaded");' });
});

Deno.test("evaluate names the hosts and the home folder of the pipeline in a run folder", async () => {
  await inFolder(async (folder) => {
    const pipeline = {
      data: {
        train: { use: "arrow", path: "/rows.arrow" },
        test: {
          ...{ use: "arrow", path: "http://localhost:9/rows.arrow" },
        },
      },
    };
    const run = { pipeline, variables: {}, versions: {}, engine: "wasm", precision: "float32" };
    await Deno.mkdir(join(folder, "run"));
    await Deno.writeTextFile(
      join(folder, "run", "pipeline.json"),
      JSON.stringify({ ...run, data: {}, initial: {}, seed: 1 }),
    );
    const { stderr } = await rocket(["evaluate", "run"], { cwd: folder });
    assertMatch(stderr, /^permissions: read \d+ folders including \/, .*network localhost:9, /);
  });
});

Deno.test("a run folder is data: resume loads no code from it and extends no files in it", async () => {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 512 }, outputs: ["checkpoint"] });
  await withPipeline(pipeline, async (file, folder) => {
    const run = join(folder, "run"), path = join(run, "pipeline.json");
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const made = await rocket([file, "--engine", "wasm", "--out", "run"], { cwd: folder });
    assertEquals(made.code, 0, made.stderr);
    await Deno.writeTextFile(join(run, "mark.ts"), `Deno.writeTextFileSync("run/mark", "");`);
    const text = JSON.parse(await Deno.readTextFile(path));
    const refused = async (changes: Record<string, unknown>, words: string) => {
      const changed = { ...text, pipeline: { ...text.pipeline, ...changes } };
      await Deno.writeTextFile(path, JSON.stringify(changed));
      const { code, stderr } = await rocket(["resume", "run", "--epochs", "2"], { cwd: folder });
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, words);
    };
    await refused(
      { extends: join(run, "mark.ts") },
      "pipeline.json is damaged: it does not have the content that a run writes to this file",
    );
    const outputs = [{ use: join(run, "mark.ts") }];
    await refused({ outputs }, "is code from outside the project's folder");
    assert(![...Deno.readDirSync(run)].some(({ name }) => name === "mark"));
    // Code that came with the run folder, in the folder where the user unpacked both.
    await Deno.mkdir(join(folder, "sent"));
    await Deno.rename(run, join(folder, "sent", "run"));
    await Deno.rename(join(folder, "sent", "run", "mark.ts"), join(folder, "sent", "mark.ts"));
    const sent = { ...text.pipeline, outputs: [{ use: "./sent/mark.ts" }] };
    await Deno.writeTextFile(
      join(folder, "sent", "run", "pipeline.json"),
      JSON.stringify({ ...text, project: "/home/sender", pipeline: sent }),
    );
    const { code, stderr } = await rocket(["resume", "sent/run", "--epochs", "2"], { cwd: folder });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "sent/mark.ts is code from outside the project's folder");
  });
});

Deno.test("an environment variable is named, is not sent to servers, and is not written to the run's files", async () => {
  const secret = "s3cr3t", env = { ROCKET_TEST_KEY: secret };
  const pipeline = digitsPipeline({
    data: {
      ...digitsPipeline().data as object,
      transforms: [{
        ...{ use: "./keyed.ts", key: "${env:ROCKET_TEST_KEY}", text: "$${env:HOME}" },
        ...{ made: "k-${env:ROCKET_TEST_KEY}", pair: ["a", "${env:ROCKET_TEST_KEY}"] },
      }],
    },
    train: { epochs: 1, batch: 512 },
    outputs: ["checkpoint", { use: "./told.ts", key: "key=${env:ROCKET_TEST_KEY}" }],
  });
  const keyed = `
import { defineTransform, z } from ${JSON.stringify(pluginApi)};
export default defineTransform({
  name: "keyed", summary: "K.", on: "all",
  options: z.object({
    key: z.literal(${JSON.stringify(secret)}), text: z.literal("\${env:HOME}"),
    made: z.string().transform((raw) => ({ raw, up: raw.toUpperCase(), parts: raw.split("-") })),
    pair: z.tuple([z.string(), z.string()]).transform(([key, value]) => ({ [value]: key, value })),
  }),
  create: (_options, { features }) => ({ features, apply: (batch) => batch }),
});
`;
  const told = `
import { defineOutput, z } from ${JSON.stringify(pluginApi)};
export default defineOutput({
  name: "told", summary: "T.", options: z.object({ key: z.literal("key=${secret}") }),
  create: () => ({}),
});
`;
  await withPipeline(pipeline, async (file, folder) => {
    const run = await rocket([file, "--engine", "wasm", "--out", "run"], { cwd: folder, env });
    assertEquals(run.code, 0, run.stderr);
    assertMatch(run.stderr, /^permissions: .*, variable ROCKET_TEST_KEY, no network/m);
    const again = await rocket(["resume", "run", "--epochs", "2"], { cwd: folder, env });
    assertEquals(again.code, 0, again.stderr);
    assertMatch(again.stderr, /^permissions: .*, variable ROCKET_TEST_KEY, no network/m);
    const rows = join(root, "data", "digits-test.arrow");
    const predict = ["predict", "run", rows, "--out", "scores.csv", "--engine", "wasm"];
    const predicted = await rocket(predict, { cwd: folder, env });
    assertEquals(predicted.code, 0, predicted.stderr);
    assertMatch(predicted.stderr, /^permissions: .*, variable ROCKET_TEST_KEY, no network/m);
    const path = join(folder, "run", "pipeline.json"), text = await Deno.readTextFile(path);
    assertStringIncludes(text, '"${env:ROCKET_TEST_KEY}"');
    assertStringIncludes(text, '"key=${env:ROCKET_TEST_KEY}"');
    assertStringIncludes(text, '"$${env:HOME}"');
    for (const name of await readdir(join(folder, "run"), { recursive: true })) {
      const path = join(folder, "run", name);
      if (!(await Deno.stat(path)).isFile) continue;
      const content = new TextDecoder().decode(await Deno.readFile(path));
      assert(!content.toLowerCase().includes(secret), path);
    }
    // A run folder from another person has no more permissions than a pipeline.
    const url = "http://localhost:9/${env:ROCKET_TEST_KEY}";
    const changed = JSON.parse(text);
    changed.pipeline.data.train.path = url;
    await Deno.writeTextFile(path, JSON.stringify(changed));
    for (
      const args of [
        ["resume", "run", "--epochs", "3"],
        [file, "--set", `data.train.path=${url}`],
        [file, "--set", `data.train.path=${url}`, "--permissions"],
        [file, "--set", 'outputs=[{ use: "npm:left-${env:ROCKET_TEST_KEY}" }]'],
      ]
    ) {
      const { code, stdout, stderr } = await rocket(args, { cwd: folder, env });
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(
        stderr,
        "error: the environment variable ROCKET_TEST_KEY is part of an address",
      );
      assert(!stderr.includes(secret), stderr);
    }
    const args = ["check", file, "--set", `data.train.path=${url}`, "--engine", "wasm"];
    const allowed = await rocket([...args, "--allow-env", "ROCKET_TEST_KEY"], { cwd: folder, env });
    assertMatch(allowed.stderr, /, variable ROCKET_TEST_KEY, network localhost:9,/);
  }, { "keyed.ts": keyed, "told.ts": told });
});

Deno.test("a query writes nothing, not even to the target of a link among the tables", async () => {
  const query = "SELECT x, y FROM t, enable_profiling(save_location='FOLDER/a.txt')";
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), precious = join(outer, "precious.txt");
    await Deno.mkdir(folder);
    await Deno.writeTextFile(precious, "x,y\n1,0\n2,1\n");
    await Deno.symlink(precious, join(folder, "a.txt"));
    const source = { use: "sql", tables: { t: "a.txt" }, query: query.replace("FOLDER", folder) };
    const pipeline = {
      ...digitsPipeline(),
      data: { train: source, test: source, features: { x: { column: "x" } }, label: "y" },
    };
    await Deno.writeTextFile(join(folder, "p.yaml"), JSON.stringify(pipeline));
    const { code, stderr } = await rocket(["p.yaml", "--engine", "wasm"], { cwd: folder });
    assertEquals(code, 1, stderr);
    assertStringIncludes(
      stderr,
      "error: the query cannot be run at line 1, column 21: it calls enable_profiling, but a query may only read data",
    );
    assertEquals(await Deno.readTextFile(precious), "x,y\n1,0\n2,1\n");
  });
});

Deno.test("a sweep writes nothing through links in its folder that replace logs and locks", async () => {
  const precious = "stays\n";
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), target = join(outer, "precious");
    const settings = join(folder, "runs", "s");
    await Deno.mkdir(join(settings, "a"), { recursive: true });
    await Deno.writeTextFile(target, precious);
    await Deno.writeTextFile(join(folder, "base.yaml"), mlp);
    const sweep = { base: "base.yaml", seeds: [1], settings: { a: {} }, latency: "none" };
    await Deno.writeTextFile(join(folder, "s.yaml"), stringify(sweep));
    const refused = async (link: string, words: string, ...args: string[]) => {
      const path = join(settings, link);
      await Deno.symlink(target, path);
      const { code, stderr } = await rocket(
        ["sweep", "s.yaml", "--engine", "wasm", ...args],
        { cwd: folder },
      );
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, words);
      await Deno.remove(path);
    };
    await refused("a/seed-1.log", "seed-1.log is a link that leads out of");
    const pipe = join(settings, "a/seed-1.lock");
    new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
    const piped = await rocket(["sweep", "s.yaml", "--engine", "wasm"], { cwd: folder });
    assertEquals(piped.code, 2, piped.stderr);
    assertStringIncludes(piped.stderr, "a/seed-1.lock is not a regular file");
    await Deno.remove(pipe);
    // Text appended to a log with a hard link would change the other file too.
    await Deno.link(target, join(settings, "a/seed-1.log"));
    const { code } = await rocket(["sweep", "s.yaml", "--engine", "wasm"], { cwd: folder });
    assertEquals(code, 1);
    await Deno.remove(join(settings, "a/seed-1.log"));
    await refused("a/seed-1.lock", "a/seed-1.lock leads out of the folder", "--only", "a/seed-1");
    assertEquals(await Deno.readTextFile(target), precious);
    assertEquals([...Deno.readDirSync(outer)].map(({ name }) => name).sort(), [
      "precious",
      "project",
    ]);
  });
});

Deno.test("texts that are not paths grant no read permission, and folders that contain the home folder are named", async () => {
  const data = digitsPipeline().data as object;
  const pipeline = digitsPipeline({
    $schema: "/x",
    name: "/etc/passwd",
    data: { ...data, features: { image: { column: "/usr/lib" } }, label: "/opt/y" },
    metrics: [{ use: "accuracy", name: "/var/z" }],
  });
  await withPipeline(pipeline, async (file, folder) => {
    const { stdout } = await rocket([file, "--permissions"], { cwd: folder });
    for (const one of ["/", "/etc", "/usr", "/usr/lib", "/opt", "/var"]) {
      assert(!new RegExp(`^read +${one} `, "m").test(stdout), stdout);
    }
    const set = ["--set", "data.test.path=/rows.arrow"];
    const args = ["check", file, "--engine", "wasm", ...set];
    const { stderr } = await rocket(args, { cwd: folder });
    assertMatch(stderr, /^permissions: read \d+ folders including \/, write /m);
    for (const use of ["https://*.example.org/m.ts", "https://%2a/m.ts", "http://a*b:80/"]) {
      for (const set of [`outputs=[{ use: "${use}" }]`, `data.train.path=${use}`]) {
        const { code, stdout, stderr } = await rocket([file, "--permissions", "--set", set], {
          cwd: folder,
        });
        assertEquals([code, stdout], [2, ""]);
        assertMatch(stderr, /^error: ".*\*.*" is not a host name or an IP address$/m);
      }
    }
  });
});

Deno.test("pipes and devices instead of files are rejected without waiting", async () => {
  const initial = { light: { file: "pipe.safetensors" } };
  const pipeline = digitsPipeline({ network: { use: "mlp", light: [4], booster: [4], initial } });
  await withPipeline(pipeline, async (file, folder) => {
    for (const name of ["pipe.safetensors", "pipe.ts", "run/pipeline.json", "other/model.json"]) {
      await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
      new Deno.Command("mkfifo", { args: [join(folder, name)] }).outputSync();
    }
    const ends = async (words: string, ...args: string[]) => {
      const { code, stderr } = await rocket([...args, "--engine", "wasm"], { cwd: folder });
      assert(code === 1 || code === 2, stderr);
      assertStringIncludes(stderr, words);
      // Nobody should be told to grant everything to the pipeline of someone else.
      assert(!stderr.includes("--allow-"), stderr);
    };
    await ends("it is not a regular file", "check", file);
    await ends("/dev/stdin cannot be read", "check", file, "--set", "data.train.path=/dev/stdin");
    const resume = await rocket(["resume", "run"], { cwd: folder });
    assertEquals(resume.code, 2);
    assertMatch(
      resume.stderr,
      /^error: run\/pipeline\.json cannot be read: it is not a regular file\n hint: name the folder/,
    );
    // Its imports are read before the run, to download packages.
    await ends("is not a regular file", "check", file, "--set", "outputs=[./pipe.ts]");
    const device = '"network.initial={ light: { file: /dev/zero } }"'.slice(1, -1);
    await ends("it is not a regular file", "check", file, "--set", device);
    new Deno.Command("mkfifo", { args: [join(folder, "other", "metrics.jsonl")] }).outputSync();
    const plain = ["--set", "network={ use: mlp, light: [4], booster: [4] }"];
    await ends("is not a regular file", file, "--out", "other", ...plain);
    // The launcher also reads other/model.json.
    await ends("is not a run folder", "predict", "other", "x.arrow", "--out", "scores.arrow");
    const run = { pipeline: {}, variables: {}, versions: {}, initial: {}, seed: 1 };
    const text = JSON.stringify({ ...run, data: {}, engine: "wasm", precision: "float32" });
    await Deno.writeTextFile(join(folder, "other", "pipeline.json"), text);
    const report = await rocket(["report", "other", "--out", "x.svg"], { cwd: folder });
    assertEquals(report.code, 2);
    assertStringIncludes(report.stderr, "other/metrics.jsonl cannot be read: it is not a regular");
    await Deno.mkdir(join(folder, "copy"));
    for (const name of ["pipe.csv", "copy/deno.json"]) {
      new Deno.Command("mkfifo", { args: [join(folder, name)] }).outputSync();
    }
    for (
      const [words, ...args] of [
        ["pipe.csv is not a regular file", "--from", "pipe.csv", "--label", "y"],
        ["copy is not a copy of Rocket's repository", "--link", "copy"],
      ] as const
    ) {
      const { code, stderr } = await rocket(["new", "project", "made", ...args], { cwd: folder });
      assert(code === 1 || code === 2, stderr);
      assertStringIncludes(stderr, words);
    }
  });
});

Deno.test("links in folders of data and runs give no access to files elsewhere", async () => {
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), elsewhere = join(outer, "private");
    for (const one of [folder, elsewhere, join(folder, "rows"), join(folder, "run")]) {
      await Deno.mkdir(one);
    }
    const rows = "x,y\n1,0\n2,1\n3,0\n4,1\n";
    await Deno.writeTextFile(join(folder, "own.csv"), rows);
    await Deno.writeTextFile(join(elsewhere, "secret.csv"), rows);
    await Deno.symlink("../own.csv", join(folder, "rows", "a.csv"));
    const source = { use: "csv", path: "rows" };
    const pipeline = {
      ...digitsPipeline(),
      data: { train: source, test: source, features: { x: {} }, label: "y" },
    };
    await Deno.writeTextFile(join(folder, "p.yaml"), stringify(pipeline));
    const check = async (path: string) =>
      await rocket(["check", "p.yaml", "--engine", "wasm", "--set", `data.train.path=${path}`], {
        cwd: folder,
      });
    const fine = await check("rows");
    assertEquals(fine.code, 0, fine.stderr);
    await Deno.symlink(join(elsewhere, "secret.csv"), join(folder, "rows", "b.csv"));
    await Deno.symlink(elsewhere, join(folder, "linked"));
    for (const [path, file] of [["rows", "rows/b.csv"], ["'*/s*.csv'", "linked/secret.csv"]]) {
      const { code, stderr } = await check(path!);
      assertEquals(code, 1, stderr);
      const target = join(await Deno.realPath(elsewhere), "secret.csv");
      assertStringIncludes(
        stderr,
        `${file} is a link to ${target}, which this command may not read`,
      );
    }
    await Deno.writeTextFile(join(elsewhere, "pipeline.json"), "{}");
    await Deno.symlink(join(elsewhere, "pipeline.json"), join(folder, "run", "pipeline.json"));
    for (const command of [["compare", "run", "run"], ["resume", "run"], ["evaluate", "run"]]) {
      const { code, stderr } = await rocket(command, { cwd: folder });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /pipeline\.json( cannot be read: it)? is a link that leads out of run/);
    }
    // The process that determines the permissions may read all files, but does not read this one.
    const model = { network: { use: join(elsewhere, "a.ts"), options: { a: "${env:OTHER}" } } };
    await Deno.writeTextFile(join(elsewhere, "model.json"), JSON.stringify(model));
    const trained = await rocket(
      ["p.yaml", "--engine", "wasm", "--out", "done", "--set", "data.train.path=own.csv"].concat(
        ["--set", "data.test.path=own.csv"],
      ),
      { cwd: folder },
    );
    assertEquals(trained.code, 0, trained.stderr);
    await Deno.remove(join(folder, "done", "model.json"));
    await Deno.symlink(join(elsewhere, "model.json"), join(folder, "done", "model.json"));
    const predict = ["predict", "done", "own.csv", "--out", "out.csv", "--permissions"];
    const asked = await rocket(predict, { cwd: folder });
    assertEquals(asked.code, 0, asked.stderr);
    assert(!/OTHER|a\.ts/.test(asked.stdout + asked.stderr), asked.stdout + asked.stderr);
  });
});

Deno.test("names like file:/x, ~/x, and sqlite:x are files of the pipeline's folder for DuckDB, too", async () => {
  await inFolder(async (folder) => {
    const rows = "x,y\n" +
      Array.from({ length: 40 }, (_, row) => `${row / 40},${row % 2}\n`).join("");
    for (const name of ["file:/private/x.csv", "~/x.csv"]) {
      await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
      await Deno.writeTextFile(join(folder, name), rows);
    }
    await Deno.copyFile(join(formats, "tables.duckdb"), join(folder, "sqlite:x.db"));
    await Deno.writeTextFile(
      join(folder, "p.yaml"),
      stringify({
        name: "names",
        data: {
          train: { use: "csv", path: "file:/private/x.csv" },
          test: { use: "sql", query: "FROM t", tables: { t: "~/x.csv" }, database: "sqlite:x.db" },
          features: { x: {} },
          label: { column: "y", classes: 2 },
        },
        network: { use: "mlp", light: [4], booster: [8] },
        losses: [
          { use: "cross-entropy", on: "light" },
          { use: "cross-entropy", on: "booster" },
        ],
        optimizer: { use: "sgd", learningRate: 0.1 },
        train: { epochs: 1, batch: 20 },
        metrics: ["accuracy"],
      }),
    );
    // DuckDB would otherwise look for the files elsewhere, and for an extension of this name.
    const { code, stdout, stderr } = await rocket(["check", "p.yaml", "--engine", "wasm"], {
      cwd: folder,
    });
    assertEquals(code, 0, stdout + stderr);
  });
});

Deno.test("programs in the current folder are not started, even if PATH contains it", async () => {
  await withPipeline(digitsPipeline({ train: { epochs: 1, batch: 512 } }), async (file, folder) => {
    const started = join(folder, "started");
    for (const name of ["sh", "cat", "ps", "deno", "python3"]) {
      await Deno.writeTextFile(join(folder, name), `#!/bin/sh\ntouch ${started}\n`, {
        mode: 0o755,
      });
    }
    const { code, stderr } = await rocket([file, "--engine", "wasm", "--out", "run"], {
      cwd: folder,
      env: { PATH: `.:${Deno.env.get("PATH")}` },
    });
    assertEquals(code, 0, stderr);
    await assertRejects(() => Deno.stat(started), Deno.errors.NotFound);
  });
});

Deno.test("a hard link in a run folder is not written to", async () => {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 512 } });
  await withPipeline(pipeline, async (file, folder) => {
    await Deno.mkdir(join(folder, "run"));
    await Deno.writeTextFile(join(folder, "mine"), "mine");
    await Deno.link(join(folder, "mine"), join(folder, "run", "run.lock"));
    const args = [file, "--engine", "wasm", "--out", "run"];
    const { code, stderr } = await rocket(args, { cwd: folder });
    assertEquals(code, 0, stderr);
    assertEquals(await Deno.readTextFile(join(folder, "mine")), "mine");
    await Deno.remove(join(folder, "run"), { recursive: true });
    await Deno.mkdir(join(folder, "run"));
    await Deno.link(join(folder, "mine"), join(folder, "run", "metrics.jsonl"));
    await rocket(args, { cwd: folder });
    assertEquals(await Deno.readTextFile(join(folder, "mine")), "mine");
  });
});

Deno.test("a layer of 100 million units is rejected because of its size before it is allocated", async () => {
  const data = {
    ...digitsPipeline().data as object,
    transforms: [{ use: "resize", to: [1, 1] }],
  };
  const network = { use: "mlp", light: [1e8], booster: [4] };
  await withPipeline(digitsPipeline({ data, network }), async (file, folder) => {
    const { code, stderr } = await rocket(["check", file, "--engine", "wasm"], { cwd: folder });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: .*100,000,000/m);
    assert(!stderr.includes("failed in its"), stderr);
  });
});
