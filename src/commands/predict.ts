import { commandName } from "../base/command_name.ts";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { rowFormat } from "../base/files/row_format.ts";
import { counted, formatCount } from "../base/text_table.ts";
import { say } from "../base/terminal.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { countNulls } from "../input/layout.ts";
import { dividedStream } from "../model/divided_stream.ts";
import { openRows, refuseInput, refuseMissingColumns } from "../model/input_rows.ts";
import { isExport, openModel } from "../model/load_model.ts";
import { writerOf } from "../model/row_files.ts";
import { ScoreColumns } from "../model/scores.ts";
import type { ClusterRun } from "../run/cluster_run.ts";
import { startCluster } from "../run/start_cluster.ts";
import { isFirstProcess } from "../cluster/processes.ts";
import { handedCluster } from "./handed_cluster.ts";

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
  const cluster = handedCluster();
  const { out, net, checkpoint, device, batch, allowPlugins, allowEnv } = options;
  const engine = cluster ? "native" : options.modelEngine;
  // The first process of a cluster prints for all.
  const isFirst = isFirstProcess(cluster), quiet = options.quiet || !isFirst;
  const report = quiet ? () => {} : say;
  const write = writerOf(out);
  refuseExport(folder, cluster?.variable);
  const { loaded, model, checkpoint: found } = await openModel(folder, {
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(engine && { engine }),
    ...(device && { device }),
    ...(batch !== undefined && { batch }),
    allowPlugins,
    manyRows: true,
    ...(cluster && { cluster, report }),
  });
  await using _ = loaded;
  const all = options.keep === "all";
  // Without its path, nobody knows which image a row of predictions is for.
  const keep = options.keep ?? (rowFormat(input) === "images" ? "path" : undefined);
  const names = all || keep === undefined ? [] : keep.split(",");
  const rows = await openRows(input, model, all ? undefined : names, { allowPlugins, allowEnv });
  let together: ClusterRun | undefined, failed: unknown;
  try {
    refuseInput(out!, rows.data);
    refuseMissingColumns(rows, model);
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
    if (isFirst) { for (const warning of columns.warnings) say(`warning: ${warning}`); }
    if (cluster) {
      together = await startCluster(undefined, report, {
        "a command": [
          folder,
          input,
          net,
          options.keep,
          options.probabilities,
          options.logits,
          batch,
        ],
        "a net": model.sha256,
        "a checkpoint": found?.sha256,
      });
    }
    const counts: Counts = { rows: 0, unknown: 0, nulls: 0, unanswered: 0, notFinite: 0 };
    const read = new Set(loaded.columns);
    const started = performance.now();
    const predicted = together
      ? dividedStream(loaded, rows.recordBatches(), together)
      : loaded.stream(rows.recordBatches());
    const scored = async function* () {
      for await (const { part, predictions } of predicted) {
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
    if (isFirst) await write(columns.schema, withFailure(scored(), (error) => failed = error));
    // The other processes only compute, and receive no predictions.
    else for await (const _ of predicted);
    together?.finish();
    if (!quiet) say(lastLine(out!, counts, (performance.now() - started) / 1000));
    return 0;
  } catch (error) {
    // What writes the file may have wrapped the error of another process.
    throw await together?.leave(failed ?? error) ?? error;
  } finally {
    together?.stop();
    await rows.close();
  }
}

/** Yields values, and reports an error of where they come from. */
async function* withFailure<T>(
  values: AsyncIterable<T>,
  onError: (error: unknown) => void,
): AsyncGenerator<T> {
  try {
    yield* values;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/**
 * Rejects an export folder in a cluster.
 *
 * @param folder The run folder or export folder.
 * @param described The environment variable that describes the cluster; undefined if there is none.
 * @throws {UserError} If it is an export folder in a cluster; exit code 2.
 */
export function refuseExport(folder: string, described: string | undefined): void {
  if (described === undefined || !isExport(folder)) return;
  throw new UserError(
    `${folder} is an export folder, but the processes of a cluster, which ${described} describes, ` +
      "compute the net of a run folder with the native engine",
    {
      hint: hint(
        "predict/export-in-cluster",
        `use the run folder from which the net was exported; without ${described}, one process computes`,
        { variables: { [described]: "" } },
      ),
      exitCode: 2,
    },
  );
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
