import crossEntropy from "../plugins/losses/cross_entropy.ts";
import mseHint from "../plugins/losses/mse_hint.ts";
import wideResnet from "../plugins/networks/wide_resnet.ts";
import sgd from "../plugins/optimizers/sgd.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import type { NetName } from "../src/stages/network.ts";
import type { Model } from "../src/train/step.ts";
import { DeclaredVariables } from "../src/train/variables.ts";
import { hintTerm, taskTerm } from "./training.ts";

/** The wide residual nets that the bench trains. */
export interface WideResnetOptions {
  /** The layers that both nets share. */
  readonly sharing: string;
  /** The depth of the light net; that of bottom sharing has none. */
  readonly light: number;
  /** The depth of the booster. */
  readonly booster: number;
  /** The width of both nets. */
  readonly width: number;
  /** The nets that are trained; both by default. */
  readonly nets?: readonly NetName[];
}

/**
 * Makes wide residual nets for 10 classes of images of 32×32×3, with their losses and SGD.
 *
 * @param options The nets.
 */
export function wideResnetModel(
  { sharing, light, booster, width, nets = ["light", "booster"] }: WideResnetOptions,
): Model {
  const label: LabelSpec = { kind: "class", classes: 10, shape: [], dtype: "int32" };
  const variables = new DeclaredVariables();
  const pair = wideResnet.create(
    wideResnet.options.parse({
      sharing,
      light: sharing === "bottom" ? undefined : { depth: light, width },
      booster: { depth: booster, width },
    }),
    {
      features: { image: { shape: [32, 32, 3], dtype: "float32" } },
      ...{ label, units: 10, nets, variables },
    },
  );
  const terms = nets.map((net) => taskTerm(crossEntropy, net, label, 10));
  return {
    pair,
    variables: variables.all,
    terms: nets.length === 1 ? terms : [...terms, hintTerm(mseHint, label, 10)],
    optimizer: sgd.create(sgd.options.parse({ momentum: 0.9, weightDecay: 5e-4 }), {}),
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
}
