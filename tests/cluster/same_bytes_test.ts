import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inFolder } from "../support/command_line.ts";
import { readTrained, runCluster, writeClicks } from "./processes.ts";

/** There is no native engine on Windows. */
const ignore = Deno.build.os === "windows";

/**
 * A network that prints a hash of all of its weights, a table and running statistics among them,
 * when it is evaluated. Each process evaluates some of the batches with its own weights.
 */
const observed = `
import { createHash } from "node:crypto";
import { defineNetwork, layers, type Net, tf, z } from "@rocket-launching/rocket/plugin";

export default defineNetwork({
  name: "observed",
  summary: "A net that prints a hash of its weights.",
  reads: "numbers and ids",
  batchNorm: true,
  options: z.object({}),
  create(_options, { features, units, variables }) {
    const own = [];
    const registry = {
      add(spec) {
        const variable = variables.add(spec);
        own.push(variable);
        return variable;
      },
    };
    const entry = layers.embedFeatures(registry, features, { embedding: 4 }, { owner: "light" });
    const hidden = layers.tower(registry, "light", entry, {
      hidden: [6],
      activation: "prelu",
      batchNorm: true,
      dropout: 0.2,
    }, "light");
    const head = layers.dense(registry, "light/head", 6, units, "light", { to: "classes" });
    const light: Net = (x, scope) => {
      if (!scope.training) {
        const hash = createHash("sha256");
        for (const variable of own.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
          const value = variable.table
            ? scope.lookup(variable, tf.range(0, variable.shape[0], 1, "int32"))
            : scope.read(variable);
          hash.update(new Uint8Array(value.dataSync().slice().buffer));
        }
        console.log("weights " + hash.digest("hex"));
      }
      return { logits: head(hidden.compute(entry.compute(x, scope), scope).at(-1), scope) };
    };
    return { light };
  },
});
`;

Deno.test({
  name: "4 processes have the same bytes of all weights, which are those of the checkpoint",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      // Each process evaluates one of the four batches of 256 rows.
      writeClicks(folder, "{ epochs: 3, batch: 14, clip: { norm: 0.5 }, baseline: none }", 800);
      const file = join(folder, "p.yaml");
      Deno.writeTextFileSync(
        file,
        Deno.readTextFileSync(file)
          .replace(/network: .*/, "network: { use: ./net.ts }")
          .replace(
            /losses:[^]*optimizer/,
            "losses: [{ use: binary-cross-entropy, on: light }]\noptimizer",
          ),
      );
      Deno.writeTextFileSync(join(folder, "net.ts"), observed);
      const all = await runCluster(4, ["p.yaml", "--out", "run"], folder);
      assertEquals(all.map(({ code }) => code), [0, 0, 0, 0], all[0]!.stderr);
      // The lines of the three epochs. Rocket has computed the net before, to check it.
      const [first, ...others] = all.map(({ stdout }) => stdout.match(/^weights .*$/gm)!.slice(-3));
      assertEquals(new Set(first).size, 3, all[0]!.stdout);
      for (const other of others) assertEquals(other, first);
      const { tensors } = readTrained(join(folder, "run"));
      const names = [...tensors.keys()].filter((name) => !name.startsWith("optimizer/"));
      const hash = createHash("sha256");
      for (const name of names.sort()) {
        hash.update(new Uint8Array(Float32Array.from(tensors.get(name)!).buffer));
      }
      assertEquals(first!.at(-1), `weights ${hash.digest("hex")}`);
    }),
});
