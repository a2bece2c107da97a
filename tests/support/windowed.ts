import { pluginApi } from "./pipelines.ts";

/** A source that reads Arrow files by record batch alone, as most sources do. */
export const windowed: { readonly "windowed.ts": string } = {
  "windowed.ts": `import { defineSource, z } from "${pluginApi}";
import arrow from "${new URL("../../plugins/sources/arrow.ts", import.meta.url)}";
export default defineSource({
  name: "windowed", summary: "Record batches.", options: z.object({ path: z.string() }),
  create: (options, context) => ({
    open: async (request) => {
      const { rows, ...dataset } = await arrow.create(options, context).open(request);
      return dataset;
    },
  }),
});
`,
};
