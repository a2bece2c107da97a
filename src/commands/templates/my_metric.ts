import {
  defineMetric,
  type MetricStage,
  z,
} from "@rocket-launching/rocket/plugin";

const myMetric: MetricStage = defineMetric({
  name: "my-metric",
  summary: "The largest logit of all rows.",
  options: z.object({}),
  create: () => ({
    start() {
      let largest = -Infinity;
      return {
        add({ outputs: { logits } }) {
          for (const logit of logits.values) {
            largest = Math.max(largest, logit);
          }
        },
        value: () => largest,
      };
    },
  }),
});
export default myMetric;
