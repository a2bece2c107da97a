import { type RecordBatch, Schema } from "apache-arrow";
import { ArrowHash } from "../base/files/arrow_hash.ts";
import { recordBatchOf } from "../base/wide_schema.ts";
import type { ClusterRun } from "../run/cluster_run.ts";
import { Predictions } from "./answers.ts";
import type { LoadedModel, PredictedPart } from "./model.ts";

/** What a process sends to the first one: the predictions for a part, without its rows. */
type SentPredictions = Pick<
  Predictions,
  "rows" | "units" | "logits" | "answered" | "unknown" | "notFinite"
>;

/**
 * Computes predictions for record batches like {@linkcode LoadedModel.stream}, in all processes of a
 * cluster. Each process reads all rows, and computes one part of as many as there are processes. The
 * parts are those of a single process, so the predictions have the same bytes.
 *
 * @param model The model, which all processes have loaded with the native engine.
 * @param batches The record batches.
 * @param cluster The processes.
 * @returns All parts in order, in the first process; none in the others.
 * @throws {UserError} If a column is missing or has another type than in the run, or if processes
 *   have read different rows.
 */
export async function* dividedStream(
  model: LoadedModel,
  batches: AsyncIterable<RecordBatch>,
  cluster: ClusterRun,
): AsyncGenerator<PredictedPart> {
  const { index, count } = cluster.part;
  let hash: ArrowHash | undefined;
  let round: RecordBatch[] = [];
  let own: SentPredictions | undefined;
  const exchange = function* (): Generator<PredictedPart> {
    // The rows that were read so far, so that no process computes other rows than the first one.
    const about = `${round.length} ${hash?.digest()}`;
    const all = cluster.gather(own, about, "rows");
    for (const [at, part] of cluster.isFirst ? round.entries() : []) {
      yield { part, predictions: new Predictions(model.answers, all[at]!) };
    }
    round = [];
    own = undefined;
  };
  for await (const { part, before } of model.parts(batches)) {
    const read = selected(part, model.columns);
    hash ??= new ArrowHash(read.schema);
    hash.add(read);
    if (round.length === index) own = sent((await model.compute([model.decode(part, before)]))[0]!);
    round.push(part);
    if (round.length === count) yield* exchange();
  }
  // A round with fewer parts tells the other processes that these are all rows.
  yield* exchange();
}

const sent = (
  { rows, units, logits, answered, unknown, notFinite }: Predictions,
): SentPredictions => ({ rows, units, logits, answered, unknown, notFinite });

/** Selects the columns that a model reads, in its order; the decoder reports those that are missing. */
function selected(part: RecordBatch, names: readonly string[]): RecordBatch {
  const places = names.map((name) => part.schema.fields.findIndex((field) => field.name === name))
    .filter((at) => at >= 0);
  const schema = new Schema(places.map((at) => part.schema.fields[at]!));
  return recordBatchOf(schema, places.map((at) => part.data.children[at]!), part.numRows);
}
