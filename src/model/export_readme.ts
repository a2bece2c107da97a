import { noTelemetry } from "../base/machine/onnx_packages.ts";
import { printable } from "../base/printable.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import type { NetName } from "../stages/network.ts";
import { graphOutputs } from "./graph_outputs.ts";
import type { FeatureInput } from "./onnx/columns.ts";
import { ElementType } from "./onnx/messages.ts";

/** The exported net that a README describes. */
export interface ReadmeSubject {
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** The name of the net. */
  readonly net: NetName;
  /** The inputs of the exported graph, by feature. */
  readonly inputs: readonly FeatureInput[];
  /** The transforms that a program must apply before the graph. */
  readonly outside: readonly string[];
  /** The format of the export. */
  readonly format: "onnx" | "saved-model" | "safetensors";
}

/**
 * Generates the README of an export folder. It describes the files, the inputs and outputs, and
 * contains example programs.
 *
 * @param subject The exported net.
 */
export function readmeOf({ model, net, inputs, outside, format }: ReadmeSubject): string {
  const { units } = model.network;
  const names = new Map<number, string>(
    Object.entries(ElementType).map(([name, type]) => [type, name]),
  );
  const rows = [...new Map(inputs.map(({ input }) => [input.name, input])).values()].map(
    ({ name, type, shape, description }) =>
      `| ${cell(name)} | ${names.get(type)} | [${["rows", ...shape].join(", ")}] | ${
        cell(description)
      } |`,
  );
  const ids = inputs.filter(({ feature, encoded }) => feature.spec.dtype === "int32" && !encoded)
    .map(({ feature }) => cell(feature.name));
  const answers = answersOf(model, inputs.map(({ input }) => input.name));
  return `# The ${net} net

${filesOf[format](net)}
- \`model.json\`: features, vocabularies, transforms, and classes.
- \`samples.arrow\`: 64 rows that were made from \`model.json\`, with the expected logits.

## Inputs
${beforeGraph(outside)}
| name | type | shape | values |
| --- | --- | --- | --- |
${rows.join("\n")}
${
    ids.length === 0 ? "" : `
The ids of ${ids.join(", ")} are made outside of the graph, as \`model.json\` describes.
`
  }
${
    format !== "safetensors"
      ? `## Outputs

\`logits\` is float [rows, ${units}].
${answers}`
      : ""
  }${programsOf[format](units, net)}`;
}

/** Describes the outputs of the graph other than `logits`. */
function answersOf(model: ReadmeSubject["model"], inputs: readonly string[]): string {
  const { label } = model, { classes } = label.spec;
  if (label.spec.kind === "several") {
    const outputs = graphOutputs(model, inputs).filter(({ label }) => label !== undefined);
    const forms = {
      logits: "the logits of the label",
      softmax: "the softmax of the logits of the label",
      sigmoid: "the probability of the second class of the label",
      each: "the probability of each class of the label",
    };
    const lines = outputs.map(({ name, label, units, form }) => {
      const isEach = form === "sigmoid" && model.label.spec.labels![label!]!.kind === "multi-label";
      return `- ${cell(name)}, float [rows, ${units}]: ${forms[isEach ? "each" : form]} ${
        cell(label!)
      }.`;
    });
    return `They are the logits of all labels side by side. Each label has outputs of its own; its
classes are those of \`labels\` in \`model.json\`, in the order of its vocabulary:

${lines.join("\n")}
`;
  }
  return label.spec.kind === "class"
    ? `\n\`probabilities\` has the softmax of the logits. The ${classes} classes are those of ` +
      "`label` in `model.json`, in the order of its vocabulary.\n"
    : label.spec.kind === "multi-label"
    ? `\n\`probabilities\` has the probability of each of the ${classes} classes${
      label.spec.vocabulary
        ? `: ${label.spec.vocabulary.map(cell).join(", ")}`
        : ", in the order of the label's lists"
    }.\n`
    : label.spec.kind === "binary"
    ? "\n`probabilities` has the probability of the label's second class.\n"
    : "";
}

/** Describes what a program must do before the graph. */
function beforeGraph(transforms: readonly string[]): string {
  if (transforms.length === 0) return "";
  return `
The inputs are not columns of the data: the graph begins after the transform
${cell(transforms.at(-1)!)}, which has no \`graph()\`. A program that uses the graph must

- read the columns and fill nulls, as \`features\` and \`nulls\` in \`model.json\` describe;
- apply these transforms in this order, with the options and statistics of \`transforms\` in
  \`model.json\`:

${transforms.map((name, index) => `  ${index + 1}. ${cell(name)}`).join("\n")}

The results are the inputs. \`graph\` in \`model.json\` describes them, and \`samples.arrow\` has
examples.
`;
}

const onnxLines = () =>
  `- \`model.onnx\`: the net as an ONNX model (opset 18), for any number of rows. If there is a file
  \`model.onnx.data\`, it has the weights and belongs beside it.`;

const weightsLine = (net: NetName) =>
  `- \`${net}.safetensors\`: the weights of the net, those that both nets share included.`;

const savedModelLines = () =>
  `- \`saved_model.pb\` and the folder \`variables\`: the net as a SavedModel of TensorFlow, for any
  number of rows, with the signature \`serving_default\`.`;

const filesOf = {
  "onnx": onnxLines,
  "saved-model": savedModelLines,
  "safetensors": weightsLine,
};

const weightsProgram = (_units: number, net: NetName) => `
## Python

\`pip install safetensors numpy\`, then in this folder:

\`\`\`python
from safetensors.numpy import load_file

for name, values in load_file("${net}.safetensors").items():
    print(name, values.shape)
\`\`\`
`;

const onnxPrograms = (units: number) => `
## Programs

ONNX Runtime 1.29 and later sends data about nets to its maker, unless the environment variable
\`${noTelemetry}\` is 1 before a program loads it.

## Python

\`pip install onnxruntime pyarrow numpy\`, then in this folder:

\`\`\`python
import numpy as np, onnxruntime, pyarrow as pa

session = onnxruntime.InferenceSession("model.onnx")
samples = pa.ipc.open_file("samples.arrow").read_all()


def array(name, shape):
    column = samples[name].combine_chunks()
    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    return values.to_numpy(zero_copy_only=False).reshape([len(samples), *shape])


inputs = {i.name: array(i.name, i.shape[1:]) for i in session.get_inputs()}
(logits,) = session.run(["logits"], inputs)
expected = array("logits", [${units}])
print("largest difference:", np.abs(logits - expected).max())
\`\`\`

## Node

\`npm install onnxruntime-node apache-arrow\`, then save this as \`check.mjs\` in this folder and run
\`node check.mjs\`:

\`\`\`js
import { readFileSync } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import ort from "onnxruntime-node";

const session = await ort.InferenceSession.create("model.onnx");
const samples = tableFromIPC(readFileSync("samples.arrow"));
const flat = (name) => {
  const column = samples.getChild(name);
  const lists = column.type.children?.length > 0;
  return lists ? [...column].flatMap((values) => [...values]) : [...column];
};
const tensor = ({ name, type, shape }) =>
  new ort.Tensor(type, flat(name), [samples.numRows, ...shape.slice(1)]);
const inputs = session.inputMetadata.map((input) => [input.name, tensor(input)]);
const { logits } = await session.run(Object.fromEntries(inputs));
const expected = flat("logits");
const differences = expected.map((logit, index) => Math.abs(logit - logits.data[index]));
console.log("largest difference:", differences.reduce((a, b) => Math.max(a, b)));
\`\`\`

## Browser

\`npm install onnxruntime-web apache-arrow\`, then save this as \`check.html\` in this folder, run
\`python3 -m http.server 8000\`, and open \`http://localhost:8000/check.html\`:

\`\`\`html
<!doctype html>
<meta charset="utf-8">
<title>The net in the browser</title>
<p id="result">computing</p>
<script src="node_modules/apache-arrow/Arrow.es2015.min.js"></script>
<script type="module">
  import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";

  const session = await ort.InferenceSession.create("model.onnx");
  const samples = await Arrow.tableFromIPC(fetch("samples.arrow"));
  const flat = (name) => {
    const column = samples.getChild(name);
    const lists = column.type.children?.length > 0;
    return lists ? [...column].flatMap((values) => [...values]) : [...column];
  };
  const tensor = ({ name, type, shape }) =>
    new ort.Tensor(type, flat(name), [samples.numRows, ...shape.slice(1)]);
  const inputs = session.inputMetadata.map((input) => [input.name, tensor(input)]);
  const { logits } = await session.run(Object.fromEntries(inputs));
  const expected = flat("logits");
  const differences = expected.map((logit, index) => Math.abs(logit - logits.data[index]));
  document.querySelector("#result").textContent =
    "largest difference: " + differences.reduce((a, b) => Math.max(a, b));
</script>
\`\`\`
`;

const savedModelPrograms = (units: number) => `
## Python

\`pip install tensorflow pyarrow numpy\`, then in this folder:

\`\`\`python
import numpy as np, pyarrow as pa, tensorflow as tf

model = tf.saved_model.load(".")
serve = model.signatures["serving_default"]
samples = pa.ipc.open_file("samples.arrow").read_all()


def array(name, shape):
    column = samples[name].combine_chunks()
    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    return values.to_numpy(zero_copy_only=False).reshape([len(samples), *shape])


forms = serve.structured_input_signature[1]
inputs = {
    name: tf.constant(array(name, form.shape[1:]), form.dtype) for name, form in forms.items()
}
logits = serve(**inputs)["logits"].numpy()
expected = array("logits", [${units}])
print("largest difference:", np.abs(logits - expected).max())
\`\`\`
`;

const programsOf = {
  "onnx": onnxPrograms,
  "saved-model": savedModelPrograms,
  "safetensors": weightsProgram,
};

/** Escapes a text for a cell of a Markdown table. */
const cell = (text: string) => "`" + printable(text).replaceAll(/[`|]/g, " ") + "`";
