import { join } from "node:path";
import { type AllowedCode, allowedCodeOfRun } from "../../pipeline/allowed_code.ts";
import { type Document, documentOfValue, type Evaluate } from "../../pipeline/document/document.ts";
import { type EarlierRun, readEarlierRun } from "./manifest.ts";

/** A run folder, as a command that goes on with it reads it. */
export interface RunOfFolder {
  /** What the folder says of its run. */
  readonly earlier: EarlierRun;
  /** Which code its pipeline may name. */
  readonly allowed: AllowedCode;
  /** The run's pipeline, changes of the command line included. */
  readonly document: Document;
}

/** How a run folder is read. */
export interface ReadRunOptions {
  /** Changes of the pipeline, as `PATH=VALUE`. */
  readonly set?: readonly string[];
  /** Code from elsewhere that may be loaded. */
  readonly allowPlugins?: readonly string[];
  /**
   * The environment variables that may be part of an address; none by default, as the folder may be
   * somebody else's.
   */
  readonly allowEnv?: readonly string[];
  /** Hears of each environment variable that is read. */
  readonly onVariable?: (name: string) => void;
  /** What a module exports; it is imported by default. */
  readonly evaluate?: Evaluate | undefined;
}

/**
 * Reads the pipeline of a run folder.
 *
 * @param out The run folder.
 * @param options Changes, and which code may be loaded.
 * @throws {UserError} If it is no run folder, or a change is wrong; exit code 2.
 */
export async function readRun(
  out: string,
  { set = [], allowPlugins = [], allowEnv = [], onVariable, evaluate }: ReadRunOptions,
): Promise<RunOfFolder> {
  const earlier = await readEarlierRun(out);
  const allowed = await allowedCodeOfRun(out, earlier.project, allowPlugins);
  const document = await documentOfValue(earlier.pipeline, {
    allowed,
    file: join(out, "pipeline.json"),
    set,
    onVariable,
    allowEnv,
    evaluate,
  });
  return { earlier, allowed, document };
}
