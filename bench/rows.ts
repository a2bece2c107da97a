/**
 * The tasks and programs that the bench compares. To add a row or a peer, add it here.
 *
 * @module
 */

/** One of the programs that a row compares. */
export interface Contestant {
  /** The name in the table; `Rocket` for Rocket. */
  readonly name: string;
  /**
   * The path of the program, relative to this folder. Deno runs TypeScript, and the peers' Python
   * runs Python.
   */
  readonly program: string;
  /** The arguments of the program. */
  readonly args: readonly string[];
}

/** A row of the table: a task, and the programs that perform it. */
export interface Row {
  /** A short name for files and `--row`. */
  readonly id: string;
  /** A description of the task. */
  readonly name: string;
  /** The number of steps per turn. */
  readonly steps: number;
  /** The programs, Rocket first. */
  readonly contestants: readonly Contestant[];
  /** Whether the table shows the memory of the programs. */
  readonly memory?: boolean;
  /** How many images or rows a step processes, if the table should show their number per second. */
  readonly items?: { readonly count: number; readonly unit: "images" | "rows" };
  /** The maximum number of turns of each program, for tasks that take minutes. */
  readonly rounds?: number;
}

/** The programs of each kind of task. All of them get the arguments of the row. */
type Entrant = readonly [name: string, program: string, ...args: string[]];

function contestants(task: readonly string[], entrants: readonly Entrant[]): Contestant[] {
  return entrants.map(([name, program, ...args]) => ({ name, program, args: [...task, ...args] }));
}

const ours = (mode: string): Entrant => ["Rocket", "wide_resnet.ts", "--mode", mode];
const torch = (mode: string): Entrant => [
  `PyTorch ${mode}`,
  "peers/wide_resnet_torch.py",
  "--mode",
  mode,
];
const tensorflow = (mode: string): Entrant => [
  `TensorFlow ${mode}`,
  "peers/wide_resnet_tf.py",
  "--mode",
  mode,
];
const tfjs = (backend: string, name: string): Entrant => [
  name,
  "peers/wide_resnet_tfjs.ts",
  "--backend",
  backend,
];

const pythonFloat32 = [
  ...["default", "channels-last", "compiled"].map(torch),
  tensorflow("function"),
];
const stockNative = tfjs("tensorflow", "tfjs-node");

const size = (light: number, booster: number, width: number) => [
  ...["--light", String(light)],
  ...["--booster", String(booster)],
  ...["--width", String(width)],
];

function inference(net: "light" | "booster", batch: number): Row {
  return {
    id: `infer-${net}-${batch}`,
    name: `inference, ${net} net, batch ${batch}`,
    steps: batch === 1 ? 100 : 5,
    contestants: contestants(
      ["--task", `infer-${net}`, "--batch", String(batch), ...size(16, 40, 1)],
      [ours("captured"), ...pythonFloat32, stockNative],
    ),
  };
}

function ctr(exponent: 5 | 6 | 7): Row {
  return {
    id: `ctr-1e${exponent}`,
    name: `CTR step, ${(10 ** exponent).toLocaleString("en")} rows`,
    steps: 50,
    memory: true,
    contestants: contestants(["--rows", String(10 ** exponent)], [
      ["Rocket", "ctr.ts"],
      ["PyTorch sparse", "peers/ctr_torch.py"],
      ["TensorFlow function", "peers/ctr_tf.py"],
      // Stock tfjs has dense gradients for tables, so a step with 10⁷ rows would take seconds.
      ...(exponent === 7 ? [] : [["tfjs-node", "peers/ctr_tfjs.ts"] as const]),
    ]),
  };
}

/** A whole epoch of clicks: by the command line, and by the peers with all rows in memory. */
function ctrEpoch(booster: boolean): Row {
  return {
    id: `ctr-epoch${booster ? "-booster" : ""}`,
    name: `epoch of 1,000,000 clicks${booster ? ", with a booster" : ""}`,
    steps: 1,
    rounds: 3,
    memory: true,
    items: { count: 1e6, unit: "rows" },
    contestants: contestants(booster ? ["--booster"] : [], [
      ["Rocket", "ctr_epoch.ts"],
      ["PyTorch sparse", "peers/ctr_epoch_torch.py"],
      ["TensorFlow function", "peers/ctr_epoch_tf.py"],
    ]),
  };
}

/** The arguments for nets that are small enough for an engine in plain JavaScript. */
const smallNets = ["--batch", "2", ...size(10, 16, 1)];

/** A net in ONNX Runtime and its peers, from the same exported weights. */
function exported(net: "image" | "ctr", batch: number, threads: 1 | 2): Row {
  const what = net === "image" ? "WRN-16-1, one image" : `click net, ${batch} candidates`;
  return {
    id: `infer-${net}-${batch}-threads-${threads}`,
    name: `inference, ${what}, ${threads === 1 ? "one thread" : "two threads"}`,
    steps: 300,
    contestants: contestants(
      ["--net", net, "--batch", String(batch), "--threads", String(threads)],
      [
        ["Rocket", "infer.ts", "--mode", "rocket"],
        ["ONNX Runtime, Node", "infer.ts", "--mode", "node"],
        ["ONNX Runtime, Python", "peers/infer.py", "--mode", "onnxruntime"],
        ["OpenVINO", "peers/infer.py", "--mode", "openvino"],
        ["LiteRT", "peers/infer.py", "--mode", "litert"],
      ],
    ),
  };
}

function decoding(file: string, images: number): Row {
  return {
    id: `decode-${file.replace(".", "-")}`,
    name: `decoding, ${file.endsWith("png") ? "PNG" : "JPEG"}, ${file.split(".")[0]} × ${
      file.split(".")[0]
    }`,
    steps: 2,
    items: { count: images, unit: "images" },
    contestants: contestants(["--file", file, "--images", String(images)], [
      ["Rocket", "decode.ts"],
      ["Pillow", "peers/decode_pillow.py"],
    ]),
  };
}

/** The rows, in the order of the table. */
export const rows: readonly Row[] = [
  {
    id: "step-16-1-in-40-1",
    name: "step, WRN-16-1 in 40-1",
    steps: 4,
    memory: true,
    contestants: contestants(size(16, 40, 1), [ours("captured"), ...pythonFloat32, stockNative]),
  },
  {
    id: "step-16-1-in-40-1-bfloat16",
    name: "step, WRN-16-1 in 40-1, bfloat16",
    steps: 4,
    memory: true,
    contestants: contestants(size(16, 40, 1), [
      ours("bfloat16"),
      torch("bfloat16"),
      torch("compiled-bfloat16"),
      tensorflow("mixed-bfloat16"),
    ]),
  },
  {
    id: "step-16-2-in-40-2",
    name: "step, WRN-16-2 in 40-2",
    steps: 2,
    memory: true,
    contestants: contestants(size(16, 40, 2), [ours("captured"), ...pythonFloat32]),
  },
  {
    id: "step-bottom-40-1",
    name: "step, bottom sharing, WRN-40-1",
    steps: 3,
    memory: true,
    contestants: contestants(
      ["--sharing", "bottom", ...size(0, 40, 1)],
      [ours("captured"), ...pythonFloat32],
    ),
  },
  {
    id: "step-16-1-alone",
    name: "step, WRN-16-1 alone",
    steps: 6,
    memory: true,
    contestants: contestants(
      ["--task", "alone", ...size(16, 40, 1)],
      [ours("captured"), ...pythonFloat32, stockNative],
    ),
  },
  ctr(5),
  ctr(6),
  ctr(7),
  ctrEpoch(false),
  ctrEpoch(true),
  {
    id: "ctr-epoch-streamed",
    name: "epoch of 10,000,000 clicks, streamed",
    steps: 1,
    rounds: 1,
    memory: true,
    items: { count: 1e7, unit: "rows" },
    contestants: contestants(["--rows", "10000000"], [
      ["Rocket", "ctr_epoch.ts", "--memory", "256MB"],
      ["Rocket, rows in memory", "ctr_epoch.ts", "--memory", "8GB"],
    ]),
  },
  inference("light", 1),
  inference("light", 256),
  inference("booster", 1),
  inference("booster", 256),
  exported("image", 1, 1),
  exported("image", 1, 2),
  exported("ctr", 200, 1),
  exported("ctr", 200, 2),
  {
    id: "predict-ctr",
    name: "predict, a file of 1,000,000 clicks",
    steps: 1,
    contestants: contestants([], [
      ["Rocket", "predict.ts"],
      ["ONNX Runtime and pyarrow, Python", "peers/predict_ort.py"],
    ]),
  },
  {
    id: "input-pipeline",
    name: "input pipeline, 16 batches of 128",
    steps: 4,
    items: { count: 16 * 128, unit: "images" },
    contestants: contestants([], [
      ["Rocket", "input_pipeline.ts"],
      ["torchvision, PIL images, 2 workers", "peers/input_pipeline_torch.py", "--mode", "pil"],
      ["torchvision, tensors, 2 workers", "peers/input_pipeline_torch.py", "--mode", "tensor"],
    ]),
  },
  decoding("32.jpg", 1000),
  decoding("32.png", 1000),
  decoding("224.jpg", 50),
  decoding("224.png", 50),
  {
    id: "wasm-step-10-1-in-16-1",
    name: "step on wasm, WRN-10-1 in 16-1, batch 2",
    steps: 1,
    contestants: contestants(smallNets, [
      [...ours("eager"), "--engine", "wasm"],
      tfjs("wasm", "tfjs wasm"),
      tfjs("cpu", "tfjs cpu"),
    ]),
  },
  {
    id: "wasm-infer-light-16-1",
    name: "inference on wasm, WRN-16-1, batch 16",
    steps: 5,
    contestants: contestants(["--task", "infer-light", "--batch", "16", ...size(16, 40, 1)], [
      [...ours("captured"), "--engine", "wasm"],
      tfjs("wasm", "tfjs wasm"),
    ]),
  },
];
