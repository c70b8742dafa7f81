"""How large and how fast the page that paints is.

    python docs/paint/build.py FOLDER
    python benchmarks/paint.py FOLDER

Serves the folder, opens it in Chromium, and paints the example in one style after the
other. `first` is from the address to the first picture, with nothing in the cache; the
others are the page's own times, of one pass of the network and all that belongs to it.
Beside them stands how long the processor worked for it: on a machine that does other
things as well, that is nearer to what it takes.
"""

import argparse
import functools
import gzip
import http.server
import shutil
import statistics
import threading
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

STYLES = "the_wave", "udnie", "the_scream", "la_calanque", "the_kiss"
SIZES = 256, 512, 1024
PARTS = {  # what a visit loads, and when
    "the page, its example and its styles": ["*.*", "styles/*"],
    "the styles' vectors and what is said of them": ["models/about*", "models/styles*"],
    "the painter": ["models/painter*"],
    "ONNX Runtime, processor": ["ort/ort.wasm.*", "ort/ort-wasm-simd-threaded.wasm*"],
    "ONNX Runtime, graphics card": ["ort/*jspi*"],
    "the same, where the browser has no JSPI": ["ort/*webgpu*", "ort/*asyncify*"],
    "the predictor, when a painting is chosen": ["models/predictor*"],
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def served(folder):
    """The address of a folder."""
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def sizes(folder):
    """kB of each part, as it lies there, and as a host sends it that gzips."""
    print("| part | kB | kB, gzip |\n|---|---|---|")
    for part, patterns in PARTS.items():
        files = [path for pattern in patterns for path in Path(folder).glob(pattern)]
        contents = [path.read_bytes() for path in files]
        packed = [min(len(c), len(gzip.compress(c))) for c in contents]
        plain = sum(map(len, contents))
        print(f"| {part} | {plain / 1000:.0f} | {sum(packed) / 1000:.0f} |")


def wait(page, pictures):
    page.locator(f'body[data-pictures="{pictures}"]').wait_for(timeout=600_000)
    return float(page.locator("body").get_attribute("data-seconds"))


def work():
    """Seconds that the processor has worked for the browser."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        spent += times.user + times.system
    return spent


def times(browser, address, painting):
    """Seconds until the first picture, and of the next ones at several sizes."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    began = time.perf_counter()
    page.goto(address)
    wait(page, 1)
    print(f"\nfirst: {time.perf_counter() - began:.1f} s\n")
    print("| long edge | s, median | s, least | s of work, least |\n|---|---|---|---|")
    pictures = 1
    for size in SIZES:
        found, worked = [], []
        for style in STYLES:
            before = work()
            link = f"style={style}&size={size}"
            page.evaluate("link => { location.hash = link; }", link)
            pictures += 1
            found.append(wait(page, pictures))
            worked.append(work() - before)
        row = statistics.median(found), min(found), min(worked)
        print(f"| {size} |", " | ".join(f"{value:.2f}" for value in row), "|")
    for tale in ("first, with the predictor", "again"):
        began = time.perf_counter()
        page.locator("#painting").set_input_files(painting)
        pictures += 1
        painted = wait(page, pictures)
        print(f"a painting, {tale}: {time.perf_counter() - began - painted:.1f} s")
    print(page.locator("#status").inner_text())


def main():
    root = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="what docs/paint/build.py has made")
    parser.add_argument("--painting", default=root / "images" / "style" / "mosaic.jpg")
    args = parser.parse_args()
    sizes(args.folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        times(browser, served(args.folder), args.painting)
        browser.close()


if __name__ == "__main__":
    main()
