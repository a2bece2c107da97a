import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { readRegularText } from "../../base/files/regular.ts";
import { draftOf, forgetDraft } from "../../base/files/drafts.ts";
import { hashOf } from "../../base/files/hash_of.ts";
import { safetensorsChunks, type StreamedTensor } from "../../base/files/safetensors_stream.ts";
import { writeChunks } from "../../base/files/write_chunks.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { thrownMessage } from "../../base/printable.ts";
import type { CheckpointRequest, JobName } from "../../stages/events.ts";
import {
  type CheckpointContent,
  type CheckpointFile,
  decodeContent,
  encodeContent,
} from "./checkpoint_content.ts";
import { refuseOtherRun } from "./found_checkpoint.ts";

/** A checkpoint in a run folder. */
export interface StoredCheckpoint {
  /** The path of its safetensors file. */
  readonly path: string;
  /** The content of its JSON file. */
  readonly content: CheckpointFile;
}

/** The parts of a checkpoint to be written. */
export interface CheckpointParts {
  /** The position of the job, and other content of the JSON file. */
  readonly content: CheckpointContent;
  /** The tensors of the state, by name. */
  readonly tensors: ReadonlyMap<string, StreamedTensor>;
  /** The additional names of the checkpoint if it is the best; `best` by default. */
  readonly bestNames?: readonly string[];
  /** The metadata of the safetensors file, for readers without the JSON file. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Whether all steps of an epoch are completed but its evaluations are not. Evaluations change the
   * metadata, so there may be two checkpoints of the same step.
   */
  readonly unmeasured: boolean;
}

/**
 * How many of the latest checkpoints of a job are kept by default. The second is a spare in case
 * the latest one is damaged.
 */
export const USUALLY_KEPT = 2;

/**
 * The checkpoints of a run folder. A checkpoint consists of a safetensors file and a JSON file with
 * its hash. The JSON file is written last: without it, or with another hash, the safetensors file
 * does not count as a checkpoint.
 */
export class CheckpointStore {
  readonly #folder: string;
  readonly #modelSha256: string | undefined;
  #last: Written | undefined;

  /**
   * Creates a store for a run folder.
   *
   * @param runFolder The run folder.
   * @param modelSha256 The hash in the run's `model.json`. Written checkpoints contain it, and read
   *   checkpoints must contain it.
   */
  constructor(runFolder: string, modelSha256?: string) {
    this.#modelSha256 = modelSha256;
    this.#folder = join(runFolder, runFiles.checkpoints);
  }

  /** The path of the last checkpoint that was written or read, if any. */
  get last(): string | undefined {
    return this.#last?.path;
  }

  /**
   * Writes a checkpoint, and removes older ones that need not be kept.
   *
   * @param parts The parts of the checkpoint.
   * @param request How many checkpoints to keep, and whether this one is the best.
   * @returns The path of its safetensors file.
   * @throws {UserError} If it cannot be written, or its values are not finite. Earlier checkpoints
   *   then remain unchanged.
   */
  async write(
    parts: CheckpointParts,
    { keep = USUALLY_KEPT, forever = false, best = false }: CheckpointRequest,
  ): Promise<string> {
    const { job, position: { step, start } } = parts.content, { bestNames = ["best"] } = parts;
    const path = join(this.#folder, `${nameOf(job, step, parts.unmeasured)}.safetensors`);
    try {
      await Deno.mkdir(this.#folder, { recursive: true });
      // A signal may arrive just after a checkpoint was written at the same step.
      const same = this.#last?.path === path ? this.#last : undefined;
      // The next phase has taken no step. Its weights and its optimizer are others already, and the
      // checkpoint at the end of the previous phase leads to them.
      if (same && same.phase !== start.phase) return path;
      const { sha256, bytes } = same ?? await this.#writeTensors(path, parts);
      if (best) await this.#becomeBest(path, bestNames, { sha256, bytes });
      const stays = forever || same !== undefined && await isForever(path);
      const modelSha256 = this.#modelSha256;
      const file: CheckpointFile = {
        ...{ version: 1, sha256, bytes, forever: stays },
        ...(modelSha256 !== undefined && { modelSha256 }),
        ...parts.content,
      };
      await writeChunks(jsonOf(path), [new TextEncoder().encode(encodeContent(file))]);
      await syncFolder(this.#folder);
      this.#last = { phase: start.phase, sha256, bytes, path };
      await this.#prune(job, Math.max(1, keep));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(
        `the checkpoint ${path} cannot be written: ${(error as Error).message}`,
        {
          hint: hint(
            "checkpoint/write",
            "make sure that the disk has space and the folder is writable, then resume the run",
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
    // Invalidate a checkpoint of the same name that an interrupted run left behind.
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
   * Gives a file its additional names, by hard links if the file system supports them. Each name
   * gets its own JSON file with the hash, because the checkpoint itself may be removed later. If
   * the run is killed in between, the JSON file of the checkpoint is still missing, and a resumed
   * run repeats both.
   */
  async #becomeBest(
    path: string,
    names: readonly string[],
    whole: { sha256: string; bytes: number },
  ): Promise<void> {
    const modelSha256 = this.#modelSha256;
    const text = JSON.stringify({ ...whole, of: basename(path), modelSha256 }) + "\n";
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
        // Renaming one hard link to another link of the same file may leave both in place.
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
   * Returns the path of a checkpoint's safetensors file.
   *
   * @param name The checkpoint's name, such as `best`.
   */
  pathOf(name: string): string {
    return join(this.#folder, `${name}.safetensors`);
  }

  /**
   * Returns the path of a checkpoint under another name, such as `best-teacher`, from which training
   * continues.
   *
   * @param name The checkpoint's name.
   * @throws {UserError} If it is damaged.
   */
  async intact(name: string): Promise<string> {
    const path = this.pathOf(name), damage = await damageOf(path);
    if (damage === undefined) return path;
    throw new UserError(
      `the checkpoint ${path}, from which the next phase starts, is damaged: ${damage}`,
      {
        hint: hint("checkpoint/best", "start a new run: no other file has these weights", {
          edit: "the command",
        }),
      },
    );
  }

  /**
   * Finds the newest intact checkpoint of a job. Damaged ones are renamed, and a log line reports
   * them.
   *
   * @param job The job.
   * @param report Receives log lines.
   * @returns The checkpoint, if there is one.
   * @throws {UserError} If it is from another run.
   */
  async newest(
    job: JobName,
    report: (line: string) => void,
  ): Promise<StoredCheckpoint | undefined> {
    for (const { path } of await this.#all(job)) {
      const checked = await check(path);
      if ("content" in checked) {
        const { content: { sha256, bytes, modelSha256, position: { start } } } = checked;
        if (this.#modelSha256 !== undefined) {
          refuseOtherRun({ path, modelSha256 }, this.#modelSha256);
        }
        this.#last = { phase: start.phase, sha256, bytes, path };
        return { path, content: checked.content };
      }
      report(
        `the checkpoint ${path} is damaged (${checked.damage}); the run uses the one before it`,
      );
      for (const file of [jsonOf(path), path]) {
        await Deno.rename(file, `${file}.damaged`).catch(() => {});
      }
    }
    return undefined;
  }

  /**
   * Finds the newest intact file of weights, for messages. The light net alone is trained after the
   * rocket, so its checkpoints are newer. `best` is another name of one of the checkpoints, and may
   * be the only one that is intact.
   *
   * @returns The path of the safetensors file, if there is one.
   */
  async lastGood(): Promise<string | undefined> {
    const written = [...await this.#all("light-alone"), ...await this.#all("rocket")];
    for (const path of [...written.map(({ path }) => path), this.pathOf("best")]) {
      if (await damageOf(path) === undefined) return path;
    }
    return undefined;
  }

  /** Lists the checkpoints of a job, the newest first. */
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
    await this.#removeStrays();
  }

  /**
   * Removes weights without a JSON file. An earlier process may have been killed after it had removed
   * the JSON file, or before it wrote it.
   */
  async #removeStrays(): Promise<void> {
    const files = new Set<string>();
    for await (const { name, isFile } of Deno.readDir(this.#folder)) if (isFile) files.add(name);
    for (const name of files) {
      const json = jsonOf(name);
      if (json === name || !jsonName.test(json) || files.has(json)) continue;
      await removeIfThere(join(this.#folder, name));
    }
  }
}

/** A checkpoint that was written or read. */
interface Written {
  /** The path of its safetensors file, whose name contains the job and the step. */
  readonly path: string;
  /** The hash and the size of this file. */
  readonly sha256: string;
  readonly bytes: number;
  /** The phase of its position. */
  readonly phase: number;
}

/** The parts of a checkpoint's file name. */
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
 * Compares a safetensors file of a run folder with the hash in its JSON file.
 *
 * @param path The file of a checkpoint, or `best.safetensors`.
 * @returns The damage, or `undefined` if the file is intact.
 */
async function damageOf(path: string): Promise<string | undefined> {
  try {
    return differs(JSON.parse(await readRegularText(jsonOf(path))), await hashOf(path));
  } catch (error) {
    return thrownMessage(error);
  }
}

function differs(
  said: { readonly sha256: string; readonly bytes: number },
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): string | undefined {
  if (bytes !== said.bytes) return `it has ${bytes} bytes; expected ${said.bytes}`;
  return sha256 === said.sha256 ? undefined : "its checksum differs";
}

/** Reads the JSON file of a checkpoint and checks its safetensors file. */
async function check(
  path: string,
): Promise<{ content: CheckpointFile } | { damage: string }> {
  let content: CheckpointFile;
  try {
    content = decodeContent(await readRegularText(jsonOf(path)));
    const damage = differs(content, await hashOf(path));
    if (damage !== undefined) return { damage };
  } catch (error) {
    return { damage: thrownMessage(error) };
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

/**
 * Syncs a folder, so that a new file name survives a power failure; not every system supports this.
 */
async function syncFolder(folder: string): Promise<void> {
  try {
    using file = await Deno.open(folder);
    await file.sync();
  } catch {
    // The file itself is synced already.
  }
}
