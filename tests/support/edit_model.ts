import { join } from "node:path";
import { isSealed, SEAL, sealJson } from "../../src/base/files/sealed_json.ts";

/**
 * Changes `model.json` as if Rocket had written it so: with a new hash, also in the checkpoints of a
 * run.
 *
 * @param folder The run folder or export folder.
 * @param change Changes the content of the file, or returns another one.
 */
// deno-lint-ignore no-explicit-any -- tests change any part of the file.
export function editModel(folder: string, change: (model: any) => unknown): void {
  const path = join(folder, "model.json"), old = JSON.parse(Deno.readTextFileSync(path));
  const changed = structuredClone(old), model = change(changed) ?? changed;
  Deno.writeTextFileSync(path, sealed(model));
  const { [SEAL]: seal } = JSON.parse(Deno.readTextFileSync(path));
  const checkpoints = join(folder, "checkpoints");
  for (const name of namesIn(checkpoints).filter((name) => name.endsWith(".json"))) {
    const file = join(checkpoints, name), text = Deno.readTextFileSync(file);
    const other = text.replace(old[SEAL], seal);
    Deno.writeTextFileSync(file, isSealed(text) ? sealed(JSON.parse(other)) : other);
  }
}

/**
 * Changes the JSON file of a checkpoint as if Rocket had written it so: with a new hash.
 *
 * @param file The file.
 * @param change Changes its content.
 */
// deno-lint-ignore no-explicit-any -- tests change any part of the file.
export function editCheckpoint(file: string, change: (content: any) => void): void {
  const content = JSON.parse(Deno.readTextFileSync(file));
  change(content);
  Deno.writeTextFileSync(file, sealed(content));
}

/** Returns the text of a file that contains its hash. */
function sealed({ [SEAL]: _, ...content }: Record<string, unknown>): string {
  return sealJson(JSON.stringify(content, undefined, 2));
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
