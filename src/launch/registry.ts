import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";

/**
 * The maximum time to wait for the registry, in milliseconds. Some networks drop packets without an
 * answer, and stand-ins exist, so the wait is short. If the registry is slower, its modules still
 * arrive in the cache while Rocket runs.
 */
const PATIENCE = 3_000;

/**
 * The time in milliseconds during which the registry is not tried again after it did not answer.
 * Stand-ins work the same in the meantime. An hour means at most one wait per hour, and that a
 * laptop's return to a network is noticed.
 */
const MEMORY = 60 * 60 * 1_000;

/**
 * The options of {@linkcode canImport}: whether to try the registry again after a recent failure.
 */
export interface CanImportOptions {
  /** Whether to try the registry even if it did not answer recently. */
  readonly anew?: boolean;
}

/**
 * Checks whether modules of the JSR registry can be imported, because they are in Deno's cache or
 * the registry answers in time.
 *
 * @param specifiers The specifiers of the modules, such as `jsr:@std/assert@^1.0.0`.
 * @param options Whether to try the registry again after a recent failure.
 */
export async function canImport(
  specifiers: readonly string[],
  { anew = false }: CanImportOptions = {},
): Promise<boolean> {
  const memory = join(cacheFolder(), "jsr-did-not-answer");
  if (!anew && await isRecent(memory)) return false;
  const imports = Promise.all(specifiers.map((specifier) => import(specifier)));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE);
  });
  const answered = await Promise.race([imports.then(() => true, () => false), timeout]);
  clearTimeout(timer);
  await remember(memory, answered);
  return answered;
}

async function isRecent(file: string): Promise<boolean> {
  try {
    const { mtime } = await Deno.stat(file);
    const age = Date.now() - (mtime?.getTime() ?? 0);
    return age >= 0 && age < MEMORY;
  } catch {
    return false;
  }
}

/** Stores whether the registry answered. If this cannot be written, each run tries again. */
async function remember(file: string, answered: boolean): Promise<void> {
  try {
    if (answered) return await Deno.remove(file);
    await Deno.mkdir(cacheFolder(), { recursive: true });
    await Deno.writeTextFile(file, "");
  } catch {
    // The file does not exist or cannot be written.
  }
}
