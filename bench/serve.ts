/**
 * Measures `serve` beside uvicorn with onnxruntime: requests per second and the time of a request,
 * by wrk. The servers take turns, and the table has the medians of all turns.
 *
 * With `--collections`, it counts the garbage collections of V8 during requests with one row on one
 * connection, with different sizes of the memory for new objects. The servers are idle before each
 * round.
 *
 * @module
 */

import { noTelemetry } from "../src/base/machine/onnx_packages.ts";
import { parseArgs } from "@std/cli/parse-args";
import { Table, Utf8, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { arrowBytes } from "../src/base/files/arrow_writer.ts";

import { createRandom } from "../src/base/random.ts";
import { counted } from "../src/base/text_table.ts";
import { serverFlags } from "../src/launch/permissions.ts";
import { openProject } from "../src/launch/project.ts";
import { median } from "../src/sweep/statistics.ts";
import { thisMachine } from "./machine.ts";
import { type PeerModule, peersPython } from "./python.ts";
import { refuseUnknown } from "./usage.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

const modules: readonly PeerModule[] = [
  ["onnxruntime", "onnxruntime==1.30.0", "numpy==2.4.6"],
  ["uvicorn", "uvicorn[standard]"],
];

/** The columns of the click model, the number of different values of each, and of training rows. */
const COLUMNS = 8, VALUES = 10_000, TRAINING_ROWS = 20_000;

/** The cases: rows of a request, and connections. */
const cases = [1, 200].flatMap((rows) => [1, 8].map((connections) => ({ rows, connections })));

/** Makes V8 print a line for each garbage collection. */
const TRACED = "--v8-flags=--trace-gc";

/** The time in milliseconds after which V8 has given back memory that an idle process had used. */
const IDLE = 10_000;

/** What wrk measured in one turn. */
interface Turn {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
}

const USAGE = `usage: deno task bench:serve [--rounds N] [--seconds S] [--collections] [--list]
  [--results FOLDER]

  --rounds N        the number of turns of each server (default 5)
  --seconds S       the time of a turn (default 4)
  --collections     count garbage collections instead
  --list            print the cases without measuring
  --results FOLDER  the folder for the table (default bench/results)`;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["rounds", "seconds", "results"],
    boolean: ["collections", "list", "help"],
    default: { rounds: "5", seconds: "4", results: join(root, "bench", "results") },
    unknown: refuseUnknown(USAGE),
  });
  if (options.help) return console.log(USAGE);
  if (options.list) {
    for (const { rows, connections } of cases) {
      console.log(`${counted(rows, "row")}, ${counted(connections, "connection")}`);
    }
    return;
  }
  const report = (line: string) => console.error(line);
  const python = await peersPython(new URL("./.venv-serve/", import.meta.url), report, modules);
  const folder = await Deno.makeTempDir({ prefix: "rocket-bench-serve-" });
  const servers: Server[] = [];
  try {
    const { flags } = await openProject(root);
    await prepare(folder, flags, report);
    if (options.collections) {
      const rounds = Number(options.rounds), seconds = Number(options.seconds);
      const variants = [
        ["V8's own flags", TRACED],
        ...[1, 2, 4, 16].map((size) => [
          `${size} MB`,
          `${TRACED},--min-semi-space-size=${size},--max-semi-space-size=${size}`,
        ]),
      ];
      for (const [name, flag] of variants) {
        servers.push(await startRocket(folder, [...flags, flag!], "light", name));
      }
      if (python) servers.push(await startUvicorn(folder, python, "light"));
      return await countCollections(folder, servers, rounds, seconds);
    }
    for (const net of ["light", "booster"] as const) {
      servers.push(await startRocket(folder, [...flags, ...serverFlags], net));
      if (python) servers.push(await startUvicorn(folder, python, net));
    }
    const turns = new Map<string, Turn[]>();
    for (let round = 0; round <= Number(options.rounds); round++) {
      for (const { rows, connections } of cases) {
        for (const { name, net, address } of servers) {
          const turn = await measure(folder, address, rows, connections, Number(options.seconds));
          // The first round warms up.
          if (round === 0) continue;
          const key = [net, rows, connections, name].join();
          turns.set(key, [...turns.get(key) ?? [], turn]);
        }
      }
      report(`round ${round} of ${options.rounds}`);
    }
    const text = tableOf(turns, servers, Number(options.rounds), Number(options.seconds));
    console.log(text);
    await Deno.writeTextFile(join(options.results, "serve.md"), text);
  } finally {
    for (const { child } of servers) child.kill("SIGTERM");
    await Promise.all(servers.map(({ child }) => child.status));
    await Deno.remove(folder, { recursive: true });
  }
}

/** Trains for one epoch on rows that are drawn, exports both nets, and writes the requests. */
async function prepare(
  folder: string,
  flags: readonly string[],
  report: (line: string) => void,
): Promise<void> {
  const random = createRandom(1);
  const names = Array.from({ length: COLUMNS }, (_, at) => `c${at}`);
  const draw = () => `value ${random.integer(0, VALUES - 1)}`;
  const columns = Object.fromEntries(
    names.map((name) => [
      name,
      vectorFromArray(Array.from({ length: TRAINING_ROWS }, draw), new Utf8()),
    ]),
  );
  const clicked = vectorFromArray(
    Array.from({ length: TRAINING_ROWS }, () => random.integer(0, 1)),
  );
  const table = new Table({ ...columns, clicked });
  await Deno.writeFile(join(folder, "rows.arrow"), arrowBytes(table));
  const source = { use: "arrow", path: "rows.arrow" };
  const losses = ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on }));
  await Deno.writeTextFile(
    join(folder, "pipeline.json"),
    JSON.stringify({
      name: "clicks",
      data: {
        ...{ train: source, test: source },
        features: Object.fromEntries(names.map((name) => [name, { ids: "train" }])),
        label: { column: "clicked", kind: "binary" },
      },
      network: {
        use: "ctr",
        embedding: 16,
        light: { hidden: [64, 32] },
        booster: { hidden: [512, 256, 128] },
      },
      losses,
      optimizer: { use: "sgd", learningRate: 0.01 },
      train: { epochs: 1, batch: 1024 },
      outputs: ["checkpoint"],
    }),
  );
  report("training");
  const run = (...args: string[]) => command(Deno.execPath(), [...cli(flags), ...args], folder);
  await run("pipeline.json", "--out", "run", "--quiet");
  for (const net of ["light", "booster"]) {
    await run("export", "run", "--format", "onnx", "--net", net, "--out", net);
  }
  for (const rows of [1, 200]) {
    const inputs = names.map((name) => ({
      ...{ name, datatype: "BYTES", shape: [rows] },
      data: Array.from({ length: rows }, draw),
    }));
    const body = JSON.stringify({ inputs, outputs: [{ name: "score" }] });
    await Deno.writeTextFile(join(folder, `${rows}.json`), body);
    await Deno.writeTextFile(
      join(folder, `${rows}.lua`),
      `local file = io.open(${JSON.stringify(join(folder, `${rows}.json`))}, "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("measured %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.timeout))
end
`,
    );
  }
}

function cli(flags: readonly string[]): string[] {
  return ["run", "-A", "--quiet", ...flags, join(root, "src/commands/program.ts")];
}

async function command(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} ${args.at(-1)}: ${text(stderr)}`);
  return text(stdout);
}

/** A server that takes part. */
interface Server {
  readonly name: string;
  readonly net: "light" | "booster";
  readonly child: Deno.ChildProcess;
  /** The address of the model. */
  readonly address: string;
  /** The milliseconds of each garbage collection so far, if V8 reports them. */
  readonly collections?: number[];
}

/** Starts `serve` and waits for its first line. */
async function startRocket(
  folder: string,
  flags: readonly string[],
  net: "light" | "booster",
  name = "serve",
): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...cli(flags), "serve", "run", "--net", net, "--port", "0"],
    cwd: folder,
    stdout: "piped",
  }).spawn();
  const collections: number[] = [], address = Promise.withResolvers<string>();
  const read = async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        // V8 writes in blocks, so this line may come in the middle of one of V8's.
        const [, own] = /serving (http:\S+) \(/.exec(line) ?? [];
        if (own !== undefined) address.resolve(own);
        const [, milliseconds] = / MB, ([\d.]+) \/ [\d.]+ ms/.exec(line) ?? [];
        if (milliseconds !== undefined) collections.push(Number(milliseconds));
      }
    }
    address.reject(new Error("serve has not started"));
  };
  read();
  return { name, net, child, address: await address.promise, collections };
}

/** Starts uvicorn and waits until it answers. */
async function startUvicorn(
  folder: string,
  python: string,
  net: "light" | "booster",
): Promise<Server> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const args = ["--app-dir", join(root, "bench", "peers"), "--port", String(port)];
  const child = new Deno.Command(python, {
    args: ["-m", "uvicorn", "serve_uvicorn:app", ...args, "--log-level", "warning"],
    env: {
      MODEL: join(folder, net, "model.onnx"),
      THREADS: String(navigator.hardwareConcurrency),
      [noTelemetry]: "1",
    },
  }).spawn();
  const address = `http://127.0.0.1:${port}/v2/models/${net}`;
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(address).then((response) => response.text(), () => undefined);
    if (answer !== undefined) return { name: "uvicorn", net, child, address };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  child.kill();
  throw new Error("uvicorn has not started");
}

async function countCollections(
  folder: string,
  servers: readonly Server[],
  rounds: number,
  seconds: number,
): Promise<void> {
  const turns = servers.map((): Turn[] => []), during = servers.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve, IDLE));
    for (const [index, { address, collections = [] }] of servers.entries()) {
      const before = collections.length;
      const turn = await measure(folder, address, 1, 1, seconds);
      // The first round warms up.
      if (round === 0) continue;
      turns[index]!.push(turn);
      during[index]!.push(...collections.slice(before));
    }
  }
  const peer = turns.at(-1)!;
  for (const [index, { name, collections }] of servers.entries()) {
    const own = turns[index]!, pauses = during[index]!;
    const requests = own.reduce((sum, { requests }) => sum + requests * seconds, 0);
    const compared = (["p50", "p99"] as const).map((key) => {
      const value = median(own.map((turn) => turn[key]));
      const ratio = value / median(peer.map((turn) => turn[key]));
      return `${key} ${value.toFixed(2)} ms (${ratio.toFixed(1)} of ${servers.at(-1)!.name})`;
    });
    const collected = collections && pauses.length > 0
      ? `, one collection in ${Math.round(requests / pauses.length)} requests, median ${
        median(pauses).toFixed(2)
      } ms`
      : "";
    console.log(`${name}: ${compared.join(", ")}${collected}`);
  }
}

async function measure(
  folder: string,
  address: string,
  rows: number,
  connections: number,
  seconds: number,
): Promise<Turn> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", join(folder, `${rows}.lua`)];
  const output = await command("wrk", [...args, `${address}/infer`], folder);
  const found = /^measured (\S+) (\S+) (\S+) (\d+)$/m.exec(output);
  if (!found) throw new Error(`wrk printed ${output}`);
  const [requests, p50, p99, errors] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (errors > 0) throw new Error(`${errors} requests to ${address} failed`);
  return { requests, p50, p99 };
}

function tableOf(
  turns: ReadonlyMap<string, readonly Turn[]>,
  servers: readonly Server[],
  rounds: number,
  seconds: number,
): string {
  const lines = [...new Set(servers.map(({ net }) => net))].flatMap((net) =>
    cases.flatMap(({ rows, connections }) =>
      servers.filter((server) => server.net === net).map(({ name }) => {
        const own = turns.get([net, rows, connections, name].join())!;
        const of = (value: (turn: Turn) => number) => median(own.map(value));
        return `| ${net} | ${rows} | ${connections} | ${name} | ${
          Math.round(of(({ requests }) => requests)).toLocaleString("en")
        } | ${of(({ p50 }) => p50).toFixed(2)} | ${of(({ p99 }) => p99).toFixed(2)} |`;
      })
    )
  );
  const { processor, cores, memory, system, deno } = thisMachine();
  return `# serve beside uvicorn

${
    new Date().toISOString().slice(0, 10)
  }, ${processor}, ${cores} cores, ${memory} GiB, ${system}, Deno ${deno},
load ${
    Deno.loadavg()[0]!.toFixed(1)
  }. Medians of ${rounds} turns of ${seconds} seconds, by \`deno task bench:serve\`.

| net | rows | connections | server | requests/s | p50, ms | p99, ms |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join("\n")}
`;
}
