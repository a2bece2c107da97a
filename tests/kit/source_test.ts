import { makeData, RecordBatch, Schema, Struct, type Table, tableFromArrays } from "apache-arrow";
import { type Dataset, defineSource, type OpenRequest, type SourceStage, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

const table = tableFromArrays({ x: Float32Array.of(1, 2, 3), id: BigInt64Array.of(1n, 2n, 3n) });

function dataset(batches: readonly RecordBatch[]): Dataset {
  return {
    schema: table.schema,
    fingerprint: "three rows",
    rowCounts: batches.map(({ numRows }) => numRows),
    recordBatch: (index) => Promise.resolve(batches[index]!),
    async *recordBatches() {
      yield* batches;
    },
  };
}

const batches = [table.slice(0, 2), table.slice(2)].flatMap(({ batches }: Table) => batches);

/** Some columns of a record batch; its own `select()` takes others than the names say. */
function columnsOf(batch: RecordBatch, names: readonly string[]): RecordBatch {
  const indices = names.map((name) => batch.schema.fields.findIndex((it) => it.name === name));
  const schema = new Schema(indices.map((index) => batch.schema.fields[index]!));
  return new RecordBatch(
    schema,
    makeData({
      type: new Struct(schema.fields),
      length: batch.numRows,
      nullCount: 0,
      children: indices.map((index) => batch.data.children[index]!),
    }),
  );
}

function source(open: (request?: OpenRequest) => unknown): SourceStage {
  return defineSource({
    ...named,
    options: z.object({}),
    create: () => ({ open: (request) => Promise.resolve(open(request) as Dataset) }),
  });
}

Deno.test("checkStage() passes sources that keep their contract", async () => {
  await checkStage(source(() => dataset(batches)));
  const { schema, fingerprint, recordBatches } = dataset(batches);
  await checkStage(source(() => ({ schema, fingerprint, recordBatches })));
});

Deno.test("checkStage() compares rows that are read by their numbers", async () => {
  const rows = (shift: number) => (numbers: ArrayLike<number>) => {
    const own = Array.from(numbers, (number) => (number + shift) % 3);
    const read = tableFromArrays({
      x: Float32Array.from(own, (row) => row + 1),
      id: BigInt64Array.from(own, (row) => BigInt(row + 1)),
    });
    return Promise.resolve(read.batches[0]!);
  };
  await checkStage(source(() => ({ ...dataset(batches), rows: rows(0) })));
  await assertBroken(
    source(() => ({ ...dataset(batches), rows: rows(1) })),
    ["returns the same rows by number as in sequence"],
  );
});

Deno.test("checkStage() opens a source in the given folder", async () => {
  const folders: string[] = [];
  const stage = defineSource({
    ...named,
    options: z.object({}),
    create: (_options, { folder }) => {
      folders.push(folder);
      return { open: () => Promise.resolve(dataset(batches)) };
    },
  });
  await checkStage(stage, { folder: "/data" });
  if (folders.some((folder) => folder !== "/data")) throw new Error(folders.join());
});

Deno.test("checkStage() finds a source that cannot be opened or returns no data set", async () => {
  await assertBroken(
    source(() => {
      throw new Error("no such file");
    }),
    ["does not throw", "no such file"],
  );
  await assertBroken(source(() => table.batches), [
    "returns { schema, fingerprint, recordBatches",
  ]);
  await assertBroken(source(() => ({ ...dataset(batches), fingerprint: "" })), ["a fingerprint"]);
});

Deno.test("checkStage() finds a source that can be read only once", async () => {
  await assertBroken(
    source(() => {
      const left = [...batches];
      return {
        ...dataset(batches),
        async *recordBatches() {
          for (let batch = left.shift(); batch; batch = left.shift()) yield batch;
        },
      };
    }),
    ["returns the same rows each time", "expected 2"],
  );
});

Deno.test("checkStage() finds rows that differ between reads", async () => {
  let reads = 0;
  await assertBroken(
    source(() => ({
      ...dataset(batches),
      async *recordBatches() {
        const x = Float32Array.of(++reads, 2, 3);
        yield* tableFromArrays({ x, id: BigInt64Array.of(1n, 2n, 3n) }).batches;
      },
      rowCounts: undefined,
      recordBatch: undefined,
    })),
    ["returns the same rows each time", "other values"],
  );
});

Deno.test("checkStage() finds random access and row counts that disagree with sequential reading", async () => {
  await assertBroken(
    source(() => ({
      ...dataset(batches),
      recordBatch: (index: number) => Promise.resolve(batches[1 - index]!),
    })),
    ["returns the same rows by random access as in sequence", "recordBatch(1)"],
  );
  await assertBroken(source(() => ({ ...dataset(batches), rowCounts: [1, 2] })), [
    "has row counts that match its record batches",
  ]);
});

Deno.test("checkStage() finds record batches with a different schema, and sources without rows", async () => {
  const { schema } = tableFromArrays({ y: Float32Array.of(1) });
  await assertBroken(source(() => ({ ...dataset(batches), schema })), [
    "has record batches that match its schema",
    "the schema has y: Float32",
  ]);
  await assertBroken(source(() => dataset([])), ["has rows"]);
});

Deno.test("checkStage() finds a fingerprint that changes without the data", async () => {
  let opened = 0;
  await assertBroken(source(() => ({ ...dataset(batches), fingerprint: `at ${opened++}` })), [
    "has the same fingerprint as long as the data does not change",
  ]);
});

Deno.test("checkStage() passes sources that read only the requested columns", async () => {
  await checkStage(source((request) => {
    const { columns = ["x", "id"] } = request ?? {};
    const kept = columns.filter((name) => name === "x" || name === "id");
    const some = batches.map((batch) => columnsOf(batch, kept));
    return { ...dataset(some), schema: table.schema };
  }));
});

Deno.test("checkStage() finds a source whose rows depend on the requested columns", async () => {
  await assertBroken(
    source((request) =>
      dataset(request?.columns?.join() === "id" ? batches.toReversed() : batches)
    ),
    ["returns the requested columns with the same values", 'open({ columns: ["id"] })'],
  );
  await assertBroken(
    source((request) => {
      const some = request ? batches.map((batch) => columnsOf(batch, ["x"])) : batches;
      return { ...dataset(some), schema: table.schema };
    }),
    ["returns the requested columns with the same values", '["id"]'],
  );
  await assertBroken(
    source((request) => ({
      ...dataset(batches),
      schema: request ? columnsOf(batches[0]!, ["x"]).schema : table.schema,
    })),
    ["has the same schema for all requested columns"],
  );
  await assertBroken(
    source((request) => ({ ...dataset(batches), fingerprint: `of ${request?.columns}` })),
    ["has the same fingerprint for all requested columns"],
  );
});
