import { join } from "node:path";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { commandOf } from "../../src/launch/command_line/grammar.ts";
import { type CommandLine, LineProcess, type Outcome } from "../corpus/outcome.ts";
import { userEnvironment } from "../support/command_line.ts";
import type { Block } from "./documents.ts";

/** The commands that open an engine for training. */
const training: ReadonlySet<string> = new Set(["run", "check", "resume", "sweep"]);

/**
 * Runs blocks of shell commands as a user would, one after another. For speed, a single process of
 * Rocket runs the commands of all blocks, with its WebAssembly engine.
 */
export class Shell implements AsyncDisposable {
  readonly #folder: string;
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
      "set -eu",
      "deno() {",
      '  case "$1 $2" in',
      '    "task pipeline" | "task data") ;;',
      '    task*) echo "no block runs deno $*"; return 1 ;;',
      '    *) "$DENO" "$@"; return ;;',
      "  esac",
      `  printf '%s\\0' "$PWD" "$2" "\${@:3}" > '${ask}'`,
      `  cat '${answer}'; read -r ended < '${code}'; return "$ended"`,
      "}",
      'npx() { shift 2; deno "$@"; }',
      text,
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
          args: withEngine(args),
          ...(task === "data" && { task }),
        };
        const outcome: Outcome = JSON.parse(await this.#rocket.ask(JSON.stringify(line)));
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

  /** Ends the process. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rocket.end();
  }
}

function withEngine(args: readonly string[]): readonly string[] {
  const { words, engine } = parseArguments(args);
  return training.has(commandOf(words).name) && engine === undefined
    ? [...args, "--engine", "wasm"]
    : args;
}
