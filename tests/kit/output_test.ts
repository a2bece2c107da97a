import { dirname, join } from "node:path";
import { defineOutput, type Output, type OutputStage, tf, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function output(create: (folder: string) => Output): OutputStage {
  return defineOutput({
    ...named,
    options: z.object({}),
    create: (_options, { folder }) => create(folder),
  });
}

Deno.test("checkStage() passes outputs that keep their contract", async () => {
  await checkStage(output(() => ({})));
  await checkStage(output((folder) => {
    const losses: number[] = [];
    return {
      step: ({ loss }) => void losses.push(loss),
      async epoch({ snapshot }) {
        const { tensors } = await snapshot();
        await Deno.writeTextFile(join(folder, "names"), [...tensors.keys()].join());
      },
      runEnd: () => Deno.writeTextFile(join(folder, "losses"), losses.join()),
    };
  }));
});

Deno.test("checkStage() finds unknown hooks", async () => {
  await assertBroken(output(() => ({ onEpoch() {} }) as Output), [
    "has only known hooks (warning, runStart, step,",
    "onEpoch()",
  ]);
  await assertBroken(output(() => ({ epoch: 1 }) as unknown as Output), ["the number 1 as epoch"]);
});

Deno.test("checkStage() finds an output that throws in a whole run or in a failed one", async () => {
  await assertBroken(
    output(() => ({
      runEnd({ result }) {
        if (result.baseline) throw new Error("what is a baseline?");
      },
    })),
    ["checking runEnd()", "what is a baseline?"],
  );
  await assertBroken(output(() => ({ failure: () => Promise.reject(new Error("me too")) })), [
    "checking failure()",
    "me too",
  ]);
});

Deno.test("checkStage() finds an output that changes events", async () => {
  await assertBroken(
    output(() => ({
      evaluation({ metrics }) {
        for (const key of Object.keys(metrics)) delete (metrics as Record<string, number>)[key];
      },
    })),
    ["does not change events", "evaluation()"],
  );
});

Deno.test("checkStage() finds files outside the run folder", async () => {
  await assertBroken(
    output((folder) => ({
      runEnd: () => Deno.writeTextFile(join(dirname(folder), "latest"), folder),
    })),
    ["writes only into the run folder", "it wrote latest"],
  );
});

Deno.test("checkStage() finds tensors that an output leaves behind", async () => {
  await tf.setBackend("cpu");
  await assertBroken(output(() => ({ step: ({ loss }) => void tf.scalar(loss) })), [
    "leaves no tensors behind",
  ]);
});
