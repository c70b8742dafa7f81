// The page: its knobs, its picture, and the link that holds the settings.

import { Missing, Networks, readAbout } from "./networks.js";
import { download, read, show } from "./pictures.js";

const OWN = "own"; // the value of a style that was predicted from a painting
const DEFAULTS = {
  style: "starry_night",
  second: "",
  blend: 0.5,
  strength: 1,
  color: "painting",
  size: 512,
};

const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const canvas = byId("picture");
const words = (name) => name.replaceAll("_", " ");
const percent = (share) => `${Math.round(100 * share)} %`;

let about, networks;
let settings = { ...DEFAULTS };
let photo = { file: null, key: 0 }; // then also: size, image, full
let own = null; // the vector of the user's painting
let picture = null; // the last one that was painted

// What is said

function say(text, state = "ready") {
  document.body.dataset.state = state;
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

function told(error) {
  if (error instanceof Missing) {
    return "A file of this page could not be loaded; go online, and try again.";
  }
  if (/memory|allocat|out of bounds/i.test(error.message)) {
    return "There is not enough memory at this size; choose a smaller one.";
  }
  return error.message;
}

function watch(share) {
  byId("progress").hidden = share === 1;
  byId("progress").value = share;
}

// The settings: in the knobs, and in the link

function styleNames() {
  return [...about.styles.map(({ name }) => name), ...(own ? [OWN] : [])];
}

/** Settings out of a link; what is not understood keeps its default. */
function fromLink(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const found = { ...DEFAULTS };
  const names = styleNames();
  if (names.includes(given.get("style"))) found.style = given.get("style");
  if (names.includes(given.get("second"))) found.second = given.get("second");
  for (const name of ["blend", "strength"]) {
    const value = Number(given.get(name) ?? NaN);
    if (value >= 0 && value <= 1) found[name] = value;
  }
  if (given.get("color") === "photo") found.color = "photo";
  const sizes = [...byId("size").options].map((option) => option.value);
  if (sizes.includes(given.get("size"))) found.size = Number(given.get("size"));
  return found;
}

function toLink() {
  const changed = Object.entries(settings).filter(([k, v]) => v !== DEFAULTS[k]);
  const hash = new URLSearchParams(changed).toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

function toKnobs() {
  for (const tile of byId("tiles").querySelectorAll("input")) {
    tile.checked = tile.value === settings.style;
    if (tile.checked) toSight(tile.parentElement);
  }
  byId("second").value = settings.second;
  byId("blend").value = settings.blend;
  byId("strength").value = settings.strength;
  byId("color").checked = settings.color === "photo";
  byId("size").value = settings.size;
  describe();
}

function fromKnobs() {
  const value = (id) => Number(byId(id).value);
  settings = {
    style: byId("knobs").elements.style.value,
    second: byId("second").value,
    blend: value("blend"),
    strength: value("strength"),
    color: byId("color").checked ? "photo" : "painting",
    size: value("size"),
  };
  describe();
  toLink();
  repaint();
}

/** On a phone, where the tiles are a strip. */
function toSight(tile) {
  const strip = byId("tiles");
  const middle = tile.offsetLeft + tile.offsetWidth / 2 - strip.offsetLeft;
  strip.scrollLeft = middle - strip.clientWidth / 2;
}

/** The words that go with the knobs. */
function describe() {
  const credit = (name) => about.styles.find((one) => one.name === name)?.about;
  const names = [settings.style, settings.second].filter(Boolean);
  const credits = names.map((name) => credit(name) ?? "A painting of your own");
  byId("credit").textContent = `${credits.join(". And: ")}.`;
  byId("blending").hidden = !settings.second;
  byId("blend-shown").value = percent(settings.blend);
  byId("strength-shown").value = percent(settings.strength);
}

function addStyle(name, title, image) {
  const tile = document.createElement("label");
  tile.className = "tile";
  const radio = Object.assign(document.createElement("input"), {
    type: "radio",
    name: "style",
    value: name,
  });
  const caption = document.createElement("span");
  caption.textContent = title;
  tile.append(radio, image, caption);
  const option = new Option(title, name);
  if (name !== OWN) {
    byId("tiles").append(tile);
    byId("second").append(option);
    return;
  }
  for (const old of document.querySelectorAll(".own")) old.remove();
  tile.classList.add("own");
  option.classList.add("own");
  byId("tiles").prepend(tile);
  byId("second").options[0].after(option);
}

function thumbnail(name) {
  const image = new Image(112, 112);
  [image.src, image.alt, image.loading] = [`styles/${name}.jpg`, "", "lazy"];
  return image;
}

// Painting: one picture at a time; what is turned meanwhile is painted next

let painting = null;
let again = false;

function repaint() {
  again = true;
  painting ??= paintAll().finally(() => (painting = null));
  return painting;
}

async function paintAll() {
  while (again) {
    again = false;
    try {
      await paintOnce();
    } catch (error) {
      stage.removeAttribute("aria-busy");
      say(told(error), "failed");
    }
  }
}

async function paintOnce() {
  if (!photo.file) return;
  stage.setAttribute("aria-busy", "true");
  say(picture ? "Painting …" : "Loading the network …", picture ? "busy" : "loading");
  await scalePhoto();
  const { image, key } = photo; // another one may come while this one is painted
  const { style, second, ...others } = settings;
  const row = (name) => (name === OWN ? own : 1 + styleNames().indexOf(name));
  const { data, seconds } = await networks.call("paint", {
    ...others,
    key,
    image,
    first: row(style),
    second: second ? row(second) : null,
  });
  if (key !== photo.key) return;
  picture = new ImageData(data, image.width, image.height);
  const title = [style, second].filter(Boolean).map(words).join(" and ");
  canvas.setAttribute("aria-label", `The photograph, painted in the style: ${title}`);
  compare(false);
  byId("download").disabled = false;
  stage.removeAttribute("aria-busy");
  watch(1);
  say(`${sizes()} Painted in ${seconds.toFixed(1)} s, ${device()}.`);
  const { dataset } = document.body; // for those who wait for it
  [dataset.seconds, dataset.pictures] = [seconds, 1 + Number(dataset.pictures ?? 0)];
  keepForLater();
}

/** The photograph at the size that is asked for; of a new one, the picture at once. */
async function scalePhoto() {
  if (photo.size === settings.size) return;
  const [{ size }, mine] = [settings, photo];
  const { image, full } = await read(mine.file, size, about.smallest);
  Object.assign(mine, { size, image, full, key: mine.key + 1 });
  if (mine === photo && !picture) show(canvas, image);
}

function sizes() {
  const [full, shape] = [photo.full, [photo.image.width, photo.image.height]];
  if (full[0] === shape[0]) return `${shape.join(" x ")} pixels.`;
  const how = full[0] > shape[0] ? "scaled down" : "enlarged";
  return `${full.join(" x ")} pixels, ${how} to ${shape.join(" x ")}.`;
}

function device() {
  return networks.device === "webgpu" ? "on the graphics card" : "on the processor";
}

function compare(original) {
  byId("compare").setAttribute("aria-pressed", original);
  if (picture || original) show(canvas, original ? photo.image : picture);
}

// Pictures of the user

async function takePhoto(file) {
  say("Reading …", "busy");
  try {
    const { size } = settings;
    const { image, full } = await read(file, size, about.smallest);
    photo = { file, size, image, full, key: photo.key + 1 };
  } catch (error) {
    return say(told(error), "failed"); // and the photograph before stays
  }
  show(canvas, photo.image);
  canvas.setAttribute("aria-label", "Your photograph");
  picture = null;
  await repaint();
}

async function takePainting(file) {
  try {
    say("Looking at your painting …", "busy");
    const { image } = await read(file, about.paintingSize, about.smallestPainting);
    own = await networks.call("predict", { image });
    const small = document.createElement("canvas");
    show(small, image);
    addStyle(OWN, "your own", small);
  } catch (error) {
    return say(told(error), "failed");
  } finally {
    watch(1);
  }
  settings.style = OWN;
  toKnobs();
  fromKnobs();
}

function isOf(file, take) {
  if (file) return take(file);
  return say("That was no file; a photograph that is one can be dropped here.", "failed");
}

function listenForPictures() {
  for (const [id, take] of [
    ["photo", takePhoto],
    ["camera", takePhoto],
    ["painting", takePainting],
  ]) {
    byId(id).addEventListener("change", ({ target }) => {
      if (target.files[0]) take(target.files[0]);
      target.value = ""; // so that the same file can be chosen again
    });
  }
  const dragging = (on) => document.body.classList.toggle("dragging", on);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    dragging(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || dragging(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    dragging(false);
    const isStyle = byId("styles").contains(event.target);
    isOf(event.dataTransfer.files[0], isStyle ? takePainting : takePhoto);
  });
  addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files[0]) takePhoto(clipboardData.files[0]);
  });
}

// The buttons

function fileName() {
  const stem = (photo.file.name ?? "photo").replace(/\.\w+$/, "");
  const style = [settings.style, settings.second].filter(Boolean).join("-");
  return `${stem}-${style}.png`; // as `nst-tf fast` names it
}

async function share() {
  toLink();
  const own = [settings.style, settings.second].includes(OWN);
  const but = own ? " It names your own painting, but does not hold it." : "";
  try {
    await navigator.clipboard.writeText(location.href);
    say(`The link is copied. It has the settings, and no picture.${but}`);
  } catch {
    say(`The link is in the address bar. It has the settings, and no picture.${but}`);
  }
}

async function save() {
  compare(false);
  await download(canvas, fileName());
}

function listenToKnobs() {
  byId("knobs").addEventListener("input", ({ target }) => {
    if (target.type !== "file") fromKnobs();
  });
  byId("knobs").addEventListener("submit", (event) => event.preventDefault());
  byId("download").addEventListener("click", save);
  byId("share").addEventListener("click", share);
  byId("compare").addEventListener("click", ({ target }) => {
    if (photo.image) compare(target.getAttribute("aria-pressed") === "false");
  });
  addEventListener("hashchange", () => {
    settings = fromLink(location.hash);
    toKnobs();
    repaint();
  });
}

// For when there is no network

async function keepForLater() {
  if (!navigator.serviceWorker || keepForLater.done) return;
  keepForLater.done = true;
  try {
    await navigator.serviceWorker.register("offline.js");
    const { active } = await navigator.serviceWorker.ready;
    const seen = performance.getEntriesByType("resource").map((entry) => entry.name);
    const page = location.href.split("#")[0];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => (document.body.dataset.offline = data);
    active.postMessage([...new Set([page, ...seen, ...networks.loaded])], [port2]);
  } catch {
    // Not everywhere is this allowed; then the page needs the network when it is loaded.
  }
}

// The beginning

function missing() {
  if (typeof WebAssembly !== "object") return "WebAssembly, in which it paints";
  if (typeof DecompressionStream !== "function") return "DecompressionStream";
  if (typeof OffscreenCanvas !== "function") return "OffscreenCanvas";
  return null;
}

async function begin() {
  if (missing()) {
    return say(`This page needs a newer browser: this one lacks ${missing()}.`, "failed");
  }
  say("Loading the network …", "loading");
  about = await readAbout();
  networks = new Networks(about, watch);
  for (const { name } of about.styles) addStyle(name, words(name), thumbnail(name));
  if (!styleNames().includes(DEFAULTS.style)) DEFAULTS.style = about.styles[0].name;
  settings = fromLink(location.hash);
  toKnobs();
  listenToKnobs();
  listenForPictures();
  const example = await (await fetch("example.jpg")).blob();
  if (photo.file) return; // somebody was faster
  photo.file = new File([example], "example.jpg", { type: example.type });
  await repaint();
  if (/(style|second)=own/.test(location.hash)) {
    say("This link was made with a painting of somebody's own; choose one of yours.");
  }
}

begin().catch((error) => say(told(error), "failed"));
