import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import type { NetName } from "../../../src/stages/network.ts";
import wideResnet from "../../../plugins/networks/wide_resnet.ts";
import { checkStage } from "../../../testing.ts";
import { Forward } from "../../../src/train/forward.ts";
import { initialValues, parameterCount, type TensorsByName } from "../../../src/train/variables.ts";
import { forEachEngine } from "../../support/engines.ts";
import {
  assertAloneAsInRocket,
  assertRefused,
  both,
  build,
  type Built,
  forward,
  issuesOf,
  namesOf,
} from "./support.ts";

const floats = (...shape: number[]) => ({ image: { shape, dtype: "float32" } }) as const;
const cifar = floats(32, 32, 3);
const depth = (depth: number, width = 1) => ({ depth, width });

/** Options of each kind of sharing, with a booster of two blocks a group. */
const sharings = {
  interval: { sharing: "interval", light: depth(10), booster: depth(16) },
  bottom: { sharing: "bottom", booster: depth(16) },
  none: { sharing: "none", light: depth(10), booster: depth(16, 2) },
  separate: { sharing: "separate", light: depth(10), booster: depth(16, 2) },
} as const;

Deno.test("wide-resnet fulfills the contract of a network", async () => {
  const smallest = [
    sharings.interval,
    { sharing: "bottom", booster: depth(10) },
    { sharing: "none", light: depth(10), booster: depth(10) },
  ];
  for (const options of smallest) {
    await checkStage(wideResnet, { options, features: floats(8, 8, 1) });
  }
});

/**
 * The size of a wide residual net by its paper: a convolution to 16 channels, three groups of n =
 * (depth − 4) / 6 blocks with 16k, 32k and 64k channels, a norm and a linear head. A block has two
 * 3 × 3 convolutions and two norms, and a 1 × 1 shortcut where the channels change.
 */
function size(depth: number, k: number, { channels = 3, classes = 10, groups = 3 } = {}): number {
  const norm = (channels: number) => 2 * channels;
  let sum = 9 * channels * 16, from = 16;
  for (const base of [16, 32, 64].slice(0, groups)) {
    for (let block = 0; block < (depth - 4) / 6; block++) {
      const to = base * k;
      sum += 9 * from * to + 9 * to * to + (from === to ? 0 : from * to) + norm(from) + norm(to);
      from = to;
    }
  }
  return sum + norm(from) + from * classes + classes;
}

Deno.test("wide-resnet has the number of parameters of WRN-16-1 and WRN-40-1 on CIFAR-10", () => {
  // WRN-16-1 by hand, n = 2:
  const convolutions = [
    432, // 9·3·16, the first
    2 * 2 * 2304, // group 1: four of 9·16·16
    4608 + 9216 + 512 + 2 * 9216, // group 2: 9·16·32, 9·32·32, the shortcut 16·32; two of 9·32·32
    18_432 + 36_864 + 2048 + 2 * 36_864, // group 3: 9·32·64, 9·64·64, 32·64; two of 9·64·64
  ];
  const norms = 2 * ((16 + 16) * 2 + (16 + 32 + 32 + 32) + (32 + 64 + 64 + 64) + 64);
  const head = 64 * 10 + 10;
  const small = convolutions.reduce((sum, count) => sum + count, norms + head);
  assertEquals([small, size(16, 1)], [175_066, 175_066]);
  // WRN-40-1 has four more blocks in each group.
  const more = (channels: number) => 4 * (2 * 9 * channels ** 2 + 2 * 2 * channels);
  const large = small + more(16) + more(32) + more(64);
  assertEquals([large, size(40, 1)], [563_930, 563_930]);

  const options = { light: depth(16), booster: depth(40) };
  for (const sharing of ["interval", "none"]) {
    const { variables } = build(wideResnet, { sharing, ...options }, { features: cifar });
    assertEquals(both.map((net) => parameterCount(variables, net)), [small, large]);
  }
});

Deno.test("wide-resnet has the number of parameters of wider nets, other classes and gray images", () => {
  const options = { sharing: "none", light: depth(16, 4), booster: depth(28, 10) };
  const wide = build(wideResnet, options, { features: cifar }).variables;
  // 2.7 and 36.5 million in table 4 and 5 of the paper.
  assertEquals(both.map((net) => parameterCount(wide, net)), [size(16, 4), size(28, 10)]);
  assertEquals([size(16, 4), size(28, 10)].map((count) => Math.round(count / 1e5)), [27, 365]);
  for (const shape of [[28, 28, 1], [28, 28]]) {
    const grey = build(wideResnet, sharings.interval, { features: floats(...shape), units: 7 });
    assertEquals(
      both.map((net) => parameterCount(grey.variables, net)),
      [10, 16].map((depth) => size(depth, 1, { channels: 1, classes: 7 })),
    );
  }
});

Deno.test("wide-resnet with bottom sharing uses the booster's first two groups as the light net", () => {
  const { variables } = build(wideResnet, { sharing: "bottom", booster: depth(40) }, {
    features: cifar,
  });
  // The first convolution, six blocks of 16 and of 32 channels, a head on 32.
  const convolutions = 432 + 6 * 4608 + (4608 + 9216 + 512 + 5 * 18_432);
  const norms = 2 * (12 * 16 + (16 + 11 * 32) + 32);
  const light = convolutions + norms + 32 * 10 + 10;
  assertEquals([light, size(40, 1, { groups: 2 })], [136_090, 136_090]);
  assertEquals(both.map((net) => parameterCount(variables, net)), [light, 563_930]);
});

/** The kernels of an owner, shortened to their blocks: `group1/block2`. */
const blocksOf = (built: Built, owner: "shared" | NetName) => [
  ...new Set(
    namesOf(built, owner).filter((name) => /conv|shortcut|stem/.test(name))
      .map((name) => name.split("/").slice(0, -2).join("/") || "stem"),
  ),
];

Deno.test("wide-resnet with interval sharing shares the first blocks of each group", () => {
  const built = build(wideResnet, {
    sharing: "interval",
    light: depth(16),
    booster: depth(22),
  }, { features: cifar });
  assertEquals(blocksOf(built, "shared"), [
    "stem",
    ...[1, 2, 3].flatMap((group) => [`group${group}/block1`, `group${group}/block2`]),
  ]);
  assertEquals(blocksOf(built, "light"), []);
  assertEquals(blocksOf(built, "booster"), [1, 2, 3].map((group) => `group${group}/block3`));
});

Deno.test("wide-resnet with bottom sharing shares the first two groups", () => {
  const built = build(wideResnet, sharings.bottom, { features: cifar });
  assertEquals(blocksOf(built, "shared"), [
    "stem",
    ...[1, 2].flatMap((group) => [`group${group}/block1`, `group${group}/block2`]),
  ]);
  assertEquals(blocksOf(built, "light"), []);
  assertEquals(blocksOf(built, "booster"), ["group3/block1", "group3/block2"]);
});

Deno.test("wide-resnet with sharing: none shares only the first convolution", () => {
  const built = build(wideResnet, sharings.none, { features: cifar });
  assertEquals(namesOf(built, "shared"), ["stem/kernel"]);
  assertEquals(blocksOf(built, "light"), [1, 2, 3].map((group) => `light/group${group}/block1`));
  assertEquals(
    blocksOf(built, "booster"),
    [1, 2, 3].flatMap((group) => [1, 2].map((block) => `booster/group${group}/block${block}`)),
  );
});

Deno.test("wide-resnet with sharing: separate shares nothing", () => {
  const built = build(wideResnet, sharings.separate, { features: cifar });
  assertEquals(namesOf(built, "shared"), []);
  const none = build(wideResnet, sharings.none, { features: cifar });
  for (const net of both) {
    const own = (built: Built) => namesOf(built, net).filter((name) => !name.includes("stem"));
    assertEquals(own(built), own(none));
    assertEquals(namesOf(built, net).includes(`${net}/stem/kernel`), true);
  }
});

Deno.test("wide-resnet with two groups builds the light net of bottom sharing with its own kernels", () => {
  const bottom = build(wideResnet, sharings.bottom, { features: cifar, nets: ["light"] });
  const light = { ...depth(16), groups: 2 };
  for (const sharing of ["none", "separate"]) {
    const options = { sharing, light, booster: depth(16) };
    const built = build(wideResnet, options, { features: cifar });
    const shapes = ({ variables }: typeof built) =>
      variables.filter(({ owner, name }) => owner === "light" || name === "stem/kernel")
        .map(({ name, shape }) => `${name.replace("light/", "")} ${shape}`).sort();
    assertEquals(shapes(built), shapes(bottom));
  }
});

Deno.test("wide-resnet gives each net its own batch normalization and last layer, whatever the nets share", () => {
  for (const options of Object.values(sharings)) {
    const built = build(wideResnet, options, { features: cifar });
    const own = built.variables.filter(({ name }) => /norm|head/.test(name));
    for (const { name, owner } of own) assertEquals(name.split("/")[0], owner);
    // Of each norm four variables, of which the running statistics are not trained.
    for (const net of both) {
      const norms = own.filter(({ name, owner }) => owner === net && name.includes("norm"));
      const parts = (part: string) => norms.filter(({ name }) => name.endsWith(`/${part}`));
      for (const part of ["scale", "offset", "mean", "variance"]) {
        assertEquals(parts(part).length, norms.length / 4);
        const trained = part === "scale" || part === "offset";
        assert(parts(part).every(({ trainable }) => trainable === trained), part);
      }
    }
  }
});

forEachEngine(
  "wide-resnet without a booster declares the light net with the same initial weights as with a booster",
  () => {
    for (const options of Object.values(sharings)) {
      assertAloneAsInRocket(
        build(wideResnet, options, { features: floats(8, 8, 1), nets: ["light"] }),
        build(wideResnet, options, { features: floats(8, 8, 1) }),
      );
    }
  },
);

/** A small rocket, and its values. */
function rocket(options: unknown = sharings.interval) {
  const built = build(wideResnet, options, { features: floats(8, 8, 1), units: 3 });
  const values = initialValues(built.variables, 1);
  const image = tf.randomNormal([4, 8, 8, 1], 0.5, 1, "float32", 3);
  const logits = (net: NetName, given: TensorsByName = values) =>
    forward(built, given, { image }).outputs(net).logits.dataSync().slice();
  return { built, values, image, logits };
}

forEachEngine(
  "wide-resnet halves feature maps twice and has one feature map as output per group",
  () => {
    for (const [sharing, options] of Object.entries(sharings)) {
      const { built, values, image } = rocket(options);
      const width = sharing === "none" || sharing === "separate" ? 2 : 1;
      const shapes = (net: NetName) =>
        Object.entries(forward(built, values, { image }).outputs(net))
          .map(([name, { shape }]) => `${name} ${shape.slice(1).join("×")}`);
      const ends = (channels: number) => [`features ${channels}`, "logits 3"];
      const light = ["group1 8×8×16", "group2 4×4×32", "group3 2×2×64"];
      assertEquals(
        shapes("light"),
        sharing === "bottom" ? [...light.slice(0, 2), ...ends(32)] : [...light, ...ends(64)],
      );
      assertEquals(shapes("booster"), [
        `group1 8×8×${16 * width}`,
        `group2 4×4×${32 * width}`,
        `group3 2×2×${64 * width}`,
        ...ends(64 * width),
      ]);
    }
  },
);

forEachEngine(
  "wide-resnet updates the running statistics of each net in training only",
  () => {
    for (const options of Object.values(sharings)) {
      const { built, values, image } = rocket(options);
      const statistics = (net: NetName) =>
        built.variables.filter(({ owner, trainable }) => owner === net && !trainable)
          .map(({ name }) => name).sort();
      const evaluating = forward(built, values, { image });
      for (const net of both) evaluating.outputs(net);
      assertEquals([...evaluating.updates.keys()], []);
      const training = forward(built, values, { image }, true);
      training.outputs("light");
      assertEquals([...training.updates.keys()].sort(), statistics("light"));
      training.outputs("booster");
      assertEquals(
        [...training.updates.keys()].sort(),
        [...statistics("light"), ...statistics("booster")].sort(),
      );
    }
  },
);

forEachEngine(
  "wide-resnet moves running statistics by a tenth towards the statistics of the batch",
  () => {
    const { built, values } = rocket();
    // A first convolution that only copies: channel c is c + 1 times the image.
    const kernel = new Float32Array(9 * 16);
    for (let channel = 0; channel < 16; channel++) kernel[4 * 16 + channel] = channel + 1;
    const copying = { ...values, "stem/kernel": tf.tensor(kernel, [3, 3, 1, 16]) };
    // Half of the pixels are 1 and half are 3: a mean of 2, and 256 squares of 1 by 255.
    const image = tf.tensor(
      Float32Array.from({ length: 256 }, (_, index) => index % 2 === 0 ? 1 : 3),
      [4, 8, 8, 1],
    );
    const training = forward(built, copying, { image }, true);
    for (const net of both) {
      training.outputs(net);
      const of = (part: string) =>
        training.updates.get(`${net}/group1/block1/norm1/${part}`)!.dataSync();
      const mean = of("mean"), variance = of("variance");
      assertEquals(mean.length, 16);
      for (let channel = 0; channel < 16; channel++) {
        assertAlmostEquals(mean[channel]!, 0.1 * 2 * (channel + 1), 1e-5);
        const expected = 0.9 + 0.1 * (256 / 255) * (channel + 1) ** 2;
        assertAlmostEquals(variance[channel]!, expected, 1e-5 * expected);
      }
    }
  },
);

forEachEngine(
  "wide-resnet computes each net from its own variables and the shared kernels only",
  () => {
    const { built, values, logits } = rocket();
    const before = both.map((net) => logits(net).join());
    for (const { name, owner } of built.variables) {
      const other = { ...values, [name]: tf.add(tf.mul(values[name]!, 1.5), 0.25) };
      const changed = both.map((net, index) => logits(net, other).join() !== before[index]);
      assertEquals(
        changed,
        owner === "shared" ? [true, true] : both.map((net) => net === owner),
        name,
      );
    }
  },
);

forEachEngine(
  "wide-resnet drops values before the second convolution of the booster's own blocks, in training only",
  () => {
    const built = build(
      wideResnet,
      { ...sharings.interval, booster: { ...depth(16), dropout: 0.5 } },
      { features: floats(8, 8, 1), units: 3 },
    );
    // In block 2 of group 1, which only the booster has, ones reach the second convolution, which
    // copies them: the block adds 1 to its input, or with dropout 0 or 1 / (1 − 0.5).
    const block = "booster/group1/block2/norm2", kernel = new Float32Array(9 * 16 * 16);
    for (let channel = 0; channel < 16; channel++) kernel[(4 * 16 + channel) * 16 + channel] = 1;
    const values = {
      ...initialValues(built.variables, 1),
      [`${block}/scale`]: tf.zeros([16]),
      [`${block}/offset`]: tf.ones([16]),
      "group1/block2/conv2/kernel": tf.tensor(kernel, [3, 3, 16, 16]),
    };
    const inputOnly = { ...values, "group1/block2/conv2/kernel": tf.zeros([3, 3, 16, 16]) };
    const image = tf.randomNormal([4, 8, 8, 1], 0.5, 1, "float32", 3);
    const maps = (training: boolean, values: TensorsByName, seed: number) => {
      const pass = new Forward(built.pair, {
        values,
        features: { image },
        training,
        seed: () => tf.scalar(seed, "int32"),
      });
      return {
        group1: pass.outputs("booster")["group1"]!,
        light: [...pass.outputs("light").logits.dataSync()],
      };
    };
    const added = (training: boolean, seed: number) => {
      const sum = tf.sub(
        maps(training, values, seed).group1,
        maps(training, inputOnly, seed).group1,
      );
      return [...sum.dataSync()].map((value) => Math.round(value * 1e4) / 1e4);
    };
    assertEquals(new Set(added(false, 1)), new Set([1]));
    const dropped = added(true, 1);
    assertEquals(new Set(dropped), new Set([0, 2]));
    // The deviation of the mean of 4096 values is 1 / 64.
    assertAlmostEquals(dropped.reduce((sum, value) => sum + value) / dropped.length, 1, 4 / 64);
    assertEquals(added(true, 1), dropped);
    assertNotEquals(added(true, 2), dropped);
    assertEquals(maps(true, values, 1).light, maps(true, values, 2).light);
  },
);

Deno.test("wide-resnet gives the first groups of the light net one block more if its depth is not 6n + 4", () => {
  for (const [light, blocks] of [[12, [2, 1, 1]], [14, [2, 2, 1]], [18, [3, 2, 2]]] as const) {
    const built = build(wideResnet, { light: depth(light), booster: depth(22) }, {
      features: cifar,
    });
    const shared = blocksOf(built, "shared");
    assertEquals(
      [1, 2, 3].map((group) => shared.filter((b) => b.startsWith(`group${group}`)).length),
      [
        ...blocks,
      ],
    );
    const own = blocksOf(built, "booster");
    assertEquals(shared.length - 1 + own.length, 9);
    assertEquals(parameterCount(built.variables, "booster"), size(22, 1));
  }
});

Deno.test("wide-resnet refuses images that consist of ids, whose order has no meaning", () => {
  const dtype = "int32" as const;
  assertRefused(
    wideResnet,
    sharings.interval,
    { image: { shape: [8, 8], dtype } },
    "the feature image holds ids (int32), but the network reads numbers",
    "if they are numbers, leave out `dtype: int32` at data.features.image; if they are ids, the transform one-hot turns them into numbers",
  );
  assertRefused(
    wideResnet,
    sharings.interval,
    { city: { shape: [], dtype, vocabulary: ["a"] } },
    "the feature city holds ids, but the network reads numbers",
    "add `- { use: one-hot, feature: city }` to data.transforms",
  );
});

Deno.test("wide-resnet reads the feature that its option names, or the only one", () => {
  const features = {
    image: { shape: [8, 8, 3], dtype: "float32" },
    mask: { shape: [4, 4, 1], dtype: "float32" },
  } as const;
  const { variables } = build(wideResnet, { ...sharings.interval, feature: "mask" }, { features });
  assertEquals(variables.find(({ name }) => name === "stem/kernel")!.shape, [3, 3, 1, 16]);
  assertRefused(
    wideResnet,
    sharings.interval,
    features,
    "the network reads a single feature, but there are 2",
    "add `feature:` to the network; the features are image, mask",
  );
  for (const feature of ["picture", "constructor"]) {
    assertRefused(
      wideResnet,
      { ...sharings.interval, feature },
      features,
      `there is no feature "${feature}"`,
      "the features are image, mask",
    );
  }
});

Deno.test("wide-resnet refuses images whose sides are not multiples of 4, and features that are not images", () => {
  for (
    const [height, width, transform] of [
      [30, 26, "use: pad, size: 1"],
      [30, 32, "use: resize, to: [32, 32]"],
      [1, 4, "use: resize, to: [4, 4]"],
    ] as const
  ) {
    assertRefused(
      wideResnet,
      sharings.interval,
      floats(height, width, 3),
      `feature image has ${height} × ${width}`,
      `add { ${transform}, feature: image } to data.transforms`,
    );
  }
  for (const shape of [[], [64], [8, 8, 8, 1]]) {
    assertRefused(
      wideResnet,
      sharings.interval,
      floats(...shape),
      `feature image has rows of shape [${shape}]`,
      "set its shape with data.features.image.shape",
    );
  }
});

Deno.test("wide-resnet refuses depths and widths that are not possible with the kind of sharing", () => {
  const refused = (options: unknown, message: string, hint: string) =>
    assertRefused(wideResnet, options, cifar, message, hint);
  refused(
    { sharing: "bottom", light: depth(10), booster: depth(16) },
    "with `sharing: bottom`, the light net is the booster's first two groups",
    "remove `light:`",
  );
  for (const sharing of ["interval", "none"]) {
    refused(
      { sharing, booster: depth(16) },
      `with sharing: ${sharing}, the light net needs a size`,
      "add `light: { depth: 10, width: 1 }`",
    );
  }
  refused(
    { light: depth(10, 1), booster: depth(16, 2) },
    "both nets must have the same width because they share kernels; got 1 and 2",
    "set both widths to the same number, or set `sharing: none`",
  );
  refused(
    { light: depth(22), booster: depth(16) },
    "the light net is part of the booster and cannot be deeper; got the depths 22 and 16",
    "make the booster at least as deep",
  );
});

Deno.test("wide-resnet accepts nets of equal depth, and without sharing also a deeper light net", () => {
  const equal = build(wideResnet, { light: depth(10), booster: depth(10) }, { features: cifar });
  assertEquals(blocksOf(equal, "booster"), []);
  const options = { sharing: "none", light: depth(22, 2), booster: depth(10) };
  const { variables } = build(wideResnet, options, { features: cifar });
  assertEquals(both.map((net) => parameterCount(variables, net)), [size(22, 2), size(10, 1)]);
});

Deno.test("wide-resnet names the valid depths", () => {
  for (const wrong of [11, 17, 39]) {
    assertEquals(issuesOf(wideResnet, { light: depth(10), booster: depth(wrong) }), [
      "booster.depth: expected 6n + 4: 10, 16, 22, 28, 34, 40, …",
    ]);
  }
  for (const wrong of [4, 9, 10.5]) {
    assert(issuesOf(wideResnet, { booster: depth(wrong) }).length > 0);
  }
  assertEquals(issuesOf(wideResnet, { light: depth(11), booster: depth(16) }), [
    "light.depth: expected an even number: 10, 12, 14, 16, …",
  ]);
  assertEquals(issuesOf(wideResnet, { booster: { ...depth(10), dropout: 1 } }).length, 1);
  assertEquals(issuesOf(wideResnet, { booster: depth(10, 0) }).length, 1);
  assertEquals(issuesOf(wideResnet, { booster: { depth: 10, widht: 2 } }).length, 1);
  assertEquals(issuesOf(wideResnet, { sharing: "all", booster: depth(10) }).length, 1);
  assertEquals(
    wideResnet.options.parse({ booster: { depth: 10 } }),
    {
      sharing: "interval",
      booster: { depth: 10, width: 1, dropout: 0 },
      synchronizedBatchNorm: false,
    },
  );
});
