import { assert, assertEquals } from "@std/assert";
import type { ColumnSpec, LabelSpec } from "../../src/stages/batch.ts";
import { openStored, Store, StoredRows } from "../../src/input/rows.ts";

const floats: ColumnSpec = { shape: [2], dtype: "float32" };
const classes: LabelSpec = { kind: "class", classes: 9, shape: [], dtype: "int32" };

/** Five rows in two chunks: `[0, 1]` with the label 0, `[2, 3]` with 1, and so on. */
function store(array: Uint8ArrayConstructor | Float64ArrayConstructor = Uint8Array): Store {
  return new Store({
    chunkRows: [3, 2],
    specs: { features: { x: floats }, label: classes },
    values: {
      features: { x: [array.of(0, 1, 2, 3, 4, 5), array.of(6, 7, 8, 9)] },
      label: [Int32Array.of(0, 1, 2), Int32Array.of(3, 4)],
    },
  });
}

Deno.test("StoredRows.share() gives another thread the same rows in the same memory", () => {
  for (const array of [Uint8Array, Float64Array]) {
    const rows = new StoredRows(store(array), Uint32Array.of(4, 1, 2));
    const before = rows.gather([0, 2, 1]);
    const shared = rows.share();
    // A structured clone is what the other thread gets.
    const there = openStored(structuredClone(shared));
    assertEquals(there.rows, 3);
    assertEquals(there.features, { x: floats });
    assertEquals(there.gather([0, 2, 1]), before);
    assertEquals(there.slice(1, 3), rows.slice(1, 3));
    const [first] = shared.columns.values.features.x!;
    first!.set([77], 2);
    assertEquals(there.slice(1, 2).features.x!.values[0], 77);
    assertEquals(rows.slice(1, 2).features.x!.values[0], 77);
  }
});

Deno.test("StoredRows.share() moves values once, for all rows of a store", () => {
  const all = store();
  const { columns } = new StoredRows(all).share();
  const again = new StoredRows(all, Uint32Array.of(1)).share().columns;
  const buffers = ({ values: { features, label } }: typeof columns) =>
    [...features.x!, ...label].map(({ buffer }) => buffer);
  assert(buffers(columns).every((buffer) => buffer instanceof SharedArrayBuffer));
  buffers(again).forEach((buffer, index) => assert(buffer === buffers(columns)[index]));
});
