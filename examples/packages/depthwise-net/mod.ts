/**
 * The network stage `depthwise-net` for pipelines of Rocket.
 *
 * @module
 */

import {
  type ColumnSpec,
  defineNetwork,
  layers,
  type Net,
  type NetName,
  type NetworkContext,
  type NetworkStage,
  notNumbers,
  ops,
  tf,
  UserError,
  type VariableAxis,
  z,
} from "@rocket-launching/rocket/plugin";

const block = z.tuple([z.int().positive(), z.int().min(1).max(2)], {
  error: "expected [channels, stride], such as [64, 2]",
});

const size = (what: string, width: number) =>
  z.strictObject({
    width: z.number().positive().max(16).default(width).describe(
      `The width multiplier of the ${what}: the factor of all numbers of channels.`,
    ),
    blocks: z.array(block).min(1).default([[32, 1], [64, 2], [64, 1], [128, 2], [128, 1]]).describe(
      "The blocks, each as [channels, stride]. A stride of 2 halves height and width.",
    ),
  }).prefault({}).describe(`The size of the ${what}.`);

const options = z.object({
  stem: z.int().positive().default(16).describe(
    "The number of channels of the first convolution, before the width multiplier.",
  ),
  light: size("light net", 1),
  booster: size("booster", 2),
  feature: z.string().min(1).optional().describe(
    "The name of the image feature; by default, the only feature.",
  ),
});

type Options = z.output<typeof options>;

/**
 * Nets of depthwise separable convolutions, as in MobileNet (Howard et al., 2017,
 * arXiv:1704.04861). The first layer is a 3 × 3 convolution with stride 1, for small images. Each
 * block has a 3 × 3 convolution of every channel on its own (depthwise) and a 1 × 1 convolution
 * (pointwise), each followed by batch norm and relu (figure 3 of the paper). The last map is
 * averaged over height and width, and the head is linear. All 3 × 3 convolutions have one zero of
 * padding on each side.
 *
 * A block with c channels in and d out has 9c + cd weights instead of the 9cd of a 3 × 3
 * convolution.
 *
 * Input: images `[batch, height, width, channels]`, or `[batch, height, width]`. Outputs: `logits`
 * `[batch, units]`, the pooled `features`, and the maps of the blocks, `block1`, `block2`, … . The
 * nets share no layers.
 */
const depthwiseNet: NetworkStage = defineNetwork({
  name: "depthwise-net",
  rocket: "^0.1",
  summary: "Nets of depthwise separable convolutions for images, as in MobileNet.",
  options,
  batchNorm: true,
  example: `use: jsr:@rocket-launching/depthwise-net
light: { width: 0.5 }
booster: { width: 2 }`,
  create(options, context) {
    const input = imageOf(context.features, options.feature);
    return Object.fromEntries(
      context.nets.map((name) => [name, build(name, options, input, context)]),
    );
  },
});
export default depthwiseNet;

/** The image feature. */
interface Image {
  readonly name: string;
  readonly size: readonly [height: number, width: number, channels: number];
  /** What the channels represent. */
  readonly channels: VariableAxis;
}

function imageOf(features: Readonly<Record<string, ColumnSpec>>, given: string | undefined): Image {
  const names = Object.keys(features);
  const name = given ?? (names.length === 1 ? names[0]! : undefined);
  const spec = name !== undefined && Object.hasOwn(features, name) ? features[name]! : undefined;
  if (name === undefined || spec === undefined) {
    throw new UserError(
      name === undefined
        ? `depthwise-net reads a single feature, but there are ${names.length}`
        : `there is no feature ${JSON.stringify(name)}`,
      {
        hint: `write \`feature:\` with one of the features: ${names.join(", ")}`,
        exitCode: 2,
      },
    );
  }
  const no = notNumbers(name, spec);
  const [height, width, channels = 1, ...more] = spec.shape;
  if (no || height === undefined || width === undefined || more.length > 0) {
    const got = no ? no.holds : `has rows of shape [${spec.shape.join(", ")}]`;
    throw new UserError(
      `depthwise-net reads images [height, width, channels]; the feature ${name} ${got}`,
      { hint: no?.hint ?? `set its shape with data.features.${name}.shape`, exitCode: 2 },
    );
  }
  return {
    name,
    size: [height, width, channels],
    channels: spec.shape.length === 3 ? { channels: name } : "units",
  };
}

function build(
  owner: NetName,
  { stem, [owner]: { width, blocks } }: Options,
  image: Image,
  { variables, units }: NetworkContext,
): Net {
  const channels = (count: number) => Math.max(1, Math.round(count * width));
  const [height, across, depth] = image.size;
  const normalized = (name: string, layer: layers.Layer, channels: number): layers.Layer => {
    const norm = layers.batchNormalization(variables, `${name}/norm`, channels, owner);
    return (x, scope) => ops.relu(norm(layer(x, scope), scope));
  };
  const convolution = (
    name: string,
    size: number,
    from: number,
    to: number,
    axes?: layers.LayerAxes,
  ) => {
    const shape = { size, from, to, stride: 1, padding: size >> 1 };
    return normalized(name, layers.convolution(variables, name, shape, owner, axes), to);
  };
  const depthwise = (name: string, count: number, stride: number) => {
    const kernel = variables.add({
      name: `${name}/kernel`,
      shape: [3, 3, count, 1],
      initializer: { kind: "normal", deviation: Math.sqrt(2 / 9) },
      owner,
      axes: ["units", "units", "units", "units"],
    });
    return normalized(name, (x, scope) => {
      // As in PyTorch: "same" would put the only zero of an even size at the end.
      const padded = tf.pad(x as tf.Tensor4D, [[0, 0], [1, 1], [1, 1], [0, 0]]);
      return tf.depthwiseConv2d(padded, scope.read(kernel) as tf.Tensor4D, stride, "valid");
    }, count);
  };

  let from = channels(stem);
  const first = convolution(`${owner}/stem`, 3, depth, from, { from: image.channels });
  const tower = blocks.map(([count, stride], index) => {
    const name = `${owner}/block${index + 1}`, to = channels(count);
    const spatial = depthwise(`${name}/depthwise`, from, stride);
    const pointwise = convolution(`${name}/pointwise`, 1, from, to);
    from = to;
    const both: layers.Layer = (x, scope) => pointwise(spatial(x, scope), scope);
    return both;
  });
  const head = layers.dense(variables, `${owner}/head`, from, units, owner, { to: "classes" });
  return (features, scope) => {
    const input = tf.reshape(features[image.name]!, [-1, height, across, depth]);
    let x = first(tf.cast(input, "float32"), scope);
    const maps = tower.map((block, index) => [`block${index + 1}`, x = block(x, scope)] as const);
    const pooled = tf.mean(x, [1, 2]);
    return { ...Object.fromEntries(maps), features: pooled, logits: head(pooled, scope) };
  };
}
