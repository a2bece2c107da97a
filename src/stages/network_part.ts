import { describeValue } from "../base/describe_value.ts";
import {
  type Net,
  type NetworkPart,
  type NetworkStage,
  normalizesBatches,
  readsOf,
} from "./network.ts";
import { callStage, StageError, type StageReference } from "./stage_error.ts";

/**
 * Makes a part of a network stage with its checked options.
 *
 * @param stage The network stage.
 * @param options Its checked options.
 * @param reference The stage, for messages.
 */
export function networkPart(
  stage: NetworkStage,
  options: unknown,
  reference: StageReference,
): NetworkPart {
  return {
    name: reference.name,
    reads: readsOf(stage, options),
    batchNorm: normalizesBatches(stage, options),
    create: (context) => callStage(reference, "create()", () => stage.create(options, context)),
    netOf(pair, name) {
      const net: unknown = pair?.[name];
      if (typeof net !== "function") {
        throw new StageError(
          reference,
          `returned ${describeValue(net)} as the ${name} net; expected a function`,
        );
      }
      return (features, scope) =>
        callStage(reference, `its ${name} net`, () => (net as Net)(features, scope));
    },
    call: (doing, call) => callStage(reference, doing, call),
  };
}
