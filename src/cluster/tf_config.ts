import { describeValue } from "../base/describe_value.ts";
import { UserError } from "../base/errors.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
import { checkAddress, refuseTwice } from "./address.ts";
import type { ClusterVariables } from "./cluster.ts";
import type { Cluster } from "./processes.ts";

/** The types of processes that train, in the order of their numbers, as in TensorFlow. */
const TYPES = ["chief", "worker"] as const;

const FORM =
  '{"cluster": {"worker": ["10.0.0.1:7077", "10.0.0.2:7077"]}, "task": {"type": "worker", "index": 0}}';

/**
 * Reads `TF_CONFIG`, in which TensorFlow's own tools describe a cluster. A `chief` is the process 0.
 *
 * @param variables The environment variables.
 * @returns The cluster, which may have only one process; undefined if the variable is not set.
 * @throws {UserError} If the variable does not describe a cluster; exit code 2.
 */
export function tfConfig({ TF_CONFIG: text = "" }: ClusterVariables): Cluster | undefined {
  if (text.trim() === "") return undefined;
  const config = recordOf(parsed(text), "");
  // TensorFlow reads an empty configuration as one process.
  if (Object.keys(config).length === 0) return undefined;
  const processes = recordOf(config.cluster, "cluster");
  for (const type of Object.keys(processes)) refuseOtherType(type, "cluster");
  const each = TYPES.map((type) => addressesOf(processes[type], type));
  const addresses = each.flat();
  if (addresses.length === 0) wrong("TF_CONFIG lists no processes", "cluster");
  refuseTwice(addresses, { place: { file: "TF_CONFIG", path: "cluster" }, variable: "TF_CONFIG" });
  const rank = rankOf(recordOf(config.task, "task"), each);
  return { rank, addresses, variable: "TF_CONFIG" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    wrong(`TF_CONFIG is not JSON: ${(error as Error).message}`);
  }
}

function addressesOf(list: unknown, type: string): string[] {
  if (list === undefined) return [];
  const path = `cluster.${type}`;
  if (!Array.isArray(list)) {
    wrong(`cluster.${type} must be a list of addresses, got ${describeValue(list)}`, path);
  }
  return list.map((address, index) => {
    const place = { file: "TF_CONFIG", path: `${path}[${index}]` };
    if (typeof address === "string") return checkAddress(address, { place, variable: "TF_CONFIG" });
    return wrong(`an address must be a text, got ${describeValue(address)}`, place.path);
  });
}

function rankOf(
  { type, index }: Readonly<Record<string, unknown>>,
  each: readonly (readonly string[])[],
): number {
  if (typeof type !== "string") {
    wrong(`task.type must be "worker" or "chief", got ${describeValue(type)}`, "task.type");
  }
  refuseOtherType(type, "task.type");
  const at = TYPES.findIndex((one) => one === type), { length } = each[at]!;
  if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= length) {
    const expected = length === 0
      ? `TF_CONFIG lists no ${type}`
      : `TF_CONFIG lists ${length} of the type ${type}, numbered from 0`;
    wrong(`the task index ${JSON.stringify(index)} is out of range: ${expected}`, "task.index");
  }
  return (index as number) + each.slice(0, at).flat().length;
}

function refuseOtherType(type: string, path: string): void {
  if (TYPES.some((one) => one === type)) return;
  const why = type === "ps" || type === "evaluator" ? "; each process trains and evaluates" : "";
  wrong(
    `there are no processes of the type ${JSON.stringify(type)}${why}`,
    path,
    nameHint("cluster/type", {
      written: type,
      names: TYPES,
      intro: "the types are",
      change: () => ({ variables: { TF_CONFIG: "" } }),
    }),
  );
}

function recordOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  const what = path === "" ? "TF_CONFIG" : path;
  wrong(`${what} must be an object, got ${describeValue(value)}`, path);
}

function wrong(message: string, path?: string, other?: HintText): never {
  throw new UserError(message, {
    place: { file: "TF_CONFIG", path },
    hint: other ??
      hint("cluster/tf-config", `write ${FORM}; without TF_CONFIG, the run is one process`, {
        variables: { TF_CONFIG: "" },
      }),
    exitCode: 2,
  });
}
