import { runFiles } from "../../base/files/run_files.ts";
import { SafetensorsFile } from "../../base/files/safetensors_stream.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { withVariables } from "../../pipeline/document/environment.ts";
import { nestedStages } from "../../pipeline/plan/stage_options.ts";
import type { Registry } from "../../pipeline/registry.ts";
import { type FoundCheckpoint, refuseChanged } from "../folder/found_checkpoint.ts";
import type { ModelFile } from "./model_file.ts";
import type { BuiltNets, NetName, NetworkStage, Variable } from "../../stages/network.ts";
import { networkPart } from "../../stages/network_part.ts";
import { callStage, type StageReference } from "../../stages/stage_error.ts";
import { DeclaredVariables } from "../../train/variables.ts";

/** The nets of a model as functions, without weights. */
export interface ModelNets {
  /** The forward passes of the nets. */
  readonly pair: BuiltNets;
  /** The variables of both nets. */
  readonly variables: readonly Variable[];
  /** The network stage. */
  readonly stage: StageReference;
}

/**
 * Builds the nets that `model.json` describes.
 *
 * @param model The content of `model.json`.
 * @param registry Finds the network stage.
 * @throws {UserError} If the network cannot be found, or declares other variables than in the run.
 */
export async function makeNets(
  { network, inputs, label, variables: had }: ModelFile,
  registry: Pick<Registry, "find">,
): Promise<ModelNets> {
  const reference: StageReference = { kind: "network", name: network.use };
  const found = await registry.find("network", network.use, {
    folder: Deno.cwd(),
    place: undefined,
  });
  const stage = found as NetworkStage;
  const version = hint(
    "model/network",
    "use the version of the stage with which the run was trained",
    {
      edit: "the stage",
    },
  );
  const written = withVariables(network.options, runFiles.model) as Record<string, unknown>;
  const parsed = await parsedOptions(stage, written, registry);
  if (!parsed.success) {
    throw new UserError(
      `the network ${network.use} does not accept the options with which the run was trained`,
      {
        hint: version,
        cause: parsed.error,
      },
    );
  }
  const variables = new DeclaredVariables();
  const pair = callStage(reference, "create()", () =>
    stage.create(parsed.data, {
      features: Object.fromEntries(inputs.map(({ name, spec }) => [name, spec])),
      label: label.spec,
      units: network.units,
      nets: network.nets,
      variables,
    }));
  const formOf = ({ name, shape }: Pick<Variable, "name" | "shape">) => `${name} [${shape}]`;
  const declared = new Set(variables.all.map(formOf));
  const missing = had.find((variable) => !declared.delete(formOf(variable)));
  const other = missing ? formOf(missing) : [...declared][0];
  if (other === undefined) return { pair, variables: variables.all, stage: reference };
  throw new UserError(
    missing
      ? `the network ${network.use} does not declare the variable ${other}, which the run has`
      : `the network ${network.use} declares the variable ${other}, which the run does not have`,
    { hint: version },
  );
}

/** Checks the options of a network. An option that is a network itself becomes a part. */
async function parsedOptions(
  stage: NetworkStage,
  written: Readonly<Record<string, unknown>>,
  registry: Pick<Registry, "find">,
): Promise<ReturnType<NetworkStage["options"]["safeParse"]>> {
  const options = { ...written };
  for (const [key, kind] of nestedStages(stage)) {
    const { use, ...inner } = Object(written[key]) as { use?: unknown };
    if (kind !== "network" || typeof use !== "string") continue;
    const place = { folder: Deno.cwd(), place: undefined };
    const part = await registry.find("network", use, place) as NetworkStage;
    const parsed = await parsedOptions(part, inner, registry);
    if (!parsed.success) return parsed;
    options[key] = networkPart(part, parsed.data, { kind: "network", name: use });
  }
  return stage.options.safeParse(options);
}

/**
 * Selects the variables that a net reads: its own and the shared ones.
 *
 * @param variables The variables of both nets.
 * @param net The net.
 */
export function variablesOf<V extends Pick<Variable, "owner">>(
  variables: readonly V[],
  net: NetName,
): V[] {
  return variables.filter(({ owner }) => owner === net || owner === "shared");
}

/**
 * Reads the values of variables from a checkpoint, and refuses a checkpoint that is not the file
 * that the run wrote. The hash is computed after the values were read, so that a file is noticed
 * that takes the place of the checkpoint before.
 *
 * @param checkpoint The checkpoint.
 * @param variables The variables.
 * @returns The values by the variable's name.
 * @throws {UserError} If the file was changed or cannot be read, or a variable is missing or has
 *   another shape.
 */
export async function readWeights(
  checkpoint: FoundCheckpoint,
  variables: readonly Pick<Variable, "name" | "shape">[],
): Promise<Map<string, Float32Array>> {
  try {
    return await valuesIn(checkpoint.path, variables);
  } finally {
    // A changed file also explains why its values cannot be read.
    await refuseChanged(checkpoint);
  }
}

async function valuesIn(
  path: string,
  variables: readonly Pick<Variable, "name" | "shape">[],
): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  let file: SafetensorsFile | undefined;
  try {
    file = await SafetensorsFile.open(path);
    for (const { name, shape } of variables) {
      const entry = file.entries.get(name);
      if (`${entry?.shape}` === `${shape}`) {
        weights.set(name, await file.floats(name));
        continue;
      }
      const found = entry ? `${name} has the shape [${entry.shape}]` : `${name} is missing`;
      throw new UserError(
        `the weights in ${path} do not match ${runFiles.model}: ${found}; expected [${shape}]`,
        { hint: wholeFolder() },
      );
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = error instanceof Deno.errors.NotFound
      ? "the file does not exist"
      : (error as Error).message;
    throw new UserError(`the weights in ${path} cannot be read: ${why}`, {
      hint: wholeFolder(),
      cause: error,
    });
  } finally {
    file?.close();
  }
  for (const [name, values] of weights) {
    const broken = values.find((value) => !Number.isFinite(value));
    if (broken === undefined) continue;
    throw new UserError(`the variable ${name} in ${path} contains ${broken}`, {
      hint: wholeFolder(),
    });
  }
  return weights;
}

const wholeFolder = () =>
  hint("model/whole", "use an unchanged run folder or export folder", { edit: "the folder" });
