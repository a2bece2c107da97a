/**
 * The program that times Rocket's command `predict` on a file: a step reads the file, computes all
 * rows, and writes their scores.
 *
 * @module
 */

import { join } from "node:path";
import { predict } from "../src/commands/predict.ts";
import { parseArguments } from "../src/launch/command_line/arguments.ts";
import { readOptions } from "../src/launch/command_line/options.ts";
import { folderOfNet } from "./nets.ts";
import { serve } from "./worker.ts";

const folder = await folderOfNet("ctr");
const parsed = parseArguments([
  ...["predict", join(folder, "run"), join(folder, "score.arrow"), "--keep", "user,item"],
  ...["--out", join(folder, "rocket.arrow"), "--quiet"],
]);
const step = async () => {
  await predict(parsed.words.slice(1), readOptions(parsed));
};
await serve(step, { detail: "ONNX Runtime" });
