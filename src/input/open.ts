import type { PreparedData } from "./prepare_data.ts";
import { BatchMaker } from "./batches.ts";
import { Input, type InputOptions } from "./input.ts";
import type { SharedRows } from "./rows.ts";
import type { SharedStream } from "./streamed.ts";
import { canBeSent, type InputSetup } from "./worker_input.ts";

/**
 * Creates the object that makes the batches of a run.
 *
 * @param data The rows of a plan.
 * @param options The thread that makes batches.
 * @returns The input; the caller closes it.
 */
export function openInput(
  data: PreparedData,
  options: Omit<InputOptions, "setup">,
): Input {
  data.splits.train.arrange();
  const maker = new BatchMaker(data.splits, data.transforms, data.plan.seed);
  return new Input(maker, { ...options, setup: () => inputSetup(data) });
}

/**
 * Returns everything that a thread needs to make batches, or the reason why a thread cannot be used.
 *
 * @param data The rows of a plan.
 */
export function inputSetup({ plan, splits, measured }: PreparedData): InputSetup | string {
  const transforms = [];
  for (const { specifier, options, reference, on } of plan.transforms) {
    if (specifier === undefined) {
      return `the stage ${reference.name} is not in a file that a thread can load`;
    }
    if (!canBeSent(options)) {
      return `the options of the stage ${reference.name} cannot be sent to a thread`;
    }
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
