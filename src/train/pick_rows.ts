import type { Values } from "../stages/batch.ts";
import type { EvaluatedBatch, OutputValues } from "../stages/metric.ts";
import type { NetName } from "../stages/network.ts";

/** The number of a batch, and of a row in it. */
export type RowPlace = readonly [batch: number, row: number];

/**
 * Copies some rows of evaluated batches into one batch.
 *
 * @param batches The batches, of the same run.
 * @param places The rows to copy, at least one.
 * @param losses Returns the losses of these rows, or throws an error if they are not known.
 */
export function pickRows(
  batches: readonly EvaluatedBatch[],
  places: readonly RowPlace[],
  losses: () => EvaluatedBatch["losses"],
): EvaluatedBatch {
  const first = batches[places[0]![0]]!;
  const pick = (valuesOf: (batch: EvaluatedBatch) => Values, width = 1): Values => {
    const array = valuesOf(first).constructor as new (length: number) => Values;
    const picked = new array(places.length * width);
    for (const [index, [batch, row]] of places.entries()) {
      const values = valuesOf(batches[batch]!);
      for (let at = 0; at < width; at++) picked[index * width + at] = values[row * width + at]!;
    }
    return picked;
  };
  const output = (of: (batch: EvaluatedBatch) => OutputValues): OutputValues => {
    const { shape } = of(first).logits;
    const width = shape.reduce((product, length) => product * length, 1);
    return { logits: { values: pick((batch) => of(batch).logits.values, width), shape } };
  };
  const names = Object.keys(first.nets) as NetName[];
  const nets: Partial<Record<NetName, OutputValues>> = Object.fromEntries(
    names.map((name) => [name, output(({ nets }) => nets[name]!)]),
  );
  const own = names.find((name) => first.nets[name] === first.outputs);
  return {
    size: places.length,
    outputs: own === undefined ? output(({ outputs }) => outputs) : nets[own]!,
    nets,
    // With several labels, or several classes at once, a row has several values.
    label: pick(({ label }) => label, first.label.length / first.size),
    weight: first.weight && pick(({ weight }) => weight!),
    columns: Object.fromEntries(
      Object.keys(first.columns).map((name) => [name, pick(({ columns }) => columns[name]!)]),
    ),
    get losses() {
      return losses();
    },
  };
}
