import {
  type GradientContext,
  type GradientPolicy,
  type LossScope,
  type PolicyHead,
  tf,
  UserError,
} from "@rocket-launching/rocket/plugin";
import { checkStage, onEachEngine } from "@rocket-launching/rocket/testing";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import shake from "./mod.ts";

const classes = { kind: "class", classes: 3, shape: [], dtype: "int32" } as const;
const binary = { kind: "binary", classes: 2, shape: [], dtype: "float32" } as const;

const shapes: Readonly<Record<string, readonly number[]>> = {
  "booster.features": [5],
  "booster.group1": [8, 8, 2],
  "booster.group2": [4, 4, 3],
  "booster.group3": [4, 4, 4],
};
const groups = ["booster.group1", "booster.group2", "booster.group3"];

/** Creates the policy for a hint loss on logits, and lists the variables of its head. */
function create(options: unknown, more: Partial<GradientContext> = {}) {
  const declared: string[] = [];
  const policy = shake.create(shake.options.parse(options), {
    label: classes,
    shapes: [[3], [3]],
    shapeOf: (output) => shapes[output]!,
    variables: {
      add(spec) {
        declared.push(`${spec.name} [${spec.shape}]`);
        return { trainable: true, owner: "loss", table: false, ...spec };
      },
    },
    ...more,
  });
  return { policy, declared, head: policy[0]!.teacher! };
}

/** The numbers of `wave()` in reference.py. */
function wave(shape: readonly number[], seed: number, scale: number): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: size }, (_, index) => scale * Math.sin(1.7 * index + seed));
  return tf.tensor(values, [...shape]);
}

/** The seeds of the convolutions in reference.py. */
const seeds: Readonly<Record<string, number>> = {
  "fuse1/across": 10,
  "fuse1/beside": 11,
  "fuse2/across": 12,
  "fuse2/beside": 13,
  "top": 14,
};

const scope: LossScope = {
  get label(): tf.Tensor {
    throw new Error("the head does not read the label");
  },
  columns: {},
  read({ name, shape }) {
    if (name === "logits/kernel") return wave(shape, 4, 1);
    if (name === "logits/bias") return wave(shape, 5, 1);
    const [, layer, part] = /^(.*?)\/(?:norm\/)?(\w+)$/.exec(name)!;
    const seed = seeds[layer!]!;
    if (part === "kernel") return wave(shape, seed, 0.5);
    return part === "scale"
      ? tf.add(1, wave(shape, seed + 0.5, 0.5))
      : wave(shape, seed + 0.7, 0.2);
  },
};

Deno.test("shake fulfills the contract of a gradient policy", async () => {
  await checkStage(shake);
  await checkStage(shake, { options: { hidden: [6] } });
  await checkStage(shake, { options: { features: groups }, outputs: shapes });
});

Deno.test("the head of shake fuses maps as PyTorch does with the layers of the authors' code", () =>
  onEachEngine(() => {
    const { head } = create({ features: groups });
    const logits = tf.tidy(() => {
      const maps = groups.map((name, index) => wave([4, ...shapes[name]!], 6 + index, 1));
      return (head as PolicyHead).compute(maps, scope).dataSync();
    });
    // As `python reference.py` prints them.
    const expected = [
      ...[-1.028246, 0.2442846, 0.9652968, -0.9363358, 0.2617758, 0.868879],
      ...[-0.8987607, 0.272903, 0.8284366, -1.007678, 0.2427037, 0.9451361],
    ];
    assertEquals(logits.length, expected.length);
    for (const [index, value] of expected.entries()) {
      assertAlmostEquals(logits[index]!, value, 1e-4);
    }
  }));

Deno.test("shake teaches the student by the head, and the head by the student, the teacher, and the label", () => {
  const { policy, head, declared } = create({ reverse: 0.5 });
  const roles = (policy: GradientPolicy) =>
    policy.map(({ teacher, student, reversed = false, loss, ...factors }) => ({
      teacher: teacher === head ? "head" : reversed ? "to" : "from",
      student: student === head ? "head" : reversed ? "from" : "to",
      own: loss !== undefined,
      ...factors,
    }));
  assertEquals(roles(policy), [
    { teacher: "head", student: "to", own: false, from: 0, to: 1, shared: 1 },
    { teacher: "to", student: "head", own: false, from: 0, to: 0.5, shared: 1 },
    { teacher: "from", student: "head", own: true, from: 0, to: 1, shared: 1 },
    { teacher: "from", student: "head", own: true, from: 0, to: 1, shared: 1 },
  ]);
  assertEquals(declared, ["logits/kernel [5,3]", "logits/bias [3]"]);
  assertEquals(create({ hidden: [7, 6] }).declared, [
    ...["hidden1/kernel [5,7]", "hidden1/bias [7]", "hidden2/kernel [7,6]", "hidden2/bias [6]"],
    ...["logits/kernel [6,3]", "logits/bias [3]"],
  ]);
  assertEquals(create({ reverse: 0, mimic: 0, label: 0 }).policy.length, 1);
});

Deno.test("shake refuses outputs and labels that do not fit", () => {
  const number = { kind: "number", classes: 0, shape: [], dtype: "float32" } as const;
  const cases: [unknown, Partial<GradientContext>, string][] = [
    [{}, { label: number, shapes: [[1], [1]] }, "shake needs a label of kind binary or class"],
    [{}, { shapes: [[8, 8, 2], [8, 8, 2]] }, "shake needs a hint loss on logits [batch, 3]"],
    [{}, { label: binary }, "shake needs a hint loss on logits [batch, 1]; got [batch, 3]"],
    [{ features: ["booster.group1", "booster.features"] }, {}, "reads either vectors"],
    [{ features: groups, hidden: [3] }, {}, "`hidden` is for a head that reads vectors"],
  ];
  for (const [options, context, message] of cases) {
    assertThrows(() => create(options, context), UserError, message);
  }
});
