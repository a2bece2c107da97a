/** One of the programs that a row compares. */
export interface Contestant {
  /** Its name in the table. */
  readonly name: string;
  /** Which program: Rocket's, or a peer's script. */
  readonly program: "rocket" | "torch";
  /** Its arguments. */
  readonly args: readonly string[];
}

/** A row of the table: one task, Rocket first. */
export interface Row {
  /** The task, in words. */
  readonly name: string;
  /** How many steps a turn has. */
  readonly steps: number;
  /** Rocket, then the peers. */
  readonly contestants: readonly Contestant[];
}

/** What a task's programs are told, in the arguments that they all know. */
function row(
  name: string,
  steps: number,
  task: readonly string[],
  ours: string,
  peers: readonly string[],
): Row {
  return {
    name,
    steps,
    contestants: [
      { name: "Rocket", program: "rocket", args: [...task, "--mode", ours] },
      ...peers.map((mode) => ({
        name: `PyTorch ${mode}`,
        program: "torch" as const,
        args: [...task, "--mode", mode],
      })),
    ],
  };
}

const float32 = ["default", "channels-last", "compiled"];
const size = (light: number, booster: number, width: number) => [
  "--light",
  String(light),
  "--booster",
  String(booster),
  "--width",
  String(width),
];

/** The rows, in the order of the table. */
export const rows: readonly Row[] = [
  row("step, WRN-16-1 in 40-1", 4, size(16, 40, 1), "captured", float32),
  row("step, WRN-16-1 in 40-1, bfloat16", 4, size(16, 40, 1), "bfloat16", ["autocast"]),
  row("step, WRN-16-2 in 40-2", 2, size(16, 40, 2), "captured", ["channels-last"]),
  row(
    "step, bottom sharing, WRN-40-1",
    3,
    ["--sharing", "bottom", ...size(0, 40, 1)],
    "captured",
    ["channels-last"],
  ),
  row("step, WRN-16-1 alone", 6, ["--task", "alone", ...size(16, 40, 1)], "captured", float32),
  ...[1, 256].flatMap((batch) =>
    ["light", "booster"].map((net) =>
      row(
        `inference, ${net} net, batch ${batch}`,
        batch === 1 ? 100 : 5,
        ["--task", `infer-${net}`, "--batch", String(batch), ...size(16, 40, 1)],
        "captured",
        float32,
      )
    )
  ),
];
