import { readRegularText } from "../../base/files/regular.ts";
import { join } from "node:path";

/**
 * Whether a folder holds a run: a result, a checkpoint, or measured metrics. One that was refused,
 * or failed before all of them, leaves a `pipeline.json` at most, and the next run may take its
 * folder.
 *
 * @param folder The folder.
 */
export async function holdsRun(folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  if (names.includes("result.json")) return true;
  // A damaged one was one, too.
  if (
    (await namesIn(join(folder, "checkpoints"))).some((name) => /\.json(\.damaged)?$/.test(name))
  ) {
    return true;
  }
  for (const name of names) {
    if (name.endsWith(".jsonl") && await hasMeasured(join(folder, name))) return true;
  }
  return false;
}

/** Whether a split was measured: the means of the first epoch's losses alone are no result. */
async function hasMeasured(file: string): Promise<boolean> {
  // One that cannot be read, such as a link that leads out of the folder, is refused elsewhere.
  const text = await readRegularText(file).catch(() => "");
  return text.split("\n").some((line) => {
    try {
      const { split, epoch } = JSON.parse(line);
      return split !== "train" || epoch > 1;
    } catch {
      // Half a line, or the end.
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
