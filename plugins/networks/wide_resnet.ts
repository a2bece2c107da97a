import {
  defineNetwork,
  hint,
  type HintText,
  layers,
  type Net,
  type NetName,
  type NetworkContext,
  type NetworkStage,
  ops,
  type Scope,
  tf,
  UserError,
  type VariableAxis,
  type VariableOwner,
  z,
} from "../../plugin.ts";
import { inputFeature } from "./input_feature.ts";
import { eachNet, sharedOwner } from "./nets.ts";

const { convolution, dense } = layers;
type Layer = layers.Layer;

const depthOption = (description: string, step: number, expected: string) =>
  z.int().min(10).describe(description)
    .refine((depth) => (depth - 4) % step === 0, { error: `expected ${expected}, …` });

const size = (depth: ReturnType<typeof depthOption>) =>
  z.object({
    depth,
    width: z.int().min(1).default(1).describe(
      "The factor that multiplies the numbers of channels of the three groups, [16, 32, 64].",
    ),
  }).strict();

const options = z.object({
  sharing: z.enum(["interval", "bottom", "none", "separate"]).default("interval").describe(
    "The layers that both nets share. interval: the first blocks of each group of the booster. " +
      "bottom: the booster's first two groups. none: only the first convolution. " +
      "separate: no layers, for a booster that was trained beforehand.",
  ),
  light: size(depthOption(
    "The number of layers of the light net: 6n + 4 for n blocks per group, such as 10, 16, or 22. With other even numbers, the " +
      "first groups have one block more than the others: 12 is for 2, 1, and 1 blocks, and 14 for 2, 2, and 1.",
    2,
    "an even number: 10, 12, 14, 16",
  )).extend({
    groups: z.int().min(1).max(3).default(3).describe(
      "The number of groups of the light net. With 2 groups and `sharing: none`, the light net has the same layers as with `sharing: bottom`, but its own kernels.",
    ),
  }).optional().describe(
    "The light net. Omit it with `sharing: bottom`, where it is a part of the booster.",
  ),
  booster: size(depthOption(
    "The number of layers of the booster: 6n + 4 for n blocks per group, such as 16, 22, 28, or 40.",
    6,
    "6n + 4: 10, 16, 22, 28, 34, 40",
  )).extend({
    dropout: z.number().min(0).lt(1).default(0).describe(
      "The fraction of values to drop during training before the second convolution of each of the booster's own blocks, " +
        "which are the blocks that the light net does not share.",
    ),
  }).optional().describe(
    "The booster. Omit it if another network is the booster, and `sharing` is not `bottom`.",
  ),
  feature: z.string().optional().describe(
    "The name of the image feature; by default, the only feature.",
  ),
  synchronizedBatchNorm: z.boolean().default(false).describe(
    "In a run on several processes, whether batch norm uses the statistics of the rows of all " +
      "processes instead of those of each process. It cannot be used with `train.accumulate`.",
  ),
});

type Options = z.output<typeof options>;

/** The kernels of one residual block. Each net uses its own batch norms with them. */
interface Block {
  readonly conv1: Layer;
  readonly conv2: Layer;
  readonly shortcut: Layer | undefined;
  readonly from: number;
  readonly to: number;
  readonly owner: VariableOwner;
}

/** The blocks of a group that a net uses, with the net's own batch norms. */
type Group = readonly Layer[];

/**
 * Wide residual nets (Zagoruyko and Komodakis, 2016) as in the authors' code of Rocket Launching:
 * pre-activation blocks, strides of 2 at the start of the second and third group, zero padding on
 * both sides, one pooling layer over the last map, and a linear head. Nets share kernels, but
 * never batch norms or heads. The outputs are the maps `group1`, `group2`, `group3` at the end of
 * the groups (before batch norm and relu, where the authors compare attention), the pooled
 * `features`, and `logits`.
 *
 * Dropout in the booster's own blocks is at the place of section 2.4 of Zagoruyko and Komodakis,
 * between the second batch norm and relu of a block and its second convolution.
 */
const stage: NetworkStage = defineNetwork({
  name: "wide-resnet",
  summary:
    "Wide residual nets for images; by default, the booster contains the light net's layers.",
  options,
  batchNorm: true,
  example: `use: wide-resnet
sharing: interval
light: { depth: 16, width: 1 }
booster: { depth: 40, width: 1 }`,
  create(options, context) {
    const { name, spec } = inputFeature(context.features, options.feature);
    const [height, width, channels = 1] = spec.shape;
    if (height === undefined || width === undefined || spec.shape.length > 3) {
      throw new UserError(
        `wide-resnet reads images [height, width, channels]; the feature ${name} has rows of shape ` +
          `[${spec.shape}]`,
        {
          hint: hint("wide-resnet/shape", `set its shape with data.features.${name}.shape`, {
            edit: "the shape",
          }),
          exitCode: 2,
        },
      );
    }
    if (height % 4 !== 0 || width % 4 !== 0) {
      throw new UserError(
        `wide-resnet halves images twice, so height and width must be multiples of 4; the feature ${name} ` +
          `has ${height} × ${width}`,
        { hint: sizeHint(name, height, width), exitCode: 2 },
      );
    }
    const input = spec.shape.length === 3 ? { channels: name } : "units";
    const nets = build(options, context, channels, input);
    const entrance = (image: tf.Tensor) =>
      tf.cast(tf.reshape(image, [-1, height, width, channels]), "float32");
    return eachNet(
      context.nets,
      (net): Net => (features, scope) => nets[net]!(entrance(features[name]!), scope),
    );
  },
});
export default stage;

type ImageNet = (image: tf.Tensor, scope: Scope) => ReturnType<Net>;

function build(
  options: Options,
  { nets, units, variables }: NetworkContext,
  channels: number,
  input: VariableAxis,
): Partial<Record<NetName, ImageNet>> {
  const { sharing, synchronizedBatchNorm: synchronized } = options;
  const normalization = (name: string, channels: number, owner: NetName): Layer =>
    layers.batchNormalization(variables, name, channels, owner, { synchronized });
  const wanted = nets.includes("booster");
  const booster = wanted || sharing === "bottom" ? boosterSize(options) : options.booster;
  const none = { groups: 0, blocks: [], width: 1 };
  const light = nets.includes("light") ? lightSize(options, booster) : none;
  const both = sharedOwner(nets);
  const apart = sharing === "none" || sharing === "separate";

  const stemOf = (name: string, owner: VariableOwner) =>
    convolution(
      variables,
      name,
      { size: 3, from: channels, to: 16, stride: 1, padding: 1 },
      owner,
      { from: input },
    );
  const separate = (net: NetName): Layer => stemOf(`${net}/stem`, net);
  const shared = (): Layer => {
    const stem = stemOf("stem", both);
    return (image, scope) => scope.shared("stem", (scope) => stem(image, scope));
  };
  const common = sharing === "separate" ? undefined : shared();
  const stems = Object.fromEntries(nets.map((net) => [net, common ?? separate(net)]));

  const block = (
    prefix: string,
    group: number,
    index: number,
    width: number,
    owner: VariableOwner,
  ): Block => {
    const path = `${prefix}group${group}/block${index}`;
    const to = groupChannels(group, width);
    const from = index > 1 ? to : group === 1 ? 16 : groupChannels(group - 1, width);
    const stride = group > 1 && index === 1 ? 2 : 1;
    const kernel = (part: string, size: number, from: number, stride: number) =>
      convolution(
        variables,
        `${path}/${part}`,
        { size, from, to, stride, padding: size >> 1 },
        owner,
      );
    return {
      conv1: kernel("conv1", 3, from, stride),
      conv2: kernel("conv2", 3, to, 1),
      shortcut: from === to ? undefined : kernel("shortcut", 1, from, stride),
      from,
      to,
      owner,
    };
  };

  // Blocks by group. The first blocks of each group of the booster are those of the light net.
  const lightBlocks: Block[][] = [], boosterBlocks: Block[][] = [];
  for (const group of [1, 2, 3]) {
    const own: Block[] = [], teacher: Block[] = [];
    if (group <= light.groups) {
      const [prefix, owner] = apart ? ["light/", "light" as const] : ["", both];
      for (let index = 1; index <= light.blocks[group - 1]!; index++) {
        own.push(block(prefix, group, index, light.width, owner));
      }
    }
    if (wanted && booster) {
      const [prefix, shared] = apart ? ["booster/", []] : ["", own];
      teacher.push(...shared);
      for (let index = shared.length + 1; index <= blocksOf(booster.depth)[group - 1]!; index++) {
        teacher.push(block(prefix, group, index, booster.width, "booster"));
      }
    }
    lightBlocks.push(own);
    boosterBlocks.push(teacher);
  }

  const net = (owner: NetName, stem: Layer, blocks: readonly Block[][]): ImageNet => {
    const groups: Group[] = blocks.map((group, g) =>
      group.map((block, b) => residual(block, `${owner}/group${g + 1}/block${b + 1}`, owner))
    );
    const last = blocks.findLast((group) => group.length > 0)!.at(-1)!.to;
    const norm = normalization(`${owner}/head/norm`, last, owner);
    const head = dense(variables, `${owner}/head`, last, units, owner, { to: "classes" });
    return (image, scope) => {
      let x = stem(image, scope);
      const maps: Record<string, tf.Tensor> = {};
      groups.forEach((group, index) => {
        for (const layer of group) x = layer(x, scope);
        if (group.length > 0) maps[`group${index + 1}`] = x;
      });
      const pooled = tf.mean(ops.relu(norm(x, scope)), [1, 2]);
      return { ...maps, features: pooled, logits: head(pooled, scope) };
    };
  };

  const residual = (block: Block, name: string, owner: NetName): Layer => {
    const norm1 = normalization(`${name}/norm1`, block.from, owner);
    const norm2 = normalization(`${name}/norm2`, block.to, owner);
    const rate = block.owner === "booster" ? booster?.dropout ?? 0 : 0;
    const drop: Layer = (x, scope) =>
      rate > 0 && scope.training ? ops.dropout(x, rate, scope.seed(name)) : x;
    return (x, scope) => {
      const active = ops.relu(norm1(x, scope));
      const y = block.conv1(active, scope);
      const z = block.conv2(drop(ops.relu(norm2(y, scope)), scope), scope);
      return tf.add(z, block.shortcut ? block.shortcut(active, scope) : x);
    };
  };

  const blocks = { light: lightBlocks, booster: boosterBlocks };
  return Object.fromEntries(nets.map((name) => [name, net(name, stems[name]!, blocks[name])]));
}

/** The number of blocks of each group. The first groups have the blocks that do not divide by 3. */
const blocksOf = (depth: number) =>
  [2, 1, 0].map((more) => Math.floor(((depth - 4) / 2 + more) / 3));

const groupChannels = (group: number, width: number) => [16, 32, 64][group - 1]! * width;

/**
 * Suggests one pixel of padding if that makes both sizes multiples of 4, otherwise the nearest
 * suitable size.
 */
function sizeHint(feature: string, height: number, width: number): HintText {
  const size = [height, width].map((length) => Math.ceil(length / 4) * 4);
  const pad = height % 4 === 2 && width % 4 === 2;
  const text = pad ? "use: pad, size: 1" : `use: resize, to: [${size.join(", ")}]`;
  const options = pad ? { use: "pad", size: 1 } : { use: "resize", to: size };
  return hint("wide-resnet/size", `add { ${text}, feature: ${feature} } to data.transforms`, {
    set: { "/data/transforms/-": { ...options, feature } },
  });
}

type Size = NonNullable<Options["booster"]>;

/** The size of the booster, which is needed to build it, or a light net that is a part of it. */
function boosterSize({ booster }: Options): Size {
  if (booster) return booster;
  throw new UserError("the booster needs a size", {
    hint: hint("wide-resnet/booster", "add `booster: { depth: 16, width: 1 }`", {
      set: { booster: { depth: 16, width: 1 } },
    }),
    exitCode: 2,
  });
}

/** The numbers of groups and blocks of the light net. Checks that the booster contains them. */
function lightSize(
  { sharing, light }: Options,
  booster: Size | undefined,
): { groups: number; blocks: readonly number[]; width: number } {
  if (sharing === "bottom") {
    if (light) {
      throw new UserError(
        "with `sharing: bottom`, the light net is the booster's first two groups, so it has no size " +
          "of its own",
        {
          hint: hint("wide-resnet/bottom", "remove `light:`", { remove: ["light"] }),
          exitCode: 2,
        },
      );
    }
    return { groups: 2, blocks: blocksOf(booster!.depth), width: booster!.width };
  }
  if (!light) {
    throw new UserError(`with sharing: ${sharing}, the light net needs a size`, {
      hint: hint("wide-resnet/light", "add `light: { depth: 10, width: 1 }`", {
        set: { light: { depth: 10, width: 1 } },
      }),
      exitCode: 2,
    });
  }
  if (sharing === "interval" && booster) {
    if (light.width !== booster.width) {
      throw new UserError(
        "with `sharing: interval`, both nets must have the same width because they share kernels; got " +
          `${light.width} and ${booster.width}`,
        {
          hint: hint(
            "wide-resnet/width",
            "set both widths to the same number, or set `sharing: none`",
            [
              { set: { "light/width": booster.width } },
              { set: { sharing: "none" } },
            ],
          ),
          exitCode: 2,
        },
      );
    }
    if (light.depth > booster.depth) {
      throw new UserError(
        `with \`sharing: interval\`, the light net is part of the booster and cannot be deeper; got the depths ${light.depth} ` +
          `and ${booster.depth}`,
        {
          hint: hint("wide-resnet/depth", "make the booster at least as deep", {
            set: { "booster/depth": light.depth },
          }),
          exitCode: 2,
        },
      );
    }
  }
  return { groups: light.groups, blocks: blocksOf(light.depth), width: light.width };
}
