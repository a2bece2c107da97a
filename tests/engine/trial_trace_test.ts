import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction, type CaptureReport } from "../../src/engine/capture/capture.ts";
import { nativeOp } from "../../src/engine/ops/native_op.ts";
import { createTables, gatherRows, writeRows } from "../../src/engine/tables.ts";
import * as ops from "../../src/engine/ops.ts";
import { forNative } from "../support/engines.ts";

interface Input {
  /** `[rows, 2]`, the rows of a batch. */
  readonly x: tf.Tensor2D;
  /** A scalar, the same for all rows. */
  readonly seed: tf.Scalar;
}

type Run = (input: Input) => tf.Tensor;

interface Outcome {
  readonly reports: CaptureReport[];
  /** The rows that the function was called with, call by call. */
  readonly calls: number[];
}

/** Compares calls with batches of some sizes, captured and not; every batch has other values. */
function sameAsEager(run: Run, sizes: readonly number[] = [32, 32, 32, 21, 21]): Outcome {
  const reports: CaptureReport[] = [], calls: number[] = [];
  const captured = new CapturedFunction((input: Input) => {
    calls.push(input.x.shape[0]);
    return { y: run(input) };
  }, {
    rows: ({ x }) => [x],
    report: (report) => reports.push(report),
    origin: () => "the loss stage mine",
  });
  const before = tf.memory().numTensors;
  sizes.forEach((size, call) => {
    const x = tf.randomNormal<tf.Rank.R2>([size, 2], 0, 1, "float32", call + 1);
    const seed = tf.scalar(call, "int32");
    const { y } = captured.call({ x, seed });
    const expected = tf.tidy(() => run({ x, seed }));
    assertEquals(y.shape, expected.shape, `call ${call}`);
    assertEquals([...y.dataSync()], [...expected.dataSync()], `call ${call}`);
    tf.dispose([x, seed, y, expected]);
  });
  assertEquals(tf.memory().numTensors, before);
  captured.dispose();
  return { reports, calls };
}

const traced = ({ reports }: Outcome) => reports.map(({ graph }) => graph?.tracedRows.length);

forNative("CapturedFunction replays a traced function from the first call on", () => {
  const outcome = sameAsEager(({ x }) => tf.mean(tf.square(x), 0));
  // Trial traces, two dry runs, and for the last smaller batch two dry runs more.
  assertEquals(outcome.calls, [2, 3, 5, 32, 32, 21, 21]);
  assertEquals(traced(outcome), [3, 3]);
});

forNative("CapturedFunction traces gradients and constants of the batch's size", () => {
  const outcome = sameAsEager(({ x }) => {
    const rows = x.shape[0];
    const factors = tf.add(tf.concat([tf.fill([rows, 1], rows), tf.zeros([rows, 1])]), 1 / rows);
    const loss = (x: tf.Tensor) =>
      tf.mean(tf.mul(tf.square(tf.reshape(x, [rows * 2, -1])), factors));
    return tf.grad(loss)(tf.concat([tf.slice(x, 1), tf.range(0, 2).reshape([1, 2])]));
  }, [32, 32, 20]);
  assertEquals(traced(outcome), [3, 3]);
});

forNative("CapturedFunction draws new numbers for the true number of rows in each call", () => {
  const outcome = sameAsEager(({ x, seed }) => ops.dropout(x, 0.5, seed));
  assertEquals(traced(outcome), [3, 3]);
});

for (const part of [2, 4, 8]) {
  forNative(
    `CapturedFunction records a function that takes the first ${part}th of the rows with all rows`,
    () => {
      const outcome = sameAsEager(({ x }) =>
        tf.sum(tf.slice(x, 0, Math.floor(x.shape[0] / part)), 0)
      );
      assertEquals(traced(outcome), [0, 0]);
      assertMatch(outcome.reports[0]!.graph!.untraced!, /for different numbers of rows/);
    },
  );
}

forNative(
  "CapturedFunction records a function that treats many rows differently with all rows",
  () => {
    const outcome = sameAsEager(({ x }) => x.shape[0] > 30 ? tf.square(x) : tf.exp(x));
    assertEquals(traced(outcome), [0, 3]);
  },
);

forNative("CapturedFunction traces shapes that are not linear in the number of rows", () => {
  const pairs = (x: tf.Tensor) => tf.reshape(tf.matMul(x, x, false, true), [-1]);
  assertEquals(traced(sameAsEager(({ x }) => tf.sin(pairs(x)))), [3, 3]);
});

forNative(
  "CapturedFunction records a function that computes with such a shape with all rows",
  () => {
    const outcome = sameAsEager(({ x }) => {
      const pairs = tf.reshape(tf.matMul(x, x, false, true), [-1]);
      return tf.div(tf.sum(pairs), pairs.size);
    });
    assertEquals(traced(outcome), [0, 0]);
  },
);

/** The different values of a tensor, each once; how many there are, no shape tells. */
function unique(x: tf.Tensor): tf.Tensor {
  const whole = tf.cast(tf.round(tf.mul(x, 3)), "int32");
  const int32 = { type: "int32" } as const;
  const [values, places] = nativeOp("Unique", { T: int32, out_idx: int32 }, [
    tf.reshape(whole, [-1]),
  ], 2);
  places!.dispose();
  return values!;
}

forNative("CapturedFunction traces sizes that depend on values", () => {
  assertEquals(traced(sameAsEager(({ x }) => tf.square(unique(x)))), [3, 3]);
  // Also where values are so few that all batches have the same number of them.
  assertEquals(traced(sameAsEager(({ x }) => tf.square(unique(tf.relu(tf.sign(x)))))), [3, 3]);
});

forNative("CapturedFunction captures no graph for a size that depends on values", () => {
  const outcome = sameAsEager(({ x }) => {
    const found = unique(x);
    return tf.mul(found, tf.range(0, found.size, 1, "int32"));
  });
  assertEquals(outcome.reports.every(({ graph }) => !graph?.tracedRows.length), true);
});

forNative("CapturedFunction runs a function that turns data into a constant op by op", () => {
  const outcome = sameAsEager(({ x }) => tf.mul(x, tf.scalar(Math.max(...x.dataSync()))));
  // Once, though the last smaller batch has a signature of its own.
  assertEquals(outcome.reports, [{
    captured: false,
    reason: "it reads the values of a tensor while it runs",
    origin: "the loss stage mine",
  }]);
});

forNative(
  "CapturedFunction runs a function that catches the error of reading values op by op",
  () => {
    const outcome = sameAsEager(({ x }) => {
      try {
        return tf.mul(x, Math.max(...x.dataSync()));
      } catch {
        return x.clone();
      }
    });
    assertEquals(outcome.reports.map(({ captured }) => captured), [false]);
  },
);

forNative(
  "CapturedFunction reports a function that draws its own numbers, for any number of rows",
  () => {
    const reports: CaptureReport[] = [];
    const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => ({
      y: tf.mul(x, tf.randomUniform(x.shape)),
    }), {
      rows: ({ x }) => [x],
      report: (report) => reports.push(report),
      origin: () => "the loss stage mine",
    });
    const x = tf.ones([32, 2]);
    const draws = [1, 2, 3, 4].map(() => captured.call({ x }).y.dataSync().join());
    assertEquals(new Set(draws).size, 4);
    assertEquals(reports.map(({ captured, origin }) => [captured, origin]), [
      [false, "the loss stage mine"],
    ]);
  },
);

forNative(
  "CapturedFunction gives correct results for a function that keeps a tensor per batch size",
  () => {
    const kept = new Map<number, tf.Tensor>();
    const reports: CaptureReport[] = [];
    const captured = new CapturedFunction(({ x }: { x: tf.Tensor2D }) => {
      const rows = x.shape[0];
      const factor = kept.get(rows) ?? tf.keep(tf.add(tf.ones([rows, 1]), rows));
      kept.set(rows, factor);
      return { y: tf.mul(x, factor) };
    }, { rows: ({ x }) => [x], report: (report) => reports.push(report) });
    for (let call = 0; call < 4; call++) {
      const { y } = captured.call({ x: tf.fill([32, 2], call) });
      assertEquals(new Set(y.dataSync()), new Set([call * 33]));
    }
    assertEquals(reports.at(-1)!.captured, false);
  },
);

forNative("CapturedFunction fails with the true number of rows", () => {
  const captured = new CapturedFunction(({ x }: { x: tf.Tensor2D }) => {
    if (x.shape[0] > 1) throw new RangeError(`a batch of ${x.shape[0]} rows`);
    return { y: x };
  }, { rows: ({ x }) => [x] });
  const x = tf.ones<tf.Rank.R2>([128, 2]);
  assertThrows(() => captured.call({ x }), RangeError, "a batch of 128 rows");
  // TensorFlow's own words, too.
  const product = new CapturedFunction(
    ({ x }: { x: tf.Tensor2D }) => ({ y: tf.reshape(x, [-1, 3]) }),
    { rows: ({ x }) => [x] },
  );
  assertThrows(() => product.call({ x }), Error, "256");
});

forNative("CapturedFunction fails like op by op if a graph fails on values", () => {
  const seen: string[] = [];
  const captured = new CapturedFunction(({ x, label }: { x: tf.Tensor2D; label: tf.Tensor1D }) => {
    try {
      return { y: ops.softmaxCrossEntropy(x, label) };
    } catch (error) {
      throw new Error("the loss stage mine failed", { cause: error });
    }
  }, {
    rows: ({ x, label }) => [x, label],
    report: ({ captured }) => seen.push(`${captured}`),
  });
  const x = tf.ones<tf.Rank.R2>([32, 2]);
  captured.call({ x, label: tf.zeros([32], "int32") });
  const label = tf.fill([32], 7, "int32") as tf.Tensor1D;
  assertThrows(() => captured.call({ x, label }), Error, "the loss stage mine failed");
  assertEquals(seen, ["true"]);
});

forNative("CapturedFunction traces without writing to tables", () => {
  const captured = new CapturedFunction(
    ({ table, ids }: { table: tf.Tensor; ids: tf.Tensor1D }) => {
      writeRows(table, ids, tf.add(gatherRows(table, ids), 1));
      return { table };
    },
    { rows: ({ ids }) => [ids] },
  );
  const [table] = createTables([40], 2) as [tf.Tensor2D];
  for (let call = 0; call < 3; call++) {
    const ids = tf.range(call, call + 20, 1, "int32");
    captured.call({ table, ids });
  }
  const expected = Array.from({ length: 40 }, (_, row) => {
    const touched = [0, 1, 2].filter((call) => row >= call && row < call + 20).length;
    return [touched, touched];
  });
  assertEquals(table.arraySync(), expected);
  captured.dispose();
});
