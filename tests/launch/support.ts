import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** The files of the launcher that a small project gets copies of. */
const LAUNCHER = [
  "src/base/bytes.ts",
  "src/base/command_name.ts",
  "src/base/files/drafts.ts",
  "src/base/files/folder_lock.ts",
  "src/base/files/holds_path.ts",
  "src/base/files/run_drafts.ts",
  "src/base/files/run_files.ts",
  "src/base/files/target_of.ts",
  "src/base/files/write_failure.ts",
  "src/base/machine/cache_folder.ts",
  "src/base/machine/control_groups.ts",
  "src/base/machine/deno_folder.ts",
  "src/base/machine/end_signals.ts",
  "src/base/machine/meant_exit.ts",
  "src/base/machine/permissions.ts",
  "src/base/machine/system_file.ts",
  "src/base/printable.ts",
  "src/base/quoted.ts",
  "src/cluster/processes.ts",
  "src/launch",
];

const tasks = {
  show: "deno run -A --quiet src/launch/main.ts run show.ts",
  wait: "deno run -A --quiet src/launch/main.ts run wait.ts",
  test: "deno run -A --quiet src/launch/main.ts test",
  ok: "deno run -A --quiet src/launch/main.ts ok",
};

/** The files of the small project in addition to the launcher. */
const FILES: Readonly<Record<string, string>> = {
  "deno.json": JSON.stringify({
    name: "@toy/project",
    version: "0.1.0",
    license: "MIT",
    exports: { ".": "./mod.ts" },
    lock: false,
    imports: { "@toy/words": "jsr:@toy/words@^1.0.0" },
    tasks,
    publish: { exclude: ["src/", "!src/README.md", "tests/"] },
  }),
  "mod.ts": `export const own: string = "the project's own";\n`,
  "src/launch/compat/words/deno.json": JSON.stringify({
    name: "@toy/words",
    version: "1.0.0",
    exports: { ".": "./mod.ts" },
  }),
  "src/launch/compat/words/mod.ts": `export const word: string = "the stand-in";\n`,
  "show.ts": `import { own } from "@toy/project";
import { word } from "@toy/words";
const shown = { own, word, args: Deno.args, cwd: Deno.cwd(), from: Deno.env.get("INIT_CWD") };
console.log(JSON.stringify(shown));
`,
  "exit.ts": "Deno.exit(Number(Deno.args[0]));\n",
};

/** The output and the exit code of a command in a small project. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The folder and the environment of a command. */
export interface RunOptions {
  /** The folder in the project; the project's folder by default. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The program to run; Deno by default. */
  readonly program?: string;
  readonly stdin?: "null" | "piped";
  /** Whether the process has its own process group. */
  readonly detached?: boolean;
}

/** A small project with a copy of the launcher, one stand-in, and its own caches. */
export class SmallProject {
  /**
   * @param root Its folder.
   * @param caches The folder of its caches.
   */
  constructor(readonly root: string, readonly caches: string) {}

  /** The file in which the launcher stores that the registry did not answer. */
  get memory(): string {
    return join(this.caches, "rocket", "jsr-did-not-answer");
  }

  /** Writes files, by path. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(this.root, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(this.root, path), text);
    }
  }

  /** Makes a command that runs Deno in the project. */
  command(args: readonly string[], options: RunOptions = {}): Deno.Command {
    const { INIT_CWD: _, ...environment } = Deno.env.toObject();
    return new Deno.Command(options.program ?? Deno.execPath(), {
      args: [...args],
      cwd: join(this.root, options.folder ?? "."),
      env: {
        ...environment,
        NO_COLOR: "1",
        DENO_DIR: join(this.caches, "deno"),
        ROCKET_CACHE: join(this.caches, "rocket"),
        JSR_URL: NOWHERE,
        ...options.environment,
      },
      clearEnv: true,
      stdin: options.stdin ?? "null",
      detached: options.detached ?? false,
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Runs Deno in the project. */
  async deno(args: readonly string[], options?: RunOptions): Promise<Ended> {
    const { code, stdout, stderr } = await this.command(args, options).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** Runs the launcher. */
  launch(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.deno(launcherArguments(this.root, args), options);
  }
}

/** Returns the arguments with which Deno runs the launcher of a project. */
export function launcherArguments(root: string, args: readonly string[]): string[] {
  return ["run", "-A", "--quiet", join(root, "src", "launch", "main.ts"), ...args];
}

/** Returns an address where nothing answers: a port of this machine that was closed. */
export const NOWHERE: string = (() => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `http://127.0.0.1:${port}/`;
})();

/**
 * Runs a function with a small project, which is removed afterwards. The project's registry does
 * not answer.
 *
 * @param body The function.
 * @param name The folder's name.
 */
export async function withProject(
  body: (small: SmallProject) => Promise<void>,
  name = "project",
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const small = new SmallProject(join(folder, name), join(folder, "caches"));
    await small.write(FILES);
    for (const path of LAUNCHER) await copy(join(project, path), join(small.root, path));
    await body(small);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(join(to, ".."), { recursive: true });
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await copy(join(from, name), join(to, name));
  }
}
