/**
 * Initial weights from another run are matched by what they stand for: values of vocabularies,
 * hashes, numbers, features and classes. A day's rows hold every value once among others, so that a
 * net's logits for a value can be looked up.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { loadModel } from "../../model.ts";
import { UserError } from "../../src/base/errors.ts";
import { hashedId } from "../../src/input/ids.ts";
import { inFolder } from "../support/command_line.ts";
import { editModel } from "../support/edit_model.ts";
import { forEachEngine } from "../support/engines.ts";
import { logitsOf, type Rows, type Said, train, writeDay } from "../support/hand_over.ts";
import { pluginApi } from "../support/pipelines.ts";

type Parts = Record<string, unknown>;

const repeated = <T>(values: readonly T[], times = 12): T[] =>
  Array.from({ length: times }, () => values).flat();

const day1 = ["apple", "berry", "cherry"], day2 = ["berry", "cherry", "date"];

/** Rows of items, each with one label. */
const items = (values: readonly unknown[], more: Rows = {}): Rows => ({
  item: repeated(values),
  y: repeated(values.map((_, index) => index % 2)),
  ...more,
});

const initial = { light: { run: "day1-run" }, booster: { run: "day1-run" } };

/** Trains on day 1, and asks the nets of day 2 what they say before the first step. */
async function handOver<T>(
  { first, second, parts, later = parts, from = initial }: {
    first: Rows;
    second: Rows;
    parts: Parts;
    later?: Parts;
    from?: unknown;
  },
  test: (before: Said, after: Said, folder: string) => T | Promise<T>,
): Promise<T> {
  return await inFolder(async (folder) => {
    const one = await writeDay(folder, "day1", first, parts);
    const { out } = await train(one);
    const before = await logitsOf(one, join(out, "checkpoints", "best.safetensors"));
    const network = { ...dayNetwork(later), initial: from };
    const two = await writeDay(folder, "day2", second, { ...later, network });
    return await test(before, await logitsOf(two), folder);
  });
}

const dayNetwork = ({ network }: Parts) =>
  network as Parts ?? {
    use: "ctr",
    embedding: 4,
    shared: [5],
    light: { hidden: [3] },
    booster: { hidden: [6] },
  };

const refusal = async (options: Parameters<typeof handOver>[0]): Promise<string> => {
  const { problems } = await assertRejects(() => handOver(options, () => {}), UserError);
  return problems.map(({ message, hint }) => `${message}; ${hint}`).join("\n");
};

/**
 * Each net's logits for a value are the same before and after; of classes, those that both know.
 */
function assertSame(
  before: Said,
  after: Said,
  rows: readonly [before: number, after: number][],
  classes: readonly number[] = [0],
): void {
  for (const net of ["light", "booster"] as const) {
    for (const [one, other] of rows) {
      const was = before.logits[net]![one]!, is = after.logits[net]![other]!;
      for (const index of classes) {
        const same = Math.abs(was[index]! - is[index]!) < 1e-6;
        assert(same, `${net} of row ${one}: ${was}, then ${is}`);
      }
    }
  }
}

/**
 * A test of how weights are matched, which is the same on every engine: on the one that starts
 * quickly.
 */
function onWasm(name: string, test: () => Promise<void>): void {
  Deno.test(name, async () => {
    await openEngine("wasm", () => {});
    await test();
  });
}

/** What nets of the same seed begin with that begin with no other weights. */
const drawn = (folder: string, second: Rows, parts: Parts) =>
  writeDay(folder, "drawn", second, parts).then((file) => logitsOf(file));

const ids = { data: { features: { item: { ids: "train" } } } };

forEachEngine(
  "known values keep their rows, new ones get random rows, and the unknown id keeps its row",
  () =>
    handOver(
      { first: items(day1), second: items(day2), parts: ids },
      async (before, after, folder) => {
        assertSame(before, after, [[1, 0], [2, 1]]);
        const fresh = await drawn(folder, items(day2), ids);
        const row = ({ values }: Said, id: number) =>
          values["embedding/item"]!.slice(id * 4, (id + 1) * 4);
        // Rows: the empty place, the values, all other values.
        assertEquals(
          [0, 1, 2, 4].map((id) => row(after, id)),
          [0, 2, 3, 4].map((id) => row(before, id)),
        );
        assertEquals(row(after, 3), row(fresh, 3));
        assertNotEquals(row(before, 3), row(fresh, 3));
        assertStringIncludes(
          after.reports.join("\n"),
          "embedding/item: values of item: 2 kept, 1 new, 1 removed",
        );
      },
    ),
);

onWasm(
  "numbers and lists of ids are matched by value, as are features that use the ids of another feature",
  async () => {
    const numbers = {
      data: { features: { item: { ids: [30, 10, 20] }, last: { ids: { of: "item" } } } },
    };
    const other = {
      data: { features: { item: { ids: [20, 40, 10] }, last: { ids: { of: "item" } } } },
    };
    const last = (values: readonly number[]) => ({ last: repeated(values) });
    await handOver({
      first: items([10, 20, 30], last([20, 10, 10])),
      second: items([10, 40, 20], last([20, 10, 10])),
      parts: numbers,
      later: other,
    }, (before, after) => {
      assertSame(before, after, [[0, 0], [1, 2]]);
      assertStringIncludes(after.reports.join("\n"), "2 kept, 1 new, 1 removed");
    });
  },
);

const mlp = { network: { use: "mlp", shared: [4], light: [3], booster: [5] } };

forEachEngine("a dense layer's rows of one-hot values are matched by value", () => {
  const parts = {
    ...mlp,
    data: {
      features: { price: {}, item: {} },
      transforms: [{ use: "one-hot" }, { use: "scale", by: 0.5 }],
    },
  };
  const price = (values: readonly number[]) => ({ price: repeated(values) });
  return handOver({
    first: items(day1, price([1, 2, 3])),
    second: items(day2, price([2, 3, 1])),
    parts,
  }, (before, after) => {
    assertSame(before, after, [[1, 0], [2, 1]]);
    assertStringIncludes(
      after.reports.join("\n"),
      "shared/dense1/kernel: values of item: 2 kept, 1 new, 1 removed",
    );
  });
});

onWasm(
  "features in another order keep their weights, and new ones get random weights",
  async () => {
    const first = { ...mlp, data: { features: { a: {}, b: { shape: [2] }, c: {} } } };
    const later = { ...mlp, data: { features: { c: {}, d: {}, a: {} } } };
    const a = [1, 2, 3], c = [0.5, 0.2, 0.1];
    await inFolder(async (folder) => {
      // CSV has no lists: the middle feature is made of nothing but a column of its own.
      const { b: _, ...features } = first.data.features;
      const parts = { ...first, data: { features: { ...features, b: {} } } };
      const one = await writeDay(folder, "day1", {
        a: repeated(a),
        b: repeated([0, 0, 0]),
        c: repeated(c),
        y: repeated([0, 1, 1]),
      }, parts);
      const { out } = await train(one);
      const before = await logitsOf(one, join(out, "checkpoints", "best.safetensors"));
      const two = await writeDay(folder, "day2", {
        c: repeated(c),
        d: repeated([0, 0, 0]),
        a: repeated(a),
        y: repeated([0, 1, 1]),
      }, { ...later, network: { ...mlp.network, initial } });
      const after = await logitsOf(two);
      // What both did not have is 0 in these rows.
      assertSame(before, after, [[0, 0], [1, 1], [2, 2]]);
      const told = after.reports.join("\n");
      assertStringIncludes(told, "the feature d is new");
      assertStringIncludes(told, "the feature b is removed");
    });
  },
);

onWasm(
  "ctr's first layer matches features and embeddings in another order",
  () => {
    const features = { price: {}, item: { ids: "train" }, shop: { ids: "train" }, age: {} };
    const { age, shop, item, price } = features;
    const more = (order: readonly number[]) => ({
      price: repeated(order.map((row) => row + 1)),
      age: repeated(order.map((row) => 3 - row)),
      shop: repeated(order.map((row) => ["s", "t", "u"][row])),
    });
    return handOver({
      first: items(day1, more([0, 1, 2])),
      second: items(["cherry", "berry", "date"], more([2, 1, 0])),
      parts: { data: { features } },
      later: { data: { features: { age, shop, item, price } } },
    }, (before, after) => assertSame(before, after, [[1, 1], [2, 0]]));
  },
);

const classes = (label: unknown) => ({
  ...mlp,
  data: { features: { x: {} }, label },
  losses: [{ use: "cross-entropy", on: "light" }, { use: "cross-entropy", on: "booster" }],
});

onWasm("the columns of a head are matched by class name", () => {
  const rows = (names: readonly string[]): Rows => ({
    x: repeated([1, 2, 3]),
    y: repeated(names),
  });
  return handOver({
    first: rows(["ant", "bee", "cow"]),
    second: rows(["cow", "bee", "ape"]),
    parts: classes("y"),
  }, (before, after) => {
    // Before: ant, bee, cow. After: ape, bee, cow.
    assertSame(before, after, [[0, 0], [1, 1], [2, 2]], [1, 2]);
    assertStringIncludes(
      after.reports.join("\n"),
      "light/head/kernel, light/head/bias: classes: 2 kept, 1 new, 1 removed",
    );
  });
});

onWasm(
  "a head without a common class, and a single logit for the other class, are refused",
  async () => {
    const rows = (names: readonly string[]): Rows => ({ x: repeated([1, 2]), y: repeated(names) });
    assertStringIncludes(
      await refusal({
        first: rows(["ant", "bee"]),
        second: rows(["cow", "dog"]),
        parts: classes("y"),
      }),
      "the earlier run has the classes ant, bee, but none of cow, dog",
    );
    const binary = (order: readonly string[]) => ({
      ...mlp,
      data: { features: { x: {} }, label: { column: "y", kind: "binary", classes: order } },
    });
    const said = await refusal({
      first: rows(["no", "yes"]),
      second: rows(["no", "yes"]),
      parts: binary(["no", "yes"]),
      later: binary(["yes", "no"]),
    });
    assertStringIncludes(said, "its logit is for binary, no before yes there");
  },
);

onWasm("hashed ids keep their rows if the number of buckets is the same", () => {
  const hash = { data: { features: { item: { ids: { hash: 7 } } } } };
  return handOver({ first: items(day1), second: items(day2), parts: hash }, (before, after) => {
    assertSame(before, after, [[1, 0], [2, 1]]);
    assertEquals(after.values["embedding/item"], before.values["embedding/item"]);
    assert(hashedId("berry", 7) < 7);
  });
});

onWasm(
  "another number of hash buckets, and another kind of ids, are refused with a hint",
  async () => {
    const of = (ids: unknown) => ({ data: { features: { item: { ids } } } });
    const refused = (parts: Parts, later: Parts, first: readonly unknown[] = day1) =>
      refusal({ first: items(first), second: items(first), parts, later });
    const other = await refused(of({ hash: 7 }), of({ hash: 8 }));
    assertStringIncludes(
      other,
      "the ids of item are hashes into 7 buckets there and hashes into 8 buckets here",
    );
    assertStringIncludes(other, "write `ids: { hash: 7 }` at the feature item");
    assertStringIncludes(
      await refused(of("train"), of({ hash: 4 })),
      "values of a vocabulary there and hashes into 4 buckets here",
    );
    assertStringIncludes(
      await refused(of({ count: 9 }), of("train"), [1, 2, 3]),
      "write `ids: { count: 9 }` at the feature item, as in the earlier run",
    );
  },
);

onWasm(
  "ids with `count` keep their rows if the count changes",
  async () => {
    const of = (count: number) => ({ data: { features: { item: { ids: { count } } } } });
    for (
      const [from, to, told] of [[4, 6, "4 kept, 2 new, 0 removed"], [
        6,
        4,
        "4 kept, 0 new, 2 removed",
      ]] as const
    ) {
      await handOver({
        first: items([1, 2, 3]),
        second: items([3, 1, 2]),
        parts: of(from),
        later: of(to),
      }, (before, after) => {
        assertSame(before, after, [[0, 1], [1, 2], [2, 0]]);
        assertStringIncludes(after.reports.join("\n"), told);
      });
    }
  },
);

onWasm(
  "a single net reuses its rows as well, and shared variables come with the booster",
  async () => {
    const separate = { ...dayNetwork({}), sharing: "separate" };
    const parts = { ...ids, network: separate };
    for (const net of ["light", "booster"] as const) {
      const from = { [net]: { run: "day1-run" } };
      await handOver({ first: items(day1), second: items(day2), parts, from }, (before, after) => {
        const other = net === "light" ? "booster" : "light";
        const one = (said: Said, of: "light" | "booster", row: number) =>
          said.logits[of]![row]![0]!;
        assert(Math.abs(one(before, net, 1) - one(after, net, 0)) < 1e-5);
        assert(Math.abs(one(before, other, 1) - one(after, other, 0)) > 1e-5);
      });
    }
    const { reports } = await handOver({
      first: items(day1),
      second: items(day2),
      parts: ids,
      from: { booster: { run: "day1-run" } },
    }, (_before, after) => after);
    assertStringIncludes(reports.join("\n"), "embedding/item: values of item: 2 kept");
  },
);

/** A network that says nothing of its axes, or what it is given. */
const linear = (axes: string) => `
import { defineNetwork, tf, z } from ${JSON.stringify(pluginApi)};
export default defineNetwork({
  name: "linear", summary: "Linear.", options: z.object({}),
  create(_, { features, units, nets, variables }) {
    const size = features.item.shape[0];
    const net = (owner) => {
      const kernel = variables.add({
        name: owner + "/kernel", shape: [size, units], owner,
        initializer: { kind: "normal", deviation: 1 }, ${axes}
      });
      return ({ item }, scope) => ({ logits: tf.matMul(item, scope.read(kernel)) });
    };
    return Object.fromEntries(nets.map((name) => [name, net(name)]));
  },
});
`;

async function withLinear<T>(
  axes: string,
  second: readonly string[],
  test: (before: Said, after: Said) => T,
) {
  return await inFolder(async (folder) => {
    const network = { use: "./linear.ts" };
    await Deno.writeTextFile(join(folder, "linear.ts"), linear(axes));
    const parts = { network, data: { features: { item: {} }, transforms: [{ use: "one-hot" }] } };
    const one = await writeDay(folder, "day1", items(day1), parts);
    const { out } = await train(one);
    const before = await logitsOf(one, join(out, "checkpoints", "best.safetensors"));
    const two = await writeDay(folder, "day2", items(second), {
      ...parts,
      network: { ...network, initial },
    });
    return await test(before, await logitsOf(two));
  });
}

onWasm(
  "a network that declares no axes accepts weights only if features, values and classes are the same",
  async () => {
    await withLinear("", day1.toReversed(), (before, after) => {
      // The vocabulary is sorted: the order of rows changes nothing.
      assertSame(before, after, [[0, 2], [1, 1], [2, 0]]);
    });
    const error = await assertRejects(() => withLinear("", day2, () => {}), UserError);
    assertStringIncludes(
      error.message,
      "light/kernel does not declare what the positions along its axes mean",
    );
    assertStringIncludes(error.problems[0]!.hint!, "`axes` of the variable");
    await withLinear(`axes: [{ features: ["item"] }, "classes"],`, day2, (before, after) => {
      assertSame(before, after, [[1, 0], [2, 1]]);
    });
  },
);

onWasm(
  "axes that disagree with their declaration are reported as an error of the network",
  async () => {
    for (
      const [axes, words] of [
        [`axes: ["classes", { features: ["item"] }],`, "has size 1, not 3"],
        [`axes: [{ features: ["itme"] }, "classes"],`, "the feature itme does not exist"],
        [`axes: ["units"],`, "lists 1 axes, but its shape is [3,1]"],
      ] as const
    ) {
      const error = await assertRejects(() => withLinear(axes, day1, () => {}), UserError);
      assertStringIncludes(error.message, words);
    }
  },
);

/** A transform that makes ids numbers, without a word of which. */
const spread = (places: string) => `
import { defineTransform, idKeysOf, z } from ${JSON.stringify(pluginApi)};
export default defineTransform({
  name: "spread", summary: "Spreads.", options: z.object({}),
  create(_, { features }) {
    const size = features.item.vocabulary.length + 1;
    const spec = { shape: [size], dtype: "float32", ${places} };
    return {
      features: { ...features, item: spec },
      apply: (batch) => {
        const values = new Float32Array(batch.size * size);
        batch.features.item.values.forEach((id, row) => values[row * size + id] = 1);
        return { ...batch, features: { ...batch.features, item: { values, shape: [size] } } };
      },
    };
  },
});
`;

onWasm(
  "the output of a transform of ids is matched by its declared places, and refused without them",
  async () => {
    const hand = (places: string, second: readonly string[]) =>
      inFolder(async (folder) => {
        await Deno.writeTextFile(join(folder, "spread.ts"), spread(places));
        const parts = {
          ...mlp,
          data: { features: { item: { ids: "train" } }, transforms: [{ use: "./spread.ts" }] },
        };
        const one = await writeDay(folder, "day1", items(day1), parts);
        const { out } = await train(one);
        const before = await logitsOf(one, join(out, "checkpoints", "best.safetensors"));
        const network = { ...mlp.network, initial };
        const two = await writeDay(folder, "day2", items(second), { ...parts, network });
        return { before, after: await logitsOf(two) };
      });
    const same = await hand("", day1);
    assertSame(same.before, same.after, [[0, 0], [1, 1], [2, 2]]);
    const error = await assertRejects(() => hand("", day2), UserError);
    assertStringIncludes(
      error.message,
      "the feature item is computed from the ids of item, which differ from those of the earlier run",
    );
    const declared = "places: [{ size, ids: idKeysOf('item', features.item) }]";
    const { before, after } = await hand(declared, day2);
    assertSame(before, after, [[1, 0], [2, 1]]);
  },
);

onWasm(
  "weights from other programs need the values of their rows, the order of features, and the classes",
  async () => {
    const file = "day1-run/checkpoints/best.safetensors";
    const features = { price: {}, item: { ids: "train" } };
    const parts = { data: { features } };
    const rows = (values: readonly string[]) =>
      items(values, { price: repeated(values.map((value) => value.length)) });
    const of = (more: Parts) => ({
      first: rows(day1),
      second: rows(day2),
      parts,
      from: { booster: { file, ...more }, light: { file, ...more } },
    });
    const bare = await refusal(of({}));
    assertStringIncludes(
      bare,
      "`initial` does not say which values of item the positions in the file belong to",
    );
    assertStringIncludes(bare, "write `vocabularies: { item: FILE }`");
    assertStringIncludes(
      bare,
      "list all features in the order of the file, such as `features: [price, item]`",
    );
    await inFolder(async (folder) => {
      const list = join(folder, "items.txt");
      await Deno.writeTextFile(list, day1.join("\n") + "\n");
      const given = { vocabularies: { item: list }, features: ["price", "item"] };
      await handOver(of(given), (before, after) => assertSame(before, after, [[1, 0], [2, 1]]));
      await Deno.writeTextFile(list, JSON.stringify([...day1, "elder"]));
      const other = await refusal(of({ ...given, vocabularies: { item: list } }));
      assertStringIncludes(other, "it has 5 rows for the");
      await Deno.writeTextFile(list, "apple\nberry\napple\n");
      assertStringIncludes(await refusal(of(given)), 'has the value "apple" twice');
      assertStringIncludes(
        await refusal(of({ ...given, vocabularies: { itme: list } })),
        'no feature has the vocabulary "itme"; did you mean item?',
      );
    });
    const named = await refusal({
      first: { x: repeated([1, 2]), y: repeated(["ant", "bee"]) },
      second: { x: repeated([1, 2]), y: repeated(["ant", "bee"]) },
      parts: classes("y"),
      from: { light: { file } },
    });
    assertStringIncludes(named, "write their order in the file, such as `classes: [ant, bee]`");
  },
);

onWasm("a run without model.json is refused with a hint", async () => {
  await inFolder(async (folder) => {
    const one = await writeDay(folder, "day1", items(day1), ids);
    const { out } = await train(one);
    await Deno.remove(join(out, "model.json"));
    const network = { ...dayNetwork({}), initial };
    const two = await writeDay(folder, "day2", items(day2), { ...ids, network });
    const error = await assertRejects(() => logitsOf(two), UserError);
    assertStringIncludes(error.message, "model.json cannot be read: the file does not exist");
    assertEquals(error.exitCode, 2);
  });
});

onWasm(
  "weights of another run with equal shapes are refused by resume, as initial weights, and by loadModel()",
  () =>
    inFolder(async (folder) => {
      const one = await writeDay(folder, "day1", items(day1), ids);
      const { out } = await train(one);
      const other = await train(await writeDay(folder, "other", items(day1), { ...ids, seed: 4 }));
      const network = { ...dayNetwork({}), initial };
      const two = await writeDay(folder, "day2", items(day2), { ...ids, network });
      for await (const { name } of Deno.readDir(join(other.out, "checkpoints"))) {
        const [from, to] = [other.out, out].map((run) => join(run, "checkpoints", name));
        await Deno.copyFile(from!, to!);
      }
      const uses = [() => train(one, { resume: true }), () => logitsOf(two), () => loadModel(out)];
      for (const use of uses) {
        const { message, exitCode } = await assertRejects(use, UserError);
        assertStringIncludes(message, "is from another run than model.json");
        assertEquals(exitCode, 1);
      }
    }),
);

onWasm(
  "a run is not resumed with another vocabulary than the one in model.json",
  () =>
    inFolder(async (folder) => {
      const one = await writeDay(folder, "day1", items(day1), ids);
      const { out } = await train(one);
      const path = join(out, "model.json"), text = await Deno.readTextFile(path);
      const resume = () =>
        assertRejects(() => train(one, { resume: true }), UserError).then(({ message }) => message);
      // As if the rows had other values, which a fingerprint of a large file does not tell.
      const edit = (before: string, after: string) =>
        editModel(out, (model) => JSON.parse(JSON.stringify(model).replaceAll(before, after)));
      edit('"berry"', '"bilberry"');
      assertStringIncludes(
        await resume(),
        'the feature item changed after the run began: value 1 (counted from 0) is now "berry" and was "bilberry"',
      );
      edit('"kind":"vocabulary"', '"kind":"hash"');
      assertStringIncludes(await resume(), "the feature item changed after the run began");
      editModel(out, () => JSON.parse(text));
      await Deno.writeTextFile(path, text.replace('"berry"', '"bilberry"'));
      assertStringIncludes(await resume(), "model.json was changed after it was written");
      await Deno.remove(path);
      assertStringIncludes(await resume(), "model.json cannot be read: the file does not exist");
      await Deno.writeTextFile(path, text);
      await train(one, { resume: true });
    }),
);
