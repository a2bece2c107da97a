import {
  defineSource,
  type SourceStage,
  z,
} from "@rocket-launching/rocket/plugin";
import { tableFromArrays } from "npm:apache-arrow@21.2.0";

const mySource: SourceStage = defineSource({
  name: "my-source",
  summary: "Points in a plane, and the half plane that each is in.",
  options: z.object({
    rows: z.int().positive().describe("The number of points."),
  }),
  create: ({ rows }) => ({
    open() {
      const point = Array.from(
        { length: rows },
        (_, row) => [Math.sin(row), Math.cos(7 * row)],
      );
      const table = tableFromArrays({
        point,
        cluster: Int32Array.from(point, ([x]) => Number(x! > 0)),
      });
      return Promise.resolve({
        schema: table.schema,
        fingerprint: `${rows} points`,
        async *recordBatches() {
          yield* table.batches;
        },
      });
    },
  }),
});
export default mySource;
