// Pictures in and out: any file that the browser reads, upright, at any size, on white.

/** Width and height with `size` as the longer one, as `fit` of nst_tf/images.py. */
export function fit([width, height], size) {
  const scale = size / Math.max(width, height);
  return [width, height].map((n) => Math.max(1, Math.round(n * scale)));
}

/**
 * A file as pixels, with `size` as its long edge.
 *
 * @param {Blob} file - its `name`, if it has one, is in the errors.
 * @param {number} size - pixels.
 * @param {number} least - of each side, before and after; otherwise it is refused.
 * @returns {{image: ImageData, full: number[]}} `full` is its own width and height.
 */
export async function read(file, size, least) {
  const name = file.name ? `“${file.name}”` : "This";
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(
      `${name} is no picture that this browser can read. Wanted: JPEG, PNG or WebP.`,
    );
  }
  const full = [bitmap.width, bitmap.height];
  const shape = fit(full, size);
  if (Math.min(...full, ...shape) < least) {
    const scaled = full[0] === shape[0] ? "" : `, ${shape.join(" x ")} at this size`;
    throw new Error(
      `${name} is ${full.join(" x ")} pixels${scaled}; ` +
        `at least ${least} x ${least} are needed.`,
    );
  }
  const image = scaled(bitmap, shape);
  bitmap.close();
  return { image, full };
}

// By halves, and then the rest: a canvas that shrinks by more skips pixels. The first
// step may be a larger one, since phones have no canvas of more than 16 megapixels.
function scaled(bitmap, [width, height]) {
  let source = bitmap;
  while (source.width > 2 * width && source.height > 2 * height) {
    const step = Math.max(2, Math.ceil(Math.sqrt((source.width * source.height) / 16e6)));
    const next = [source.width, source.height].map((n) => Math.ceil(n / step));
    source = drawn(source, Math.max(width, next[0]), Math.max(height, next[1]));
  }
  const context = drawn(source, width, height).getContext("2d");
  return context.getImageData(0, 0, width, height);
}

function drawn(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return canvas;
}

/** Draws pixels on a canvas, which takes their size. */
export function show(canvas, image) {
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Offers a canvas as a file. */
export async function download(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
