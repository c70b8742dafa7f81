// The worker with the networks, and what is tried when a build of them fails.

/** A file of the page does not come. */
export class Missing extends Error {}

/** What the build wrote about its styles and files: the newest, whatever is cached. */
export async function readAbout() {
  try {
    return await (await fetch("models/about.json", { cache: "no-cache" })).json();
  } catch (error) {
    throw new Missing(error.message);
  }
}

/** The builds of ONNX Runtime that may work here, the best one first. */
async function candidates() {
  const wanted = new URLSearchParams(location.search).get("build"); // for measurements
  if (wanted) return wanted === "wasm" ? ["wasm"] : [wanted, "wasm"];
  const card = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!card || card.isFallbackAdapter || card.info?.isFallbackAdapter) return ["wasm"];
  return ["Suspending" in WebAssembly ? "jspi" : "webgpu", "wasm"];
}

export class Networks {
  /** `watch` is told from time to time which share of the files has come. */
  constructor(about, watch) {
    [this.about, this.watch] = [about, watch];
    this.waiting = new Map(); // calls without an answer yet, by their number
    this.calls = 0;
  }

  /** Calls a function of the worker; if this build fails, that of the next one. */
  async call(name, given) {
    this.builds ??= await candidates();
    for (;;) {
      const build = this.builds[0];
      try {
        await this.open();
        return await this.ask(name, given);
      } catch (error) {
        if (error instanceof Missing && this.device) throw error;
        if (this.builds[0] !== build) continue; // another call has seen to it
        this.close(); // whatever it holds may be broken
        if (this.builds.length === 1) throw error;
        this.builds.shift();
      }
    }
  }

  open() {
    this.opened ??= this.start();
    return this.opened;
  }

  async start() {
    // Only a worker made of a blob is under the page's Content-Security-Policy.
    const script = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
    const blob = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    this.worker = new Worker(blob, { type: "module" });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = ({ message }) => {
      this.fail(message ? new Error(message) : new Missing("worker.js"));
    };
    const given = { build: this.builds[0], about: this.about };
    const { device, loaded } = await this.ask("open", given);
    URL.revokeObjectURL(blob);
    [this.device, this.loaded] = [device, loaded];
  }

  ask(call, given) {
    const id = ++this.calls;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, ...given });
    });
  }

  hear({ id, progress, answer, error, missing }) {
    if (progress !== undefined) return this.watch(progress);
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(missing ? new Missing(error) : new Error(error));
  }

  fail(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  close() {
    this.worker?.terminate();
    this.fail(new Error("closed"));
    [this.opened, this.device] = [undefined, undefined];
  }
}
