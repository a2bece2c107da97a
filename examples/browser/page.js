// Draws digits, and asks two exported nets what they are.

// A script in index.html defines it.
const { ort } = globalThis;

const SIZE = 8, BLOCK = 4, RUNS = 20, LIMIT = 100;

const byId = (id) => document.getElementById(id);
const drawing = byId("drawing"), seen = byId("seen"), status = byId("status");
const strokes = [];
let nets = [], pending = false, running = false;

try {
  if (!ort) throw new Error("onnxruntime-web is not installed; README.md lists the commands");
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  nets = await Promise.all([openNet("light", "Light net"), openNet("booster", "Booster net")]);
  status.textContent = "Draw with the mouse, a finger, or a pen.";
  answer();
} catch (error) {
  status.textContent = `The nets cannot be loaded: ${error.message}`;
  throw error;
}

/** Loads the net of an export folder. */
async function openNet(id, title) {
  const [model, description] = await Promise.all([
    load(`${id}/model.onnx`).then((response) => response.arrayBuffer()),
    load(`${id}/model.json`).then((response) => response.json()),
  ]);
  const session = await ort.InferenceSession.create(new Uint8Array(model));
  const { classes, vocabulary } = description.label.spec;
  const names = vocabulary ?? Array.from({ length: classes }, (_, index) => String(index));
  const parameters = description.variables
    .filter(({ owner }) => owner === "shared" || owner === id)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const article = byId(id);
  article.append(byId("net").content.cloneNode(true));
  const find = (selector) => article.querySelector(selector);
  find("h2").textContent = title;
  const numbers = parameters.toLocaleString("en"), kilobytes = Math.round(model.byteLength / 1024);
  find(".facts").textContent = `${numbers} weights, ${kilobytes} KB`;
  const rows = names.map((name) => {
    const row = document.createElement("li"), bar = document.createElement("div");
    const [label, share] = [document.createElement("span"), document.createElement("span")];
    const fill = document.createElement("i");
    bar.className = "bar";
    bar.append(fill);
    label.textContent = name;
    row.append(label, bar, share);
    find(".classes").append(row);
    return { row, fill, share };
  });
  return { id, session, names, rows, find };
}

async function load(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} was not found; README.md lists the commands`);
  return response;
}

/** Computes an answer several times: the clock of a browser is coarse. */
async function compute({ session }, pixels) {
  const [{ name, type }] = session.inputMetadata;
  const shape = [1, ...session.inputMetadata[0].shape.slice(1)];
  const feeds = { [name]: new ort.Tensor(type, pixels, shape) };
  const { probabilities } = await session.run(feeds);
  const start = performance.now();
  let runs = 0, milliseconds = 0;
  while (runs < RUNS && milliseconds < LIMIT) {
    await session.run(feeds);
    runs++;
    milliseconds = performance.now() - start;
  }
  milliseconds /= runs;
  return { probabilities: [...probabilities.data], milliseconds };
}

/** Answers for the drawing as it is; a drawing that changes meanwhile is next. */
async function answer() {
  pending = true;
  if (running || nets.length === 0) return;
  running = true;
  while (pending) {
    pending = false;
    const pixels = pixelsOf(strokes);
    showSeen(pixels);
    if (strokes.length === 0) {
      nets.forEach((net) => show(net, undefined));
      continue;
    }
    const answers = [];
    for (const net of nets) answers.push(await compute(net, pixels));
    const slowest = Math.max(...answers.map(({ milliseconds }) => milliseconds));
    nets.forEach((net, index) => show(net, answers[index], slowest));
    document.dispatchEvent(new CustomEvent("answered", { detail: { pixels, answers } }));
  }
  running = false;
}

function show({ names, rows, find }, answer, slowest) {
  const probabilities = answer?.probabilities ?? names.map(() => 0);
  const best = answer ? probabilities.indexOf(Math.max(...probabilities)) : -1;
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  find("output").textContent = names[best] ?? "–";
  find(".sure").textContent = answer ? percent(probabilities[best]) : "";
  rows.forEach(({ row, fill, share }, index) => {
    row.classList.toggle("best", index === best);
    fill.style.width = `${100 * probabilities[index]}%`;
    share.textContent = answer ? percent(probabilities[index]) : "";
  });
  find(".time b").textContent = answer?.milliseconds.toFixed(2) ?? "–";
  find(".meter i").style.width = answer ? `${100 * answer.milliseconds / slowest}%` : "0";
}

/**
 * The digits of the data are 32 × 32 pixels, black or white, as large as the digit; the nets read
 * how many of each 4 × 4 are black.
 */
function pixelsOf(strokes) {
  const whole = SIZE * BLOCK, pixels = new Uint8Array(SIZE * SIZE);
  const points = strokes.flat();
  if (points.length === 0) return pixels;
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const pen = 4, scale = (whole - pen) / Math.max(width, height, 1);
  const sheet = new OffscreenCanvas(whole, whole);
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.translate((whole - width * scale) / 2, (whole - height * scale) / 2);
  paint(context, strokes, pen, ({ x, y }) => [(x - left) * scale, (y - top) * scale]);
  const { data } = context.getImageData(0, 0, whole, whole);
  for (let y = 0; y < whole; y++) {
    for (let x = 0; x < whole; x++) {
      if (data[4 * (y * whole + x) + 3] < 128) continue;
      pixels[Math.floor(y / BLOCK) * SIZE + Math.floor(x / BLOCK)]++;
    }
  }
  return pixels;
}

function paint(context, strokes, pen, place) {
  context.lineWidth = pen;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    context.beginPath();
    context.moveTo(...place(points[0]));
    for (const point of points) context.lineTo(...place(point));
    context.stroke();
  }
}

function showDrawing() {
  const context = drawing.getContext("2d");
  context.clearRect(0, 0, drawing.width, drawing.height);
  context.strokeStyle = getComputedStyle(drawing).color;
  paint(context, strokes, 44, ({ x, y }) => [x, y]);
}

function showSeen(pixels) {
  const context = seen.getContext("2d");
  context.clearRect(0, 0, SIZE, SIZE);
  context.fillStyle = getComputedStyle(seen).color;
  pixels.forEach((count, index) => {
    context.globalAlpha = count / BLOCK ** 2;
    context.fillRect(index % SIZE, Math.floor(index / SIZE), 1, 1);
  });
}

function pointOf({ clientX, clientY }) {
  const { left, top, width } = drawing.getBoundingClientRect();
  const scale = drawing.width / width;
  return { x: (clientX - left) * scale, y: (clientY - top) * scale };
}

drawing.addEventListener("pointerdown", (event) => {
  drawing.setPointerCapture(event.pointerId);
  strokes.push([pointOf(event)]);
  showDrawing();
});
drawing.addEventListener("pointermove", (event) => {
  if (!drawing.hasPointerCapture(event.pointerId)) return;
  strokes.at(-1).push(pointOf(event));
  showDrawing();
  answer();
});
drawing.addEventListener("pointerup", () => answer());
byId("clear").addEventListener("click", () => {
  strokes.length = 0;
  showDrawing();
  answer();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  showDrawing();
  showSeen(pixelsOf(strokes));
});
