"""A panel of knobs and a live picture, for a lecture or an open day.

    from nst_tf.playground import Playground

    Playground()        # in a notebook; or as a page: make playground

The only file that knows ipywidgets. The run has a thread of its own, so that the page
stays responsive; Stop keeps the picture so far.
"""

import base64
import html
import io
import threading
from pathlib import Path

import numpy as np

from nst_tf.features import layer_names
from nst_tf.figures import curves_as_png
from nst_tf.images import load_image, to_pil
from nst_tf.optimizers import OPTIMIZERS
from nst_tf.settings import INITS
from nst_tf.targets import STYLE_LAYERS
from nst_tf.transfer import style_transfer

try:
    import ipywidgets as widgets
except ImportError as error:
    raise ImportError(
        'the playground needs its extra: `pip install "nst_tf[playground]"`'
    ) from error

DEFAULTS = style_transfer.__kwdefaults__
OWN = "your own picture"
SIZES = (96, 128, 192, 256, 384, 512)
THUMBNAIL, PICTURE = "160px", "512px"  # widths at most
CSS = """<style>
.nst img { height: auto; border-radius: 4px; }
.nst .jupyter-button { min-height: 2.4em; }
.nst a { color: #1976d2; text-decoration: underline; }
</style>"""


def _png(image):
    file = io.BytesIO()
    to_pil(image).save(file, "PNG")
    return file.getvalue()


class _Picker:
    """A picture from a list, or an upload; with a preview."""

    def __init__(self, title, pictures):
        self.pictures = {path.stem.replace("_", " "): path for path in pictures}
        self.choice = widgets.Dropdown(
            options=[*self.pictures, OWN],
            description=title,
            style={"description_width": "4.5em"},
            layout={"width": "auto"},
        )
        self.upload = widgets.FileUpload(
            accept="image/*", description="Upload", layout={"width": "auto"}
        )
        self.view = widgets.Image(layout={"max_width": THUMBNAIL})
        self.problem = widgets.HTML()
        self.choice.observe(self._show, "value")
        self.upload.observe(self._uploaded, "value")
        parts = [self.choice, self.upload, self.view, self.problem]
        self.panel = widgets.VBox(parts, layout={"max_width": "180px"})
        self._show()

    def _uploaded(self, _):
        if self.upload.value:
            self.choice.value = OWN
            self._show()

    def source(self):
        """What `load_image` takes, or a `ValueError` for the page."""
        if self.choice.value != OWN:
            return self.pictures[self.choice.value]
        if not self.upload.value:
            raise ValueError("First choose a file with the Upload button.")
        return io.BytesIO(bytes(self.upload.value[-1]["content"]))

    def _show(self, *_):
        try:
            self.view.value = _png(load_image(self.source(), 320))
            self.view.layout.display, self.problem.value = "", ""
        except ValueError as error:
            self.view.layout.display = "none"
            self.problem.value = _words(error)


def _words(error):
    return f'<span style="color: #c62828">{html.escape(str(error))}</span>'


class Playground(widgets.VBox):
    """Two pictures, the knobs, the picture that they make, and its curves.

    Args:
        contents: paths of photographs to choose from.
        styles: paths of paintings.
        network: as in `style_transfer`.
    """

    def __init__(self, contents, styles, network="vgg19_slim"):
        self.network, self.result = network, None
        self._stopping, self._thread = False, None
        self.content = _Picker("Photo", contents)
        self.style = _Picker("Painting", styles)
        wide = {"style": {"description_width": "7em"}, "layout": {"width": "auto"}}
        self.alpha = widgets.FloatLogSlider(
            DEFAULTS["content_weight"],
            min=-4,
            max=0,
            step=0.1,
            description="alpha / beta",
            **wide,
        )
        self.layers = widgets.SelectMultiple(
            options=[n for n in layer_names(network) if n.endswith("conv1")],
            value=STYLE_LAYERS,
            rows=5,
            description="style layers",
            **wide,
        )
        self.size = widgets.SelectionSlider(
            options=SIZES, value=256, description="size", **wide
        )
        self.steps = widgets.IntSlider(
            60, min=5, max=300, step=5, description="steps", **wide
        )
        self.optimizer = widgets.Dropdown(
            options=sorted(OPTIMIZERS),
            value=DEFAULTS["optimizer"],
            description="optimizer",
            **wide,
        )
        self.init = widgets.Dropdown(
            options=INITS, value=DEFAULTS["init"], description="start", **wide
        )
        self.paint = widgets.Button(description="Paint", button_style="primary")
        self.stop = widgets.Button(description="Stop", disabled=True)
        self.download = widgets.HTML()
        self.status = widgets.HTML("Choose, and press Paint.")
        self.progress = widgets.IntProgress(min=0, max=1, layout={"width": "auto"})
        white = _png(np.ones((2, 3, 3)))
        hidden = {"max_width": f"min(100%, {PICTURE})", "visibility": "hidden"}
        self.picture = widgets.Image(value=white, layout={"width": "100%"} | hidden)
        self.curves = widgets.Image(value=white, layout={"width": "100%"} | hidden)
        self.paint.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._ask_to_stop())

        knobs = [self.alpha, self.layers, self.size, self.steps, self.optimizer]
        buttons = widgets.HBox([self.paint, self.stop, self.download])
        left = [
            widgets.HBox(
                [self.content.panel, self.style.panel], layout={"flex_flow": "row wrap"}
            ),
            *knobs,
            self.init,
            buttons,
            self.progress,
            self.status,
        ]
        columns = [
            widgets.VBox(left, layout={"flex": "1 1 320px", "min_width": "300px"}),
            widgets.VBox(
                [self.picture, self.curves],
                layout={"flex": "1 1 420px", "min_width": "300px"},
            ),
        ]
        page = widgets.Box(columns, layout={"flex_flow": "row wrap", "grid_gap": "1em"})
        super().__init__([widgets.HTML(CSS), page])
        self.add_class("nst")

    # The run

    def start(self):
        """Paints, in a thread of its own, with the knobs as they are now."""
        if self._thread and self._thread.is_alive():
            return
        try:
            settings = {
                "content_image": self.content.source(),
                "style_image": self.style.source(),
                "content_weight": self.alpha.value,
                "style_layers": list(self.layers.value),
                "size": self.size.value,
                "steps": self.steps.value,
                "optimizer": self.optimizer.value,
                "init": self.init.value,
            }
        except ValueError as error:
            self.status.value = _words(error)
            return
        self._stopping = False
        self.paint.disabled, self.stop.disabled = True, False
        self.progress.max, self.progress.value = self.steps.value, 0
        self.status.value, self.download.value = "Loading the network ...", ""
        self._thread = threading.Thread(target=self._run, args=[settings], daemon=True)
        self._thread.start()

    def _ask_to_stop(self):
        self._stopping = True
        self.status.value = "Stopping ..."

    def _run(self, settings):
        try:
            self.result = style_transfer(
                **settings, network=self.network, callbacks=self._step
            )
            self._show(self.result)
            done = "Done" if self.result.complete else "Stopped"
            seconds = self.result.history["seconds"][-1]
            steps = self.progress.value
            self.status.value = f"{done} after {steps} steps, {seconds:.0f} s."
            self._offer()
        except KeyboardInterrupt:  # stopped before the first step
            self.status.value = "Stopped."
        except Exception as error:  # the page is the only place to say it
            self.status.value = _words(error)
        finally:
            self.paint.disabled, self.stop.disabled = False, True

    def _step(self, result):
        self.progress.value = len(result.history["step"])
        self._show_sometimes(result)
        if self._stopping:
            raise KeyboardInterrupt

    def _show_sometimes(self, result):
        steps = self.progress.value
        if steps <= 3 or steps % 5 == 0:
            self._show(result)

    def _show(self, result):
        self.picture.value = _png(result.image)
        self.curves.value = curves_as_png(result)
        self.picture.layout.visibility = self.curves.layout.visibility = "visible"
        total = result.history["total"][-1]
        self.status.value = f"Step {self.progress.value}: total loss {total:.4g}"

    def _offer(self):
        """A link that holds the picture itself."""
        data = base64.b64encode(self.result._repr_png_()).decode()
        self.download.value = (
            f'<a download="nst_tf.png" href="data:image/png;base64,{data}">'
            "Download the picture</a>"
        )


def pictures(folder):
    """The pictures of a folder, by name."""
    return sorted(p for p in Path(folder).glob("*.*") if p.suffix in (".jpg", ".png"))
