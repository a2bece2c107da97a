import type { Plan } from "../pipeline/plan.ts";
import type { PreparedData } from "./prepare_data.ts";
import { BatchMaker } from "./batches.ts";
import { Input, type InputOptions } from "./input.ts";
import type { SharedRows } from "./rows.ts";
import type { SharedStream } from "./streamed.ts";
import { canBeSent, type InputSetup } from "./worker_input.ts";

/**
 * The input of a run.
 *
 * @param plan The plan.
 * @param data Its rows.
 * @param options Where batches are made.
 * @returns What makes batches, which the caller closes.
 */
export function openInput(
  plan: Plan,
  data: PreparedData,
  options: Omit<InputOptions, "setup">,
): Input {
  const maker = new BatchMaker(data.splits, data.transforms, plan.seed);
  return new Input(maker, { ...options, setup: () => inputSetup(plan, data) });
}

/**
 * What another thread makes batches of, or why it cannot.
 *
 * @param plan The plan.
 * @param data Its rows.
 */
export function inputSetup(plan: Plan, { splits, measured }: PreparedData): InputSetup | string {
  const transforms = [];
  for (const { specifier, options, reference, on } of plan.transforms) {
    if (specifier === undefined) return `${reference.name} is in no file that a thread can load`;
    if (!canBeSent(options)) return `the options of ${reference.name} cannot be sent to a thread`;
    transforms.push({ specifier, options, reference, on });
  }
  const shared: Record<string, SharedRows | SharedStream> = {};
  for (const [name, split] of Object.entries(splits)) {
    const rows = split.share();
    if (typeof rows === "string") return rows;
    shared[name] = rows;
  }
  return { splits: shared, transforms, measured, seed: plan.seed };
}
