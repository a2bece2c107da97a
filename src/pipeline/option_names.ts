import { nearest } from "../base/nearest.ts";

/** The names of the options of a pipeline file in other tools. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  batch: ["batchSize", "batch_size"],
  epochs: ["max_epochs", "num_epochs", "nb_epochs"],
  learningRate: ["base_lr", "eta", "lr", "rate"],
  weightDecay: ["decay", "wd"],
};

/**
 * Finds the option that a user most likely meant: the option with this name in other tools, or the
 * option with the most similar name.
 *
 * @param key The key in the pipeline file.
 * @param options The names of the options that are valid there.
 * @returns The name of an option, or undefined if there is no such option.
 */
export function meantOption(key: string, options: readonly string[]): string | undefined {
  return options.find((option) => ELSEWHERE[option]?.includes(key)) ?? nearest(key, options);
}
