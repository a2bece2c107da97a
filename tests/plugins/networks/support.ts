import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import type { ColumnSpec } from "../../../src/stages/batch.ts";
import type {
  BuiltNets,
  NetName,
  NetworkStage,
  Variable,
  VariableOwner,
} from "../../../src/stages/network.ts";
import { UserError } from "../../../plugin.ts";
import { Forward } from "../../../src/train/forward.ts";
import {
  DeclaredVariables,
  initialValues,
  type TensorsByName,
} from "../../../src/train/variables.ts";

/** What a network is built for, in tests. */
export interface BuildOptions {
  readonly features: Readonly<Record<string, ColumnSpec>>;
  readonly units?: number;
  readonly nets?: readonly NetName[];
}

/** Nets and the variables that they declared. */
export interface Built {
  readonly pair: BuiltNets;
  readonly variables: readonly Variable[];
}

/** Both nets. */
export const both: readonly NetName[] = ["light", "booster"];

/** Builds nets from options as a pipeline file has them. */
export function build(
  stage: NetworkStage,
  options: unknown,
  { features, units = 10, nets = both }: BuildOptions,
): Built {
  const variables = new DeclaredVariables();
  const label = { kind: "class", classes: units, shape: [], dtype: "int32" } as const;
  const pair = stage.create(stage.options.parse(options), {
    features,
    label,
    units,
    nets,
    variables,
  });
  assertEquals(Object.keys(pair), [...nets]);
  return { pair, variables: variables.all };
}

/** A forward pass with given values. */
export function forward(
  { pair }: Built,
  values: TensorsByName,
  features: TensorsByName,
  training = false,
): Forward {
  return new Forward(pair, {
    values,
    features,
    training,
    seed: () => {
      throw new Error("no net draws random numbers");
    },
  });
}

/** Which variables an owner has, by name. */
export const namesOf = ({ variables }: Built, owner: VariableOwner): string[] =>
  variables.filter((variable) => variable.owner === owner).map(({ name }) => name);

/**
 * Expects the light net alone to declare what it has in the rocket and nothing else, and to start
 * with the same numbers.
 */
export function assertAloneAsInRocket(alone: Built, rocket: Built): void {
  const own = rocket.variables.filter(({ owner }) => owner !== "booster");
  assert(own.length < rocket.variables.length);
  assertEquals(new Set(alone.variables.map(({ owner }) => owner)), new Set(["light"]));
  const byName = (variables: readonly Variable[]) =>
    new Map(variables.map(({ owner: _, ...variable }) => [variable.name, variable]));
  assertEquals(byName(alone.variables), byName(own));
  const [one, other] = [alone, rocket].map(({ variables }) => initialValues(variables, 7));
  for (const { name } of alone.variables) {
    assertEquals(one![name]!.dataSync(), other![name]!.dataSync(), name);
  }
  tf.dispose([one!, other!]);
}

/** Expects a network to refuse as a mistake of the pipeline file, with advice. */
export function assertRefused(
  stage: NetworkStage,
  options: unknown,
  features: Readonly<Record<string, ColumnSpec>>,
  message: string,
  hint: string,
): void {
  for (const nets of [both, ["light"]] as const) {
    const error = assertThrows(() => build(stage, options, { features, nets }), UserError, message);
    assertEquals([error.exitCode, error.problems[0]!.hint], [2, hint]);
  }
}

/** What the schema says of options that it refuses. */
export function issuesOf(stage: NetworkStage, options: unknown): string[] {
  const { error } = stage.options.safeParse(options);
  assert(error, `${JSON.stringify(options)} was accepted`);
  return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
