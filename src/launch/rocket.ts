import type { Need } from "../base/machine/permissions.ts";

/**
 * The programs that the launcher starts as separate processes: for each name, the path of the
 * program's module.
 */
export const programs = {
  /** Runs a command. */
  command: "src/commands/program.ts",
  /** Determines what a command line needs. */
  needs: "src/launch/programs/needs.ts",
  /** Evaluates a pipeline in TypeScript. */
  evaluate: "src/launch/programs/evaluate.ts",
  /** Sets up the native engine before a command. */
  setUp: "src/launch/programs/set_up.ts",
  /** Sets up the native engine and describes it. */
  native: "src/launch/programs/native.ts",
} as const;

/** The name of a program that the launcher starts. */
export type ProgramName = keyof typeof programs;

/** Thrown when the launcher cannot start a command line for a reason that the user can change. */
export class Refusal extends Error {
  /**
   * Makes an error.
   *
   * @param message The reason.
   * @param exitCode The exit code of the launcher.
   */
  constructor(message: string, readonly exitCode: 1 | 2 = 2) {
    super(message);
  }
}

/**
 * How Deno finds Rocket's modules and those of the user's project, for the processes of one command
 * line. Rocket is either a checkout of its repository or a package of the JSR registry.
 */
export interface Rocket {
  /** Deno's arguments for processes that run only Rocket's code. */
  readonly flags: readonly string[];
  /** Whether modules of the user's project may import packages from the JSR registry by name. */
  readonly usesRegistry: boolean;
  /**
   * The lock file with the versions of packages, for processes that may run code other than
   * Rocket's; undefined if there is none.
   */
  readonly lock: string | undefined;
  /** The same for processes that run only Rocket's code. */
  readonly ownLock: string | undefined;

  /**
   * Returns Deno's arguments that run a program. They come after its flags.
   *
   * @param name The program.
   */
  program(name: ProgramName): readonly string[];

  /**
   * Returns texts that change if Deno finds other packages for the same specifiers.
   *
   * @param isForeign Whether the processes may run code other than Rocket's.
   */
  key(isForeign: boolean): readonly string[];

  /** Returns the specifiers of the modules and packages that every command line loads. */
  ownSpecifiers(): Promise<readonly string[]>;

  /**
   * Returns what modules other than Rocket's import from registries and servers. Deno parses the
   * modules without running them.
   *
   * @param modules The absolute paths of the modules.
   * @param without Folders whose modules are not followed.
   */
  foreignImports(
    modules: readonly string[],
    without: readonly string[],
  ): Promise<readonly string[]>;

  /**
   * Returns arguments for `deno cache` and `deno info`, by which these find packages as processes of
   * Rocket do.
   *
   * @param isForeign Whether the processes may run code other than Rocket's.
   * @param hosts The servers from which code may be loaded, as `HOST:PORT`.
   */
  cacheFlags(isForeign: boolean, hosts: readonly string[]): Promise<readonly string[]>;

  /**
   * Returns Deno's arguments for a process with limited permissions. They grant exactly the given
   * permissions, and what it takes to load Rocket's own modules.
   *
   * @param permissions The permissions to grant.
   * @param options The process, for the name of a temporary file, and whether it may run code other
   * than Rocket's. Only such a process uses the configuration of the user's project.
   * @throws {Refusal} If Deno cannot grant a permission.
   */
  grantedFlags(
    permissions: readonly Need[],
    options: { readonly name: string; readonly isForeign: boolean },
  ): Promise<readonly string[]>;
}
