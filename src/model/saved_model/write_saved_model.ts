import { join } from "node:path";
import { makeFolder } from "../../base/files/make_folder.ts";
import { writeChunks } from "../../base/files/write_chunks.ts";
import { writeFileWhole } from "../../base/files/write.ts";
import type { SavedModelFiles } from "./builder.ts";

/** The file of the graph. */
export const SAVED_MODEL_FILE = "saved_model.pb";

/** The folder of the weights. */
const VARIABLES = "variables";

/**
 * Writes a SavedModel; its weights first, which it needs.
 *
 * @param folder The folder.
 * @param files What is in it.
 * @returns How many bytes were written.
 * @throws {UserError} If a file cannot be written.
 */
export async function writeSavedModel(
  folder: string,
  { graph, index, data }: SavedModelFiles,
): Promise<number> {
  const weights = join(folder, VARIABLES);
  await makeFolder(weights);
  await writeChunks(join(weights, "variables.data-00000-of-00001"), data);
  await writeFileWhole(join(weights, "variables.index"), index);
  await writeFileWhole(join(folder, SAVED_MODEL_FILE), graph);
  return [graph, index, ...data].reduce((sum, bytes) => sum + bytes.length, 0);
}
