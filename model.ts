/**
 * Loads trained nets and predicts: {@linkcode loadModel} reads a run folder, or a folder that
 * `export` wrote. The training data is not needed.
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "@rocket-launching/rocket/model";
 *
 * await using model = await loadModel("runs/clicks");
 * const { answers } = await model.predict([{ user: "u7", item: "i3", hour: 20 }]);
 * console.log(answers[0]?.score);
 * ```
 *
 * @module
 */

export { loadModel, type LoadModelOptions } from "./src/model/load_model.ts";
export type { Model, ModelInputInfo } from "./src/model/model.ts";
export type { RunPart } from "./src/model/load_model.ts";
export { type Answer, type ClassValue, Predictions } from "./src/model/answers.ts";
export type { Row } from "./src/model/rows.ts";
export type { FeatureValues } from "./src/model/runners.ts";
export type { NetName } from "./src/stages/network.ts";
export type { Values } from "./src/stages/batch.ts";
