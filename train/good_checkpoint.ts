import { basename, join } from "node:path";
import { decodeSafetensors } from "../files/safetensors.ts";
import { damageOf } from "./checkpoint/store.ts";

/**
 * The newest checkpoint of a run that is as it was written, and whose numbers are all finite.
 *
 * @param folder The run folder.
 * @returns Its file, or `undefined` if there is none.
 */
export async function lastGoodCheckpoint(folder: string): Promise<string | undefined> {
  const checkpoints = join(folder, "checkpoints");
  const found: { path: string; written: number }[] = [];
  try {
    for await (const { name } of Deno.readDir(checkpoints)) {
      // What begins with a dot is a draft.
      if (!/^[^.].*\.safetensors$/.test(name)) continue;
      const path = join(checkpoints, name);
      found.push({ path, written: (await Deno.stat(path)).mtime?.getTime() ?? 0 });
    }
  } catch {
    return undefined;
  }
  // The best is another name of one of these, which says less, and may be the only one that is whole.
  const second = ({ path }: { path: string }) => Number(basename(path).startsWith("best"));
  found.sort((a, b) => b.written - a.written || second(a) - second(b));
  for (const { path } of found) {
    if (await damageOf(path) === undefined && await isFinite(path)) return path;
  }
  return undefined;
}

async function isFinite(path: string): Promise<boolean> {
  try {
    const { tensors } = decodeSafetensors(await Deno.readFile(path));
    return [...tensors.values()].every(({ values }) =>
      !(values instanceof Float32Array) || values.every(Number.isFinite)
    );
  } catch {
    return false;
  }
}
