import { join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";
import { type AllowedCode, allowedCodeOfRun } from "../../pipeline/allowed_code.ts";
import { type Document, documentOfValue, type Evaluate } from "../../pipeline/document/document.ts";
import { type EarlierRun, readEarlierRun } from "./manifest.ts";

/** A run, read from its folder by a command that continues or uses it. */
export interface RunOfFolder {
  /** The content of `pipeline.json`. */
  readonly earlier: EarlierRun;
  /** The code that its pipeline may load. */
  readonly allowed: AllowedCode;
  /** The run's pipeline, with the changes from the command line. */
  readonly document: Document;
}

/**
 * The options of {@linkcode readRun}: changes to the pipeline, and the code and environment
 * variables that it may use.
 */
export interface ReadRunOptions {
  /** Changes to the pipeline in the form `PATH=VALUE`. */
  readonly set?: readonly string[];
  /** Code outside the project's folder that may be loaded. */
  readonly allowPlugins?: readonly string[];
  /**
   * The environment variables that may be part of an address; none by default, because the folder
   * may come from someone else.
   */
  readonly allowEnv?: readonly string[];
  /** Called for each environment variable that is read. */
  readonly onVariable?: (name: string) => void;
  /** Returns the exports of a module; by default the module is imported. */
  readonly evaluate?: Evaluate | undefined;
}

/**
 * Reads the pipeline of a run folder.
 *
 * @param out The run folder.
 * @param options Changes to the pipeline, and the code that may be loaded.
 * @throws {UserError} If the folder is not a run folder, or a change is wrong; exit code 2.
 */
export async function readRun(
  out: string,
  { set = [], allowPlugins = [], allowEnv = [], onVariable, evaluate }: ReadRunOptions,
): Promise<RunOfFolder> {
  const earlier = await readEarlierRun(out);
  const allowed = await allowedCodeOfRun(out, earlier.project, allowPlugins);
  const document = await documentOfValue(earlier.pipeline, {
    allowed,
    file: join(out, runFiles.pipeline),
    set,
    onVariable,
    allowEnv,
    evaluate,
  });
  return { earlier, allowed, document };
}
