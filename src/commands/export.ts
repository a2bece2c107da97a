import { formatCount } from "../base/text_table.ts";
import { print } from "../base/terminal.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { exportModel } from "../model/export_model.ts";

/**
 * `deno task pipeline export RUN --format FORMAT --out DIR`: writes a trained net for other programs.
 *
 * @param args The run folder.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function exportRun(args: readonly string[], options: CommandOptions): Promise<number> {
  const folder = onlyArgument(args, "a run folder");
  const { out, format, layout, net, checkpoint, inputs, engine, allowPlugins } = options;
  if (format === undefined || out === undefined) {
    const option = format === undefined ? ["--format", "onnx"] : ["--out", "exported"];
    throw new UserError(`export needs ${option[0]}`, {
      hint: hint("export/option", `add \`${option.join(" ")}\``, { args: { add: option } }),
      exitCode: 2,
    });
  }
  if (layout === "repository" && format !== "onnx") {
    throw new UserError(`--layout repository needs --format onnx, not ${format}`, {
      hint: hint("export/layout", "remove `--layout`", { args: { remove: ["--layout"] } }),
      exitCode: 2,
    });
  }
  const exported = await exportModel(folder, out, {
    format,
    ...(layout && { layout }),
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(inputs && { inputs }),
    ...(engine && { engine }),
    allowPlugins,
  });
  const { file, distance, bytes, outside, engine: compared } = exported;
  print([
    `${exported.folder}: ${file} (${
      formatCount(bytes)
    } bytes), model.json, samples.arrow, README.md`,
    ...outside.length === 0 ? [] : [
      `The graph begins after the transform ${outside.at(-1)}, which has no graph().`,
      `A program must apply ${outside.join(", ")} before it: see README.md.`,
    ],
    ...distance === undefined && format === "saved-model"
      ? ["The SavedModel was not compared with an engine: only the native engine can run it."]
      : distance === undefined
      ? []
      : [
        `64 sample rows: the logits differ from ${compared} by ${
          distance.toExponential(1)
        } of the largest`,
      ],
  ]);
  return 0;
}
