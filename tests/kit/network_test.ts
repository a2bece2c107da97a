import {
  defineNetwork,
  type Net,
  type NetName,
  type NetworkContext,
  type NetworkPair,
  type NetworkStage,
  ops,
  type Scope,
  tf,
  UserError,
  type Variable,
  type VariableAxis,
  type VariableOwner,
  z,
} from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

/** What the networks of these tests are made of. */
interface Parts {
  readonly kernel: (name: string, from: number, to: number, owner: VariableOwner) => Variable;
  readonly inputs: number;
  readonly units: number;
  readonly both: boolean;
  readonly context: NetworkContext;
}

function network(build: (parts: Parts) => NetworkPair): NetworkStage {
  return defineNetwork({
    ...named,
    options: z.object({}),
    create(_options, context) {
      const { features, units, nets, variables } = context;
      const inputs = features.image!.shape.reduce((a, b) => a * b, 1);
      const kernel: Parts["kernel"] = (name, from, to, owner) =>
        variables.add({
          name,
          shape: [from, to],
          initializer: { kind: "normal", deviation: 0.2 },
          owner,
        });
      return build({ kernel, inputs, units, both: nets.includes("booster"), context });
    },
  });
}

const flat = (features: Parameters<Net>[0]) =>
  tf.reshape(features.image!, [features.image!.shape[0]!, -1]);

function linear(kernel: Variable): Net {
  return (features, scope) => ({ logits: tf.matMul(flat(features), scope.read(kernel)) });
}

/** Two linear nets; what one of them does otherwise is given. */
function twoLinear(change: (pair: NetworkPair, parts: Parts) => NetworkPair): NetworkStage {
  return network((parts) => {
    const { kernel, inputs, units, both } = parts;
    const light = linear(kernel("light", inputs, units, "light"));
    const pair = both
      ? { light, booster: linear(kernel("booster", inputs, units, "booster")) }
      : { light };
    return change(pair, parts);
  });
}

/** A shared layer below two heads; how it is computed is given. */
function withBottom(
  bottom: (features: Parameters<Net>[0], scope: Scope, variable: Variable) => tf.Tensor,
): NetworkStage {
  return network(({ kernel, inputs, units, both }) => {
    const shared = kernel("bottom", inputs, 5, both ? "shared" : "light");
    const head = (owner: "light" | "booster"): Net => {
      const variable = kernel(`${owner}/head`, 5, units, owner);
      return (features, scope) => ({
        logits: tf.matMul(bottom(features, scope, shared), scope.read(variable)),
      });
    };
    return both ? { light: head("light"), booster: head("booster") } : { light: head("light") };
  });
}

const layer = (features: Parameters<Net>[0], scope: Scope, variable: Variable) =>
  ops.relu(tf.matMul(flat(features), scope.read(variable)));

Deno.test("checkStage() passes networks that keep their contract", async () => {
  await checkStage(twoLinear((pair) => pair));
  await checkStage(withBottom(layer));
  await checkStage(
    withBottom((features, scope, variable) =>
      scope.shared("bottom", (scope) => layer(features, scope, variable))
    ),
  );
});

Deno.test("checkStage() passes a network with running statistics and dropout", async () => {
  await checkStage(twoLinear(({ light, ...pair }, { context: { variables }, inputs }) => {
    const mean = variables.add({
      name: "light/mean",
      shape: [inputs],
      initializer: { kind: "constant", value: 0 },
      owner: "light",
      trainable: false,
    });
    return {
      ...pair,
      light(features, scope) {
        const x = flat(features);
        const now = tf.mean(x, 0);
        const used = scope.training ? now : scope.read(mean);
        if (scope.training) {
          scope.update(mean, tf.add(tf.mul(scope.read(mean), 0.9), tf.mul(now, 0.1)));
        }
        const y = tf.sub(x, used);
        const dropped = scope.training ? ops.dropout(y, 0.1, scope.seed("input")) : y;
        return light({ image: dropped }, scope);
      },
    };
  }));
});

Deno.test("checkStage() finds logits of the wrong shape, and outputs that are not tensors", async () => {
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light: (features, scope) => ({ logits: tf.sum(pair.light(features, scope).logits, -1) }),
    })),
    ["returns logits [batch, units]", "logits of shape [4] in float32; expected [4, 3]"],
  );
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light: (features, scope) => pair.light(features, scope).logits as unknown as ReturnType<Net>,
    })),
    ["returns an object of outputs that includes logits"],
  );
});

Deno.test("checkStage() finds a network that does not return the requested booster", async () => {
  await assertBroken(twoLinear(({ light }) => ({ light })), ["nothing as booster"]);
});

Deno.test("checkStage() finds a booster's variable in a run of the light net alone", async () => {
  await assertBroken(
    twoLinear((pair, { kernel, both }) => {
      if (!both) kernel("booster", 2, 2, "booster");
      return pair;
    }),
    ["declares no variables of the booster", "booster was declared"],
  );
});

Deno.test("checkStage() finds a light net that differs when there is a booster", async () => {
  await assertBroken(
    network(({ kernel, inputs, units, both }) => {
      const light = linear(kernel(both ? "light/kernel" : "kernel", inputs, units, "light"));
      return both
        ? { light, booster: linear(kernel("booster", inputs, units, "booster")) }
        : { light };
    }),
    ["declares the same variables of the light net", "kernel is missing"],
  );
  await assertBroken(
    twoLinear((pair, { both }) => ({
      ...pair,
      light: (features, scope) => ({
        logits: tf.mul(pair.light(features, scope).logits, both ? 2 : 1),
      }),
    })),
    ["computes the same light net with and without the booster"],
  );
});

Deno.test("checkStage() finds a net that reads the other's variables", async () => {
  await assertBroken(
    network(({ kernel, inputs, units, both }) => {
      const own = kernel("light", inputs, units, "light");
      const light = linear(own);
      if (!both) return { light };
      const booster = linear(kernel("booster", inputs, units, "booster"));
      return {
        light,
        booster: (features, scope) => ({
          logits: tf.add(booster(features, scope).logits, light(features, scope).logits),
        }),
      };
    }),
    ["reads only variables that the net owns or shares", "it reads light, whose owner is light"],
  );
});

Deno.test("checkStage() finds variables that no gradient reaches", async () => {
  await assertBroken(
    twoLinear((pair, { kernel }) => {
      kernel("light/unused", 2, 2, "light");
      return pair;
    }),
    [
      "has a gradient for each variable",
      "there is no gradient for light/unused, whose owner is light",
    ],
  );
});

Deno.test("checkStage() finds shared variables that only one net uses", async () => {
  await assertBroken(
    network(({ kernel, inputs, units, both }) => {
      const light = linear(kernel("light", inputs, units, both ? "shared" : "light"));
      return both
        ? { light, booster: linear(kernel("booster", inputs, units, "booster")) }
        : { light };
    }),
    [
      "the gradient of the booster net's outputs",
      "there is no gradient for light, whose owner is shared",
    ],
  );
});

Deno.test("checkStage() finds a shared part that does not read from the scope of its call", async () => {
  await assertBroken(
    withBottom((features, scope, variable) =>
      scope.shared("bottom", () => layer(features, scope, variable))
    ),
    ["reads shared variables from the scope of the current call"],
  );
});

Deno.test("checkStage() finds updates of trainable variables, and updates in evaluation", async () => {
  await assertBroken(
    network(({ kernel, inputs, units, both }) => {
      const own = kernel("light", inputs, units, "light");
      const light: Net = (features, scope) => {
        scope.update(own, tf.zerosLike(scope.read(own)));
        return linear(own)(features, scope);
      };
      return both
        ? { light, booster: linear(kernel("booster", inputs, units, "booster")) }
        : { light };
    }),
    [
      "updates only variables that are not trainable and that the net owns or shares",
      "light, which is trainable",
    ],
  );
  await assertBroken(
    twoLinear((pair, { context: { variables } }) => {
      const count = variables.add({
        name: "light/count",
        shape: [],
        initializer: { kind: "constant", value: 0 },
        owner: "light",
        trainable: false,
      });
      return {
        ...pair,
        light(features, scope) {
          scope.update(count, tf.add(scope.read(count), 1));
          return pair.light(features, scope);
        },
      };
    }),
    ["updates variables only in training", "it updates light/count"],
  );
});

Deno.test("checkStage() finds the batch's statistics and random numbers in evaluation", async () => {
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light(features, scope) {
        const { logits } = pair.light(features, scope);
        return { logits: tf.sub(logits, tf.mean(logits, 0)) };
      },
    })),
    ["treats rows independently in evaluation"],
  );
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light(features, scope) {
        const { logits } = pair.light(features, scope);
        return { logits: ops.dropout(logits, 0.5, scope.seed("logits")) };
      },
    })),
    ["uses no random numbers in evaluation"],
  );
});

Deno.test("checkStage() finds a network that is not pure, or leaves tensors behind", async () => {
  let calls = 0;
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light: (features, scope) => ({ logits: tf.mul(pair.light(features, scope).logits, ++calls) }),
    })),
    ["is a pure function: the same features, variables and seeds"],
  );
  await assertBroken(
    twoLinear((pair) => ({
      ...pair,
      light: (features, scope) => ({ logits: tf.keep(pair.light(features, scope).logits).add(0) }),
    })),
    ["leaves no tensors behind"],
  );
});

Deno.test("checkStage() finds variables that are declared in a forward pass", async () => {
  let count = 0;
  await assertBroken(
    twoLinear((pair, { kernel }) => ({
      ...pair,
      light(features, scope) {
        kernel(`late${count++}`, 1, 1, "light");
        return pair.light(features, scope);
      },
    })),
    ["declares all variables in create()", "a forward pass declared late"],
  );
});

Deno.test("checkStage() finds variables with invalid owners, shapes, and initializers", async () => {
  const declaring = (spec: Partial<Variable>) =>
    twoLinear((pair, { context: { variables } }) => {
      variables.add({
        name: "odd",
        shape: [2],
        initializer: { kind: "constant", value: 0 },
        owner: "light",
        trainable: false,
        ...spec,
      });
      return pair;
    });
  await assertBroken(declaring({ owner: "both" as VariableOwner }), [
    "to light, booster, or shared",
  ]);
  await assertBroken(declaring({ shape: [2.5] }), ["shapes of positive integers"]);
  await assertBroken(declaring({ initializer: { kind: "normal", deviation: NaN } }), [
    "the initializer of odd is",
  ]);
});

Deno.test("checkStage() finds a network that rejects the given features", async () => {
  const stage = network(() => {
    throw new UserError("only for sounds");
  });
  await assertBroken(stage, ["accepts at least one", "only for sounds"]);
});

/** Sums rows of a table that both nets share; how they read it is what a test is about. */
function tableNetwork(
  read: (scope: Scope, table: Variable, ids: tf.Tensor) => tf.Tensor,
): NetworkStage {
  return defineNetwork({
    ...named,
    reads: "numbers and ids",
    options: z.object({}),
    create(_options, { units, nets, variables }) {
      const owner = nets.length === 2 ? "shared" : "light";
      const initializer = { kind: "normal", deviation: 1 } as const;
      const table = variables.add({ name: "rows", shape: [5, 4], initializer, owner, table: true });
      const net = (owner: NetName): Net => {
        const head = variables.add({
          name: `${owner}/head`,
          shape: [4, units],
          initializer,
          owner,
        });
        return ({ id }, scope) => ({
          logits: tf.matMul(tf.sum(read(scope, table, id!), 1), scope.read(head)),
        });
      };
      const light = net("light");
      return nets.length === 2 ? { light, booster: net("booster") } : { light };
    },
  });
}

const ids = {
  features: { id: { shape: [2], dtype: "int32", vocabulary: ["a", "b", "c", "d", "e"] } },
} as const;

Deno.test("checkStage() passes a network that looks up rows of a table", async () => {
  await checkStage(tableNetwork((scope, table, ids) => scope.lookup(table, ids)), ids);
});

Deno.test("checkStage() finds a network that blocks the gradient to its table", async () => {
  const stopped = tableNetwork((scope, table, ids) => ops.stopGradient(scope.lookup(table, ids)));
  await assertBroken(
    stopped,
    ["has a gradient for each variable", "there is no gradient for rows"],
    ids,
  );
});

Deno.test("checkStage() finds axes whose sizes do not match what they represent", async () => {
  const withAxes = (from: VariableAxis) =>
    network(({ inputs, units, both, context }) => {
      const net = (owner: NetName) =>
        linear(context.variables.add({
          name: owner,
          shape: [inputs, units],
          initializer: { kind: "normal", deviation: 0.2 },
          owner,
          axes: [from, "classes"],
        }));
      return both ? { light: net("light"), booster: net("booster") } : { light: net("light") };
    });
  await checkStage(withAxes({ features: ["image"] }));
  await assertBroken(withAxes("classes"), [
    "declares axes whose sizes match the ids, classes, or features that they represent",
  ]);
});
