"""Puts the page that paints together, so that any static host can serve it.

    python docs/paint/build.py FOLDER
    python -m http.server --directory FOLDER

The page itself is copied. The networks are exported, their weights kept as the float16
numbers that the package has, so that nothing is lost; ONNX Runtime comes from npm, at
the version and with the hashes of package-lock.json. Everything large is gzipped, as
not every host does that; the page unpacks it.
"""

import argparse
import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import ImageOps

import nst_tf as nst
from nst_tf import feedforward
from nst_tf.fast import PAINTING_SIZE, SMALLEST, fast_network, fast_paint
from nst_tf.images import load_image, to_pil

HERE = Path(__file__).parent
PAGE = "index.html", "paint.css", "icon.svg", "paint.js", "pictures.js", "networks.js"
PAGE += "worker.js", "offline.js"
EXAMPLE = HERE.parent.parent / "images" / "content" / "astronaut.jpg"
LEAST_PAINTING = 16  # pixels of a side, as `predict_style` wants it
THUMBNAIL = 112  # pixels
PROOF = 24, 40  # height and width of the picture that a graphics card has to paint
SMALL = 500  # numbers: a constant of fewer stays as it is
ENGINE = {  # of onnxruntime-web/dist, see worker.js
    "ort.jspi.bundle.min.mjs": "ort-wasm-simd-threaded.jspi.wasm",
    "ort.webgpu.bundle.min.mjs": "ort-wasm-simd-threaded.asyncify.wasm",
    "ort.wasm.bundle.min.mjs": "ort-wasm-simd-threaded.wasm",
}


def pack(path, content):
    """Writes it gzipped, and always the same bytes for the same content."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))


# The networks


def halved(network):
    """An ONNX network whose constants are float16 where that loses nothing."""
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = network.graph, []
    for constant in graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        half = values.astype("float16")
        if not np.array_equal(half.astype("float32"), values):
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(half, f"{name}/half"))
        casts.append(
            helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return network


def write_networks(folder):
    """painter.onnx.gz and predictor.onnx.gz."""
    import onnx

    with tempfile.TemporaryDirectory() as temporary:
        exports = {"painter": nst.export_fast, "predictor": nst.export_predictor}
        for name, export in exports.items():
            path = Path(temporary) / f"{name}.onnx"
            export(path)
            network = halved(onnx.load(path))
            pack(folder / f"{name}.onnx.gz", network.SerializeToString())


def write_styles(folder):
    """styles.f32.gz: the vector that changes nothing, then those with a name."""
    network = fast_network()
    vectors = np.stack([network.photograph, *network.styles.values()])
    pack(folder / "styles.f32.gz", vectors.astype("<f4").tobytes())


def proof():
    """A small picture and how it is painted, so that the page can check itself."""
    height, width = PROOF
    photo = np.arange(height * width * 3) * 7 % 256 / 255  # the same in worker.js
    photo = photo.reshape(1, height, width, 3).astype("float32")
    picture = fast_paint(photo, list(fast_network().styles.values())[0])
    pixels = np.uint8(np.round(255 * picture.numpy()))
    words = base64.b64encode(pixels.tobytes()).decode()
    return {"height": height, "width": width, "style": 1, "picture": words}


def write_about(folder):
    """What the page has to know: styles, sizes, bytes; a version that is a hash."""
    packed = sorted(folder.rglob("*.gz"))
    digest = hashlib.sha256()
    for path in packed:
        digest.update(path.read_bytes())
    about = {
        "version": digest.hexdigest()[:12],
        "length": feedforward.style_length(),
        "smallest": SMALLEST,
        "paintingSize": PAINTING_SIZE,
        "smallestPainting": LEAST_PAINTING,
        "styles": [{"name": n, "about": a} for n, a in nst.fast_styles().items()],
        "bytes": {p.relative_to(folder).as_posix(): p.stat().st_size for p in packed},
        "proof": proof(),
    }
    (folder / "models" / "about.json").write_text(json.dumps(about))


# What is seen


def write_pictures(folder):
    """The example, and a thumbnail of it in each style."""
    shutil.copy(EXAMPLE, folder / "example.jpg")
    (folder / "styles").mkdir(exist_ok=True)
    square = ImageOps.fit(to_pil(EXAMPLE), (2 * THUMBNAIL, 2 * THUMBNAIL))
    photo = load_image(square)
    for name, vector in fast_network().styles.items():
        picture = to_pil(fast_paint(photo, vector)).resize((THUMBNAIL, THUMBNAIL))
        picture.save(folder / "styles" / f"{name}.jpg", quality=80)


# What runs it


def write_engine(folder):
    """The files of ONNX Runtime that the page loads, checked by npm."""
    npm = shutil.which("npm")
    if not npm:
        raise FileNotFoundError("npm is missing; it comes with Node.js, and is needed")
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, temporary)
        done = subprocess.run(
            [npm, "ci", "--prefer-offline"],
            cwd=temporary,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ConnectionError(f"npm ci failed:\n{done.stderr}")
        dist = Path(temporary, "node_modules", "onnxruntime-web", "dist")
        for script, wasm in ENGINE.items():
            shutil.copy(dist / script, folder)
            pack(folder / f"{wasm}.gz", (dist / wasm).read_bytes())


def build(folder):
    """Writes the page, and all it needs, into a folder."""
    folder = Path(folder)
    for name in ("models", "ort"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_engine(folder / "ort")
    write_networks(folder / "models")
    write_styles(folder / "models")
    write_pictures(folder)
    write_about(folder)
    for name in PAGE:
        shutil.copy(HERE / name, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="is made if it is missing")
    build(parser.parse_args().folder)
