import { join } from "node:path";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { commandOf } from "../../src/launch/command_line/grammar.ts";
import { type CommandLine, LineProcess, type Outcome } from "../corpus/outcome.ts";
import { userEnvironment } from "../support/command_line.ts";
import type { Block } from "./documents.ts";

/** The commands that open an engine for training. */
const training: ReadonlySet<string> = new Set(["run", "check", "resume", "sweep"]);

/** How many milliseconds a server may need to answer. */
const SERVER_PATIENCE = 120_000;

/**
 * Runs blocks of shell commands as a user would, one after another. For speed, a single process of
 * Rocket runs the commands of all blocks, with its WebAssembly engine, and trains on the pipelines
 * of the repository for one epoch of few rows. The command `serve` starts a server on a free port,
 * which ends when another one starts.
 */
export class Shell implements AsyncDisposable {
  readonly #folder: string;
  readonly #port = freePort();
  #server: Server | undefined;
  // The first command that needs a package downloads it, with other tests at work beside it.
  readonly #rocket = new LineProcess("child.ts", { flags: ["-A"], patience: 300_000 });

  /**
   * Starts the process that runs Rocket's commands.
   *
   * @param folder A folder for the files of this object, which no block uses.
   */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Runs a block.
   *
   * @param block The block.
   * @param cwd The folder to run it in.
   * @returns The exit code and the output.
   */
  async run({ text }: Block, cwd: string): Promise<{ code: number; output: string }> {
    const pipes = await Deno.makeTempDir({ dir: this.#folder });
    const ask = join(pipes, "ask"), answer = join(pipes, "answer"), code = join(pipes, "code");
    await new Deno.Command("mkfifo", { args: [ask, answer, code] }).output();
    const script = [
      "set -euo pipefail",
      "deno() {",
      '  case "$1 $2" in',
      '    "task pipeline" | "task data") ;;',
      '    task*) echo "no block runs deno $*"; return 1 ;;',
      '    *) "$DENO" "$@"; return ;;',
      "  esac",
      `  printf '%s\\0' "$PWD" "$2" "\${@:3}" > '${ask}'`,
      `  cat '${answer}'; read -r ended < '${code}'; return "$ended"`,
      "}",
      // An answer with an error is a failure.
      'curl() { command curl --fail-with-body "$@"; }',
      'npx() { shift 2; deno "$@"; }',
      text.replaceAll("127.0.0.1:8000", `127.0.0.1:${this.#port}`),
    ].join("\n");
    const shell = new Deno.Command("/bin/bash", {
      args: ["-c", script],
      env: userEnvironment({ DENO: Deno.execPath() }),
      clearEnv: true,
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // Its own group of processes: one of them may wait for an answer when the shell is killed.
      detached: true,
    }).spawn();
    let ended = false;
    const answering = (async () => {
      for (;;) {
        const [folder, task, ...args] = (await Deno.readTextFile(ask)).split("\0").slice(0, -1);
        if (ended) return;
        const line: CommandLine = {
          folder: folder!,
          args: task === "data" ? args : withEngine(args),
          ...(task === "data" && { task }),
        };
        const outcome = args[0] === "serve"
          ? await this.#serve(line)
          : JSON.parse(await this.#rocket.ask(JSON.stringify(line))) as Outcome;
        await Deno.writeTextFile(answer, `${outcome.stdout}${outcome.stderr}\n`);
        await Deno.writeTextFile(code, `${outcome.code}\n`);
      }
    })();
    // Without answers, the shell would wait forever.
    answering.catch(() => Deno.kill(-shell.pid, "SIGKILL"));
    const result = await shell.output();
    ended = true;
    // The last reader waits for a writer.
    await Promise.race([Deno.writeTextFile(ask, ""), answering]);
    await answering;
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: result.code, output: decode(result.stdout) + decode(result.stderr) };
  }

  /** Starts a server, in a process of its own, and waits until it answers. */
  async #serve(line: CommandLine): Promise<Pick<Outcome, "code" | "stdout" | "stderr">> {
    await this.#server?.end();
    const args = [
      ...line.args.flatMap((word, index, { [index - 1]: option }) =>
        word === "--port" || option === "--port" ? [] : [word]
      ),
      "--port",
      `${this.#port}`,
    ];
    const server = this.#server = startServer({ ...line, args });
    const ready = async () => {
      const url = `http://127.0.0.1:${this.#port}/v2/health/ready`;
      for (const end = Date.now() + SERVER_PATIENCE; Date.now() < end;) {
        const isReady = await fetch(url).then(async (response) => {
          await response.body?.cancel();
          return response.ok;
        }, () => false);
        if (isReady) return { code: 0, stdout: "", stderr: "" };
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return { code: 1, stdout: "", stderr: "the server does not answer" };
    };
    return await Promise.race([ready(), server.outcome]);
  }

  /** Ends the processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.end();
    await this.#rocket.end();
  }
}

/** A server in a process of its own. */
interface Server {
  /** How it ended. */
  readonly outcome: Promise<Outcome>;
  /** Ends it by a signal, as a user does, and throws if that is a failure. */
  end(): Promise<void>;
}

function startServer(line: CommandLine): Server {
  const child = new LineProcess("child.ts", { flags: ["-A"], patience: 10 * SERVER_PATIENCE });
  const outcome = child.ask(JSON.stringify(line)).then((text): Outcome => JSON.parse(text));
  return {
    outcome,
    async end() {
      Deno.kill(child.pid, "SIGTERM");
      const { code, stderr } = await outcome;
      await child.end();
      if (code !== 0) throw new Error(`the server ended with exit code ${code}: ${stderr}`);
    },
  };
}

/** A port on which no other program listens. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Options with which a run of a pipeline of the repository takes seconds. */
const short: Readonly<Record<string, readonly string[]>> = {
  "pipelines/digits.yaml": ["--epochs", "1", "--set", "data.rows=600"],
  "pipelines/quickstart.yaml": [
    ...["--epochs", "1", "--set", "data.all.path=data/digits-test.arrow"],
    ...["--set", "train.batch=9"],
  ],
};

function withEngine(args: readonly string[]): readonly string[] {
  const { words, engine } = parseArguments(args);
  const { name, words: [file = ""] } = commandOf(words);
  return [
    ...args,
    ...(training.has(name) && engine === undefined ? ["--engine", "wasm"] : []),
    ...(name === "run" ? short[file] ?? [] : []),
  ];
}
