import { dirname, join } from "node:path";
import { makeFolder } from "../../base/files/make_folder.ts";
import { writeChunks } from "../../base/files/write_chunks.ts";
import { writeFileWhole } from "../../base/files/write.ts";
import type { SavedModelFiles } from "./builder.ts";

/** The file name of the graph in the folder of a SavedModel. */
export const SAVED_MODEL_FILE = "saved_model.pb";

/** The files with the weights. */
const DATA = "variables/variables.data-00000-of-00001", INDEX = "variables/variables.index";

/** The names of all files of a SavedModel. */
export const SAVED_MODEL_FILES: readonly string[] = [SAVED_MODEL_FILE, INDEX, DATA];

/**
 * Writes the files of a SavedModel. The weights are written before the graph that needs them.
 *
 * @param folder The folder of the SavedModel.
 * @param files The content of the files.
 * @returns The number of bytes written.
 * @throws {UserError} If a file cannot be written.
 */
export async function writeSavedModel(
  folder: string,
  { graph, index, data }: SavedModelFiles,
): Promise<number> {
  await makeFolder(join(folder, dirname(DATA)));
  await writeChunks(join(folder, DATA), data);
  await writeFileWhole(join(folder, INDEX), index);
  await writeFileWhole(join(folder, SAVED_MODEL_FILE), graph);
  return [graph, index, ...data].reduce((sum, bytes) => sum + bytes.length, 0);
}
