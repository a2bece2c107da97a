import { commandName } from "../base/command_name.ts";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { rowFormat } from "../base/files/row_format.ts";
import { counted, formatCount } from "../base/text_table.ts";
import { say } from "../base/terminal.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { countNulls } from "../input/layout.ts";
import { openRows, refuseInput } from "../model/input_rows.ts";
import { openModel } from "../model/load_model.ts";
import { writerOf } from "../model/row_files.ts";
import { ScoreColumns } from "../model/scores.ts";

/** The counts that the command prints at the end. */
interface Counts {
  rows: number;
  unknown: number;
  nulls: number;
  unanswered: number;
  notFinite: number;
}

/**
 * `deno task pipeline predict RUN INPUT --out FILE`: writes the predictions of a trained net for
 * each row of files.
 *
 * @param args The run folder or export folder, and the files.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function predict(args: readonly string[], options: CommandOptions): Promise<number> {
  const [folder, input] = twoArguments(args);
  const { out, net, checkpoint, modelEngine: engine, batch, quiet } = options;
  const { allowPlugins, allowEnv } = options;
  const write = writerOf(out);
  const { loaded, model } = await openModel(folder, {
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(engine && { engine }),
    ...(batch !== undefined && { batch }),
    allowPlugins,
    manyRows: true,
  });
  await using _ = loaded;
  const all = options.keep === "all";
  // Without its path, nobody knows which image a row of predictions is for.
  const keep = options.keep ?? (rowFormat(input) === "images" ? "path" : undefined);
  const names = all || keep === undefined ? [] : keep.split(",");
  const rows = await openRows(input, model, all ? undefined : names, { allowPlugins, allowEnv });
  try {
    refuseInput(out!, rows.data);
    const there = rows.schema.fields.map(({ name }) => name);
    for (const name of names) if (!there.includes(name)) refuseKeep(name, there);
    const wanted = new Set(names);
    const columns = new ScoreColumns(
      rows.schema,
      { ...loaded.answers, units: model.network.units },
      {
        keep: there.filter((name) => all || wanted.has(name)),
        probabilities: options.probabilities,
        logits: options.logits,
      },
    );
    for (const warning of columns.warnings) say(`warning: ${warning}`);
    const counts: Counts = { rows: 0, unknown: 0, nulls: 0, unanswered: 0, notFinite: 0 };
    const read = new Set(loaded.columns);
    const started = performance.now();
    const scored = async function* () {
      for await (const { part, predictions } of loaded.stream(rows.recordBatches())) {
        counts.rows += predictions.rows;
        counts.unknown += predictions.unknown;
        // A source may leave out columns that were not requested.
        for (const [index, { name }] of part.schema.fields.entries()) {
          if (read.has(name)) counts.nulls += countNulls(part.data.children[index]!);
        }
        const { answered, notFinite } = predictions;
        counts.notFinite += notFinite;
        counts.unanswered -= notFinite;
        if (answered) counts.unanswered += answered.filter((one) => one === 0).length;
        yield columns.batch(part, predictions);
      }
    };
    await write(columns.schema, scored());
    if (!quiet) say(lastLine(out!, counts, (performance.now() - started) / 1000));
    return 0;
  } finally {
    await rows.close();
  }
}

function lastLine(
  out: string,
  { rows, unknown, nulls, unanswered, notFinite }: Counts,
  seconds: number,
): string {
  const rate = seconds > 0 ? `, ${formatCount(Math.round(rows / seconds))} rows/s` : "";
  const details = [
    ...(unknown > 0 ? [`${counted(unknown, "value")} that training did not know`] : []),
    ...(nulls > 0 ? [`${counted(nulls, "null")}`] : []),
    ...(unanswered > 0
      ? [`${counted(unanswered, "row")} without a prediction because of nulls`]
      : []),
    ...(notFinite > 0
      ? [`${counted(notFinite, "row")} without a prediction because the logits are not finite`]
      : []),
  ];
  return `${out}: ${counted(rows, "row")}${rate}${details.map((one) => `; ${one}`).join("")}`;
}

function twoArguments(args: readonly string[]): [string, string] {
  const [folder, input, ...more] = args;
  if (folder !== undefined && input !== undefined && more.length === 0) return [folder, input];
  const what = "a run folder and a file of rows";
  throw new UserError(
    more.length > 0 ? `expected ${what}, got ${args.join(" ")}` : `expected ${what}`,
    {
      hint: hint("predict/usage", `${commandName()} help predict shows how`, {
        args: { add: ["--help"] },
      }),
      exitCode: 2,
    },
  );
}

function refuseKeep(name: string, there: readonly string[]): never {
  throw new UserError(
    `--keep names the column ${JSON.stringify(name)}, which the input does not have`,
    {
      hint: nameHint("predict/keep", {
        written: name,
        names: there,
        intro: "the columns are",
        change: (near) => ({ args: { replace: { [name]: near } } }),
      }),
      exitCode: 2,
    },
  );
}
