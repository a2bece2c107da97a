import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { UserError } from "../base/errors.ts";
import { makeFolder } from "../base/files/make_folder.ts";
import { readRegularText } from "../base/files/regular.ts";
import { writeFileWhole } from "../base/files/write.ts";
import { hint } from "../base/hints.ts";
import { keptNetsFolder } from "../base/machine/cache_folder.ts";
import { ROCKET_VERSION } from "../base/package.ts";
import { variableMark, variablesIn } from "../pipeline/document/environment.ts";
import { isElsewhere, isUrl } from "../pipeline/registry.ts";
import { refuseChanged } from "../run/folder/found_checkpoint.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import { modelToOnnx } from "./onnx/model_to_onnx.ts";
import { netsOfRun, type OpenedRun } from "../run/model/open_run.ts";
import { dataFileOf, hashesOfOnnx, onnxHashes, writeOnnxFile } from "./write_onnx.ts";

/** The ONNX file of a run's net. */
export interface KeptNet {
  /** The path of the file; or its bytes, if the run folder cannot be written to. */
  readonly model: string | Uint8Array;
  /**
   * Throws an error if the file was exchanged since Rocket wrote or checked it. Called after the
   * file was loaded.
   */
  refuseExchanged(): Promise<void>;
}

/**
 * Returns the ONNX file of a run's net: the one that an earlier call stored in the run folder, or a
 * new one.
 *
 * A run folder may come from another person, and the stored file could compute something else than
 * the checkpoint. Its hashes are therefore stored in the cache of this user, and the file is used
 * only if this user's Rocket made it from the same checkpoint and `model.json`.
 *
 * @param run The run.
 * @returns The file.
 * @throws {UserError} If the checkpoint was changed, or the net cannot be converted.
 */
export async function onnxOfRun(run: OpenedRun): Promise<KeptNet> {
  const { folder, net, checkpoint, model, decoder } = run;
  const origin = [
    ...[ROCKET_VERSION, net, checkpoint.sha256, model.sha256],
    ...model.inputs.map(({ name }) => JSON.stringify(name)),
    ...await outsideOf(model),
  ].join(" ");
  const key = createHash("sha256").update(origin).digest("hex");
  const path = join(folder, "model", `${key.slice(0, 32)}.onnx`);
  const stored = await intactHashes(path, key);
  if (stored !== undefined) {
    await refuseChanged(checkpoint);
    return keptNet(path, stored);
  }
  const file = modelToOnnx({
    ...{ model, net, ...await netsOfRun(run) },
    transforms: decoder.transforms,
    inputs: "features",
    place: { dataFile: dataFileOf(basename(path)) },
  });
  try {
    await writeOnnxFile(path, file);
  } catch (error) {
    // If the folder is read-only, the model is used from memory.
    if (file.data.length > 0) throw error;
    return { model: file.bytes, refuseExchanged: () => Promise.resolve() };
  }
  // Not of the written file, which another program could have exchanged.
  const hashes = recordText(hashesOfOnnx(path, file));
  try {
    await makeFolder(keptNetsFolder());
    await writeFileWhole(recordOf(key), new TextEncoder().encode(hashes));
  } catch {
    // Without the hashes, the net is converted again the next time.
  }
  return keptNet(path, hashes);
}

/**
 * Describes an ONNX file in a run folder.
 *
 * @param path The path of the file.
 * @param hashes The hashes that the file has, as the record in the cache contains them.
 */
export function keptNet(path: string, hashes: string): KeptNet {
  return {
    model: path,
    async refuseExchanged() {
      if (await hashesOf(path) === hashes) return;
      throw new UserError(`${path} was exchanged while it was loaded`, {
        hint: hint("model/exchanged", "run the command again while no program changes the folder", {
          outside: "another program changes the run folder",
        }),
      });
    },
  };
}

/**
 * Returns hashes of what a net is computed from in addition to `model.json`: the values of
 * environment variables in options, and the modules of custom stages. A change in another module
 * that such a module imports is not noticed.
 */
async function outsideOf({ network, transforms }: ModelFile): Promise<string[]> {
  const stages = [network, ...transforms];
  const variables = variablesIn(stages).toSorted().map(variableMark);
  const modules = [...new Set(usesIn(stages))].filter((use) => isElsewhere(use) && !isUrl(use));
  const texts = await Promise.all(
    modules.toSorted().map(async (use) => {
      const text = await readRegularText(use.split("#")[0]!).catch(() => "");
      return createHash("sha256").update(text).digest("hex");
    }),
  );
  return [...variables, ...texts];
}

/** Finds the stages that a value names, also those within the options of others. */
function usesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "use" && typeof inner === "string" ? [inner] : usesIn(inner)
  );
}

/** The file with the hashes of a stored ONNX file. */
const recordOf = (key: string) => join(keptNetsFolder(), `${key}.json`);

/** Returns the record of the hashes of a stored ONNX file, as JSON. */
const recordText = (hashes: Readonly<Record<string, string>>) => JSON.stringify(hashes) + "\n";

const hashesOf = async (path: string) => recordText(await onnxHashes(path));

/** Returns the hashes of a stored ONNX file if it is as this user's Rocket wrote it. */
async function intactHashes(path: string, key: string): Promise<string | undefined> {
  try {
    const hashes = await hashesOf(path);
    return await readRegularText(recordOf(key)) === hashes ? hashes : undefined;
  } catch {
    return undefined;
  }
}
