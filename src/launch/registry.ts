import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";

/**
 * How long to wait for the registry, in milliseconds. A network that drops packets without a word
 * answers nothing at all, and nobody should wait long for what there is a stand-in for. Where it is
 * slower than this, its modules still arrive in the cache while Rocket runs.
 */
const PATIENCE = 3_000;

/**
 * How long it is remembered that the registry did not answer, in milliseconds. Nothing is lost
 * while it is, the stand-ins do the same; so it may be long, and an hour of work waits once. It is
 * short enough to notice that a laptop came back to a network.
 */
const MEMORY = 60 * 60 * 1_000;

/** What {@linkcode canImport} is asked beside the modules. */
export interface CanImportOptions {
  /** Whether to try even if it is remembered that the registry did not answer. */
  readonly anew?: boolean;
}

/**
 * Whether modules of the JSR registry can be imported: they are in Deno's cache, which takes no
 * network, or the registry answers in time.
 *
 * @param specifiers The modules, by their names in the registry.
 * @param options Whether to trust the memory.
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

/** Keeps the memory true. Where nothing can be written, each run tries again. */
async function remember(file: string, answered: boolean): Promise<void> {
  try {
    if (answered) return await Deno.remove(file);
    await Deno.mkdir(cacheFolder(), { recursive: true });
    await Deno.writeTextFile(file, "");
  } catch {
    // There was nothing to forget, or nothing can be kept.
  }
}
