import { parseArgs } from "@std/cli/parse-args";
import { fuzz, type Subject } from "./fuzz.ts";

/** `deno task fuzz [--seed N] [--seconds S] [--of pipelines|data]`. */
const { seed, seconds, of } = parseArgs(Deno.args, { string: ["seed", "seconds", "of"] });
const subjects: readonly Subject[] = of === undefined ? ["pipelines", "data"] : [of as Subject];
if (subjects.some((subject) => subject !== "pipelines" && subject !== "data")) {
  console.error("error: --of takes pipelines or data");
  Deno.exit(2);
}
let failed = false;
for (const subject of subjects) {
  const first = Number(seed ?? Date.now() % 1e9);
  const limit = Number(seconds ?? 60) / subjects.length;
  const { cases, failures } = await fuzz({
    of: subject,
    seed: first,
    cases: Infinity,
    seconds: limit,
  });
  for (const failure of failures) {
    console.log(`seed ${failure.seed}: ${failure.why}\n  kept as ${failure.kept}`);
  }
  console.log(`${subject}: ${cases} cases from seed ${first}, ${failures.length} failed`);
  failed ||= failures.length > 0;
}
Deno.exit(failed ? 1 : 0);
