import { assert, assertEquals } from "@std/assert";
import type { ColumnSpec, LabelSpec } from "../../src/stages/batch.ts";
import type { ValuesConstructor } from "../../src/input/layout.ts";
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

/** Rows in chunks of one and of many rows, with columns of all widths and kinds of numbers. */
function mixedStore(): Store {
  const chunkRows = [1, 300, 0, 77];
  const column = (size: number, type: ValuesConstructor) =>
    chunkRows.map((rows, chunk) =>
      new type(rows * size).map((_: number, index: number) => (31 * index + 7 * chunk) % 101)
    );
  const numbers = (size: number): ColumnSpec => ({
    shape: size === 1 ? [] : [size],
    dtype: "float32",
  });
  return new Store({
    chunkRows,
    specs: {
      features: {
        price: numbers(1),
        image: numbers(40),
        pair: numbers(2),
        exact: numbers(1),
        item: { shape: [], dtype: "int32" },
        history: { shape: [3], dtype: "int32" },
        flag: numbers(1),
        count: numbers(1),
        none: { shape: [0], dtype: "float32" },
      },
      label: classes,
      weight: numbers(1),
    },
    values: {
      features: {
        price: column(1, Float32Array),
        image: column(40, Float32Array),
        pair: column(2, Float64Array),
        exact: column(1, Float64Array),
        item: column(1, Int32Array),
        history: column(3, Int32Array),
        flag: column(1, Uint8Array),
        count: column(1, Int32Array),
        none: column(0, Float32Array),
      },
      label: column(1, Int8Array),
      weight: column(1, Float32Array),
    },
  });
}

Deno.test("StoredRows.arrange() does not change any batch, in this thread and in another one", () => {
  const some = Uint32Array.from({ length: 200 }, (_, row) => (row * 53) % 378);
  for (const index of [undefined, some]) {
    const before = new StoredRows(mixedStore(), index);
    const arranged = new StoredRows(mixedStore(), index);
    arranged.arrange();
    arranged.arrange();
    const there = openStored(structuredClone(arranged.share()));
    const epoch = { seed: 3, epoch: 2 };
    for (const rows of [arranged, there]) {
      assertEquals(rows.shuffled(epoch, 0, 200), before.shuffled(epoch, 0, 200));
      assertEquals(rows.gather([5, 0, 5, 199]), before.gather([5, 0, 5, 199]));
      for (const [start, end] of [[0, 1], [1, 180], [120, 200], [7, 7]] as const) {
        assertEquals(rows.slice(start, end), before.slice(start, end));
      }
      assertEquals(rows.labelRows().slice(3, 9), before.labelRows().slice(3, 9));
      assertEquals(rows.counts(), before.counts());
    }
  }
});

Deno.test("StoredRows.arrange() puts the values of a row next to each other, unless it is wide", () => {
  const rows = new StoredRows(mixedStore());
  rows.arrange();
  const { features, weight } = rows.share().columns.values;
  const placeOf = (name: string) => features[name]![1]!;
  // Four columns of features and the weight take 4 bytes a value: 7 values in a row.
  const block = weight![1]!.buffer;
  assertEquals(block.byteLength, 300 * 7 * 4);
  const names = ["price", "item", "history", "count"];
  assertEquals(names.map((name) => placeOf(name).buffer === block), names.map(() => true));
  assertEquals(names.map((name) => placeOf(name).byteOffset), [0, 4, 8, 20]);
  assertEquals(placeOf("image").byteLength, placeOf("image").buffer.byteLength);
  assert(placeOf("pair").buffer === placeOf("exact").buffer);
});

Deno.test("joined stores may be arranged on their own, or not at all", () => {
  const arranged = mixedStore(), plain = mixedStore();
  arranged.arrange();
  const rows = Uint32Array.from({ length: 756 }, (_, row) => (row * 331) % 756);
  const mixed = Store.joined([plain, arranged]).gather(rows);
  assertEquals(mixed, Store.joined([plain, plain]).gather(rows));
});
