import { runFiles } from "../../base/files/run_files.ts";
import { readRegularText } from "../../base/files/regular.ts";
import { join } from "node:path";

/**
 * Checks whether a folder contains a run: a result, a checkpoint, or metrics. A run that was
 * refused or failed earlier leaves only a `pipeline.json`, and the next run may use its folder.
 *
 * @param folder The folder.
 */
export async function holdsRun(folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  if (names.includes(runFiles.result)) return true;
  // A damaged checkpoint counts as well.
  if (
    (await namesIn(join(folder, runFiles.checkpoints))).some((name) =>
      /\.json(\.damaged)?$/.test(name)
    )
  ) {
    return true;
  }
  for (const name of names) {
    if (name.endsWith(".jsonl") && await hasMeasured(join(folder, name))) return true;
  }
  return false;
}

/**
 * Checks whether a file of metrics has values beyond the mean training losses of the first epoch,
 * which do not count.
 */
async function hasMeasured(file: string): Promise<boolean> {
  // A file that cannot be read, such as a link that leads out of the folder, is refused elsewhere.
  const text = await readRegularText(file).catch(() => "");
  return text.split("\n").some((line) => {
    try {
      const { split, epoch } = JSON.parse(line);
      return split !== "train" || epoch > 1;
    } catch {
      // An incomplete line, or the empty text after the last line.
      return false;
    }
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
