import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { readRegularText } from "../../base/files/regular.ts";
import { draftOf, forgetDraft } from "../../base/files/drafts.ts";
import { hashOf } from "../../base/files/hash_of.ts";
import { safetensorsChunks, type StreamedTensor } from "../../base/files/safetensors_stream.ts";
import { writeChunks } from "../../base/files/write_chunks.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { CheckpointRequest, JobName } from "../../stages/events.ts";
import {
  type CheckpointContent,
  type CheckpointFile,
  decodeContent,
  encodeContent,
} from "./checkpoint_content.ts";

/** A checkpoint in a run folder. */
export interface StoredCheckpoint {
  /** Its safetensors file. */
  readonly path: string;
  /** What it says beside its tensors. */
  readonly content: CheckpointFile;
}

/** What is written as one checkpoint. */
export interface CheckpointParts {
  /** Where the run stands. */
  readonly content: CheckpointContent;
  /** The state. */
  readonly tensors: ReadonlyMap<string, StreamedTensor>;
  /** The second names that it has if it is the best; `best` by default. */
  readonly bestNames?: readonly string[];
  /** Texts for readers of the safetensors file alone. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Whether all steps of an epoch are done, and its evaluations are not: those change the metadata.
   */
  readonly unmeasured: boolean;
}

/** So many of a job's latest checkpoints stay by default: if one is damaged there is another. */
export const USUALLY_KEPT = 2;

/**
 * The checkpoints of a run folder. Each is a safetensors file, and a JSON file that names its hash
 * and is written after it: without that, or with another hash, it is no checkpoint.
 */
export class CheckpointStore {
  readonly #folder: string;
  #last: { job: JobName; step: number; sha256: string; bytes: number; path: string } | undefined;

  /**
   * Takes the folder.
   *
   * @param runFolder The run folder.
   */
  constructor(runFolder: string) {
    this.#folder = join(runFolder, "checkpoints");
  }

  /** The last checkpoint that was written or read, if any. */
  get last(): string | undefined {
    return this.#last?.path;
  }

  /**
   * Writes a checkpoint, and removes those that need not stay.
   *
   * @param parts What is in it.
   * @param request What is to become of it.
   * @returns Its safetensors file.
   * @throws {UserError} If it cannot be written, or its values are not finite; those before it are
   *   as they were.
   */
  async write(
    parts: CheckpointParts,
    { keep = USUALLY_KEPT, forever = false, best = false }: CheckpointRequest,
  ): Promise<string> {
    const { job, position: { step } } = parts.content, { bestNames = ["best"] } = parts;
    const path = join(this.#folder, `${nameOf(job, step, parts.unmeasured)}.safetensors`);
    try {
      await Deno.mkdir(this.#folder, { recursive: true });
      // A signal may come where a checkpoint has just been written.
      const same = this.#last?.path === path ? this.#last : undefined;
      const { sha256, bytes } = same ?? await this.#writeTensors(path, parts);
      if (best) await this.#becomeBest(path, bestNames, { sha256, bytes });
      const stays = forever || same !== undefined && await isForever(path);
      const file: CheckpointFile = { version: 1, sha256, bytes, forever: stays, ...parts.content };
      await writeChunks(jsonOf(path), [new TextEncoder().encode(encodeContent(file))]);
      await syncFolder(this.#folder);
      this.#last = { job, step, sha256, bytes, path };
      await this.#prune(job, Math.max(1, keep));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        `the checkpoint ${path} cannot be written: ${(error as Error).message}`,
        {
          hint: hint(
            "checkpoint/write",
            "see that the disk has room and the folder can be written to, then resume the run",
            { outside: "the disk has to take the file" },
          ),
          cause: error,
        },
      );
    }
    return path;
  }

  async #writeTensors(
    path: string,
    { tensors, metadata }: CheckpointParts,
  ): Promise<{ sha256: string; bytes: number }> {
    // A file of that name from a run that was stopped is a checkpoint no longer.
    await removeIfThere(jsonOf(path));
    const hash = createHash("sha256");
    let bytes = 0;
    const hashed = async function* () {
      for await (const chunk of safetensorsChunks(tensors, metadata)) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    };
    await writeChunks(path, hashed());
    return { sha256: hash.digest("hex"), bytes };
  }

  /**
   * Gives a file its second names, without a copy where the file system can, and then says its
   * hash, as the checkpoint itself may be removed. A run that is killed in between has no
   * checkpoint there, and does both again.
   */
  async #becomeBest(
    path: string,
    names: readonly string[],
    whole: { sha256: string; bytes: number },
  ): Promise<void> {
    const text = JSON.stringify({ ...whole, of: basename(path) }) + "\n";
    for (const name of names) {
      const best = this.pathOf(name);
      const draft = draftOf(best);
      try {
        try {
          Deno.linkSync(path, draft);
        } catch {
          await Deno.copyFile(path, draft);
        }
        await Deno.rename(draft, best);
        // Of two names of one file a system may keep both.
        await removeIfThere(draft);
      } catch (error) {
        await Deno.remove(draft).catch(() => {});
        throw error;
      } finally {
        forgetDraft(draft);
      }
      await writeChunks(jsonOf(best), [new TextEncoder().encode(text)]);
    }
  }

  /**
   * A file of the run's checkpoints.
   *
   * @param name Its name, such as `best`.
   */
  pathOf(name: string): string {
    return join(this.#folder, `${name}.safetensors`);
  }

  /**
   * The newest checkpoint of a job that is whole. Damaged ones are set aside, with a word.
   *
   * @param job The job.
   * @param report Takes lines for a person to read.
   * @returns The checkpoint, if there is one.
   */
  async newest(
    job: JobName,
    report: (line: string) => void,
  ): Promise<StoredCheckpoint | undefined> {
    for (const { path } of await this.#all(job)) {
      const checked = await check(path);
      if ("content" in checked) {
        const { content: { sha256, bytes, position: { step } } } = checked;
        this.#last = { job, step, sha256, bytes, path };
        return { path, content: checked.content };
      }
      report(`the checkpoint ${path} is damaged (${checked.damage}); the one before it is taken`);
      for (const file of [jsonOf(path), path]) {
        await Deno.rename(file, `${file}.damaged`).catch(() => {});
      }
    }
    return undefined;
  }

  /**
   * The newest file of weights that is as it was written, for messages. The light net alone comes
   * after the rocket. The best is another name of one of these, and may be the only one that is
   * whole.
   *
   * @returns Its safetensors file, if there is one.
   */
  async lastGood(): Promise<string | undefined> {
    const written = [...await this.#all("light-alone"), ...await this.#all("rocket")];
    for (const path of [...written.map(({ path }) => path), this.pathOf("best")]) {
      if (await damageOf(path) === undefined) return path;
    }
    return undefined;
  }

  /** The checkpoints of a job, the newest first. */
  async #all(job: JobName): Promise<Named[]> {
    const found: Named[] = [];
    for (const name of await namesIn(this.#folder)) {
      const [, of, step, unmeasured] = jsonName.exec(name) ?? [];
      if (of !== job) continue;
      const path = join(this.#folder, `${basename(name, ".json")}.safetensors`);
      found.push({ path, step: Number(step), unmeasured: unmeasured !== undefined });
    }
    return found.sort((a, b) => b.step - a.step || Number(a.unmeasured) - Number(b.unmeasured));
  }

  async #prune(job: JobName, keep: number): Promise<void> {
    const all = await this.#all(job), passed: string[] = [], old: string[] = [];
    for (const { path, step, unmeasured } of all) {
      const again = unmeasured && all.some((one) => one.step === step && !one.unmeasured);
      if (again) passed.push(path);
      else if (!await isForever(path)) old.push(path);
    }
    for (const path of [...passed, ...old.slice(keep)]) {
      await removeIfThere(jsonOf(path));
      await removeIfThere(path);
    }
  }
}

/** What the name of a checkpoint says. */
interface Named {
  readonly path: string;
  readonly step: number;
  readonly unmeasured: boolean;
}

const nameOf = (job: JobName, step: number, unmeasured: boolean) =>
  `${job}-${String(step).padStart(6, "0")}${unmeasured ? "-unmeasured" : ""}`;

const jsonName = /^(rocket|light-alone)-(\d+)(-unmeasured)?\.json$/;

const jsonOf = (path: string) => path.replace(/\.safetensors$/, ".json");

/**
 * What is wrong with a safetensors file of a run folder, by the hash in its JSON file.
 *
 * @param path The file: a checkpoint's, or `best.safetensors`.
 * @returns The damage, or `undefined` if the file is as it was written.
 */
async function damageOf(path: string): Promise<string | undefined> {
  try {
    return differs(JSON.parse(await readRegularText(jsonOf(path))), await hashOf(path));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function differs(
  said: { readonly sha256: string; readonly bytes: number },
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): string | undefined {
  if (bytes !== said.bytes) return `it has ${bytes} bytes; expected ${said.bytes}`;
  return sha256 === said.sha256 ? undefined : "its checksum differs";
}

/** Reads what a checkpoint says, or what is wrong with it. */
async function check(
  path: string,
): Promise<{ content: CheckpointFile } | { damage: string }> {
  let content: CheckpointFile;
  try {
    content = decodeContent(await readRegularText(jsonOf(path)));
    const damage = differs(content, await hashOf(path));
    if (damage !== undefined) return { damage };
  } catch (error) {
    return { damage: error instanceof Error ? error.message : String(error) };
  }
  return { content };
}

async function isForever(path: string): Promise<boolean> {
  try {
    return decodeContent(await readRegularText(jsonOf(path))).forever;
  } catch {
    return false;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) names.push(name);
    return names;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** So that the new name outlives a power cut; not every system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    using file = await Deno.open(folder);
    await file.sync();
  } catch {
    // The file itself is synced.
  }
}
