// The networks, in a thread of their own, so that the page stays alive.

// ONNX Runtime comes in three builds: their module, their WebAssembly, and where they
// compute. The first two are one engine; few browsers have what the smaller one needs.
const BUILDS = {
  jspi: ["ort.jspi.bundle.min.mjs", "ort-wasm-simd-threaded.jspi.wasm", "webgpu"],
  webgpu: ["ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm", "webgpu"],
  wasm: ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "wasm"],
};
const LUMA = [0.299, 0.587, 0.114]; // of R, G and B, as in nst_tf/color.py
const base = new URL(".", import.meta.url);

let about, ort, device, painter, predictor;
let kept = {}; // the photograph as floats, and what the painter does to it in no style

// Loading

/** A file of the page that does not come; no network need be broken for that. */
class Missing extends Error {}

function address(name) {
  return new URL(`${name}?v=${about.version}`, base);
}

async function found(promise) {
  try {
    return await promise;
  } catch (error) {
    throw new Missing(error.message);
  }
}

/** A file's bytes, unpacked; `watch` is told how many have come. */
async function bytes(name, watch = () => {}) {
  const answer = await found(fetch(address(name)));
  if (!answer.ok) throw new Missing(`${name}: ${answer.status}`);
  const chunks = [];
  for (let reader = answer.body.getReader(); ; ) {
    const { done, value } = await found(reader.read());
    if (done) break;
    chunks.push(value);
    watch(value.length);
  }
  const blob = new Blob(chunks);
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (head[0] !== 0x1f || head[1] !== 0x8b) return blob.arrayBuffer(); // by the server
  const unpacked = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

/** A function that tells the page how much of several files has come. */
function progress(names) {
  const total = names.reduce((sum, name) => sum + about.bytes[name], 0);
  let come = 0;
  return (more) => postMessage({ progress: Math.min(1, (come += more) / total) });
}

function session(model) {
  const options = { executionProviders: [device], logSeverityLevel: 3 };
  return ort.InferenceSession.create(new Uint8Array(model), options);
}

async function open({ build, ...given }) {
  about = given.about;
  const [script, wasm] = BUILDS[build];
  device = BUILDS[build][2];
  const names = [`ort/${wasm}.gz`, "models/painter.onnx.gz"];
  const watch = progress(names);
  const files = names.map((name) => bytes(name, watch));
  [ort] = await Promise.all([found(import(address(`ort/${script}`))), ...files]);
  ort.env.wasm.wasmBinary = await files[0];
  painter = await session(await files[1]);
  if (device === "webgpu") await prove();
  return { device, loaded: performance.getEntriesByType("resource").map((e) => e.name) };
}

// A graphics driver can be wrong without failing: a small picture is compared.
async function prove() {
  const { height, width, style, picture } = about.proof;
  const photo = new Float32Array(height * width * 3);
  photo.forEach((_, i) => (photo[i] = ((i * 7) % 256) / 255));
  const values = await painted({ photo, height, width }, vector(style));
  const wanted = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
  const wrong = values.some((v, i) => !(Math.abs(255 * v - wanted[i]) < 4)); // NaN, too
  if (wrong) throw new Error("this graphics card paints another picture");
}

// Styles, as in nst_tf/fast.py

let vectors;

function vector(row) {
  return vectors.subarray(row * about.length, (row + 1) * about.length);
}

async function styles() {
  vectors ??= new Float32Array(await bytes("models/styles.f32.gz"));
}

/** The weighted mean of two vectors; without a second, the first. */
function blended(first, second, blend) {
  return second ? first.map((v, i) => v * (1 - blend) + second[i] * blend) : first;
}

// Painting

async function painted({ photo, height, width }, style) {
  const inputs = {
    photo: new ort.Tensor("float32", photo, [1, height, width, 3]),
    style: new ort.Tensor("float32", style, [1, about.length]),
  };
  const { picture } = await painter.run(inputs);
  const values = await picture.getData();
  picture.dispose();
  return values;
}

function floats({ data, width, height }) {
  const photo = new Float32Array(width * height * 3);
  for (let i = 0, k = 0; i < data.length; i += 4) {
    for (let c = 0; c < 3; c++) photo[k++] = data[i + c] / 255;
  }
  return { photo, width, height };
}

/** On the way from the photograph, 0, to the style, 1: `_at_strength`. */
async function atStrength(style, strength) {
  if (strength === 1) return painted(kept, style);
  const nothing = vector(0);
  kept.nothing ??= await painted(kept, nothing);
  const between = nothing.map((v, i) => v + strength * (style[i] - v));
  const picture = await painted(kept, between);
  return picture.map((v, i) => {
    const error = kept.photo[i] - kept.nothing[i];
    return Math.min(1, Math.max(0, v + (1 - strength) * error));
  });
}

/** A picture's luminance, and the photograph's colours: `with_colors_of`. */
function withColorsOf(picture, photo) {
  const luminance = (x, i) => LUMA.reduce((sum, w, c) => sum + w * x[i + c], 0);
  const mixed = new Float32Array(picture.length);
  for (let i = 0; i < picture.length; i += 3) {
    const more = luminance(picture, i) - luminance(photo, i);
    for (let c = 0; c < 3; c++) mixed[i + c] = photo[i + c] + more;
  }
  return mixed;
}

async function paint({ key, image, first, second, blend, strength, color }) {
  const began = performance.now();
  if (kept.key !== key) kept = { key, ...floats(image) };
  const [one, other] = [first, second].map((s) => (Number.isInteger(s) ? vector(s) : s));
  let picture = await atStrength(blended(one, other, blend), strength);
  if (color === "photo") picture = withColorsOf(picture, kept.photo);
  const data = new Uint8ClampedArray(image.width * image.height * 4); // it rounds
  for (let i = 0, k = 0; i < data.length; i += 4) {
    for (let c = 0; c < 3; c++) data[i + c] = 255 * picture[k++];
    data[i + 3] = 255;
  }
  return { data, seconds: (performance.now() - began) / 1000 };
}

// The style of any painting, by a network that is loaded when it is wanted

async function predict({ image }) {
  const name = "models/predictor.onnx.gz";
  predictor ??= await session(await bytes(name, progress([name])));
  const { photo, height, width } = floats(image);
  const painting = new ort.Tensor("float32", photo, [1, height, width, 3]);
  const { style } = await predictor.run({ painting });
  return Float32Array.from(await style.getData());
}

const CALLS = { open, paint, predict };

async function answer({ data: { id, call, ...given } }) {
  try {
    if (call === "open") about = given.about;
    await styles();
    postMessage({ id, answer: await CALLS[call](given) });
  } catch (error) {
    const missing = error instanceof Missing;
    postMessage({ id, error: String(error?.message ?? error), missing });
  }
}

let last = Promise.resolve(); // one call after the other, as ONNX Runtime wants it
addEventListener("message", (event) => (last = last.then(() => answer(event))));
