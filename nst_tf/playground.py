"""A panel of knobs and two live pictures, for a lecture or an open day.

    from nst_tf.playground import Playground, pictures

    Playground(pictures("images/content"), pictures("images/style"))

In a notebook; or as a page, with `make playground`. The fast network paints anew
whenever one of its knobs moves; Paint goes on from there, step by step. Both have
threads of their own, so that the page stays responsive; Stop keeps the picture so far,
and Keep puts a picture beside those that come next. Both paint only where the brush
was. Of a film that is uploaded, Paint has the fast network paint the first seconds.
"""

import base64
import contextlib
import html
import io
import tempfile
import threading
from pathlib import Path

import numpy as np

from nst_tf import ffmpeg
from nst_tf.brush import Brush, widgets
from nst_tf.fast import (
    blended,
    fast_style_transfer,
    fast_styles,
    predict_style,
    style_vector,
)
from nst_tf.features import layer_names
from nst_tf.figures import curves_as_png
from nst_tf.images import load_image, to_pil
from nst_tf.optimizers import OPTIMIZERS
from nst_tf.settings import INITS
from nst_tf.targets import STYLE_LAYERS
from nst_tf.transfer import style_transfer
from nst_tf.video import film as nst_film

DEFAULTS = style_transfer.__kwdefaults__
OWN = "your own picture"
PREDICTED = "the painting's"
FAST_SIZE = 512  # pixels of the picture in a second
FILM_SIZE, FILM_SECONDS = 320, 10  # of a film, at most
SIZES = (96, 128, 192, 256, 384, 512)
# Round numbers only, as the legend of the curves shows them: 1, 2, 5, 10 ...
ALPHAS = (*(float(f"{n}e{k}") for k in range(-4, 0) for n in (1, 2, 5)), 1.0)
TV_WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
# In units of the window's height (vh), so that a projector shows all without scrolling.
CSS = """<style>
.nst img, .nst video { display: block; width: 100%; border-radius: 4px;
           object-fit: contain; object-position: left top; }
.nst-preview img { max-height: 13vh; }
.nst-picture img, .nst-picture video { max-height: 40vh; }
.nst-curves img { max-height: 28vh; }
.nst-brush { width: auto; height: auto; max-width: 100%; max-height: 36vh;
             align-self: flex-start; touch-action: none; cursor: crosshair; }
.nst .widget-html-content { line-height: 1.35; }
.nst .nst-settings .widget-html-content { font-size: 12px; line-height: 1.25; }
.nst .nst-title { min-height: 2.7em; }
.nst .jupyter-button { min-height: 2.4em; width: auto; flex: 1 1 auto; }
.nst a { color: inherit; text-decoration: underline; }
</style>"""


# What is shown, as HTML: an image widget has no alt text.


def _png(image):
    file = io.BytesIO()
    to_pil(image).save(file, "PNG")
    return file.getvalue()


def _saved(result):
    """The PNG of a `Result` that keeps its settings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nst_tf.png"
        result.save(path)
        return path.read_bytes()


def _address(png):
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _img(png, alt):
    return f'<img src="{_address(png)}" alt="{html.escape(alt)}" decoding="sync">'


def _link(result):
    """A link that holds the picture itself."""
    return (
        f'<a download="nst_tf.png" href="{_address(_saved(result))}">'
        "Download the picture</a>"
    )


def _film_link(film):
    data = base64.b64encode(film.path.read_bytes()).decode()
    address = f"data:video/mp4;base64,{data}"
    return f'<a download="nst_tf.mp4" href="{address}">Download the film</a>'


def _problem(error):
    return f'<span style="color: #e53935">{html.escape(str(error))}</span>'


def _in_words(value):
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _alive(thread):
    return thread is not None and thread.is_alive()


# What can be chosen


class _Picker:
    """A picture from a list, or an upload; with a preview."""

    def __init__(self, title, pictures):
        self.title = title
        self.pictures = {path.stem.replace("_", " "): path for path in pictures}
        self.choice = widgets.Dropdown(
            options=[*self.pictures, OWN],
            description=title,
            style={"description_width": "4.5em"},
            layout={"width": "auto"},
        )
        self.upload = widgets.FileUpload(
            accept="image/*,video/*", description="Upload", layout={"width": "auto"}
        )
        self.view = widgets.HTML().add_class("nst-preview")
        self._vector = None
        self.choice.observe(self._show, "value")
        self.upload.observe(self._uploaded, "value")
        parts = [self.choice, self.upload, self.view]
        self.panel = widgets.VBox(parts, layout={"width": "180px"})
        self._show()

    def name(self):
        """What the picture is called: of an upload, the name of its file."""
        if self.choice.value == OWN and self.upload.value:
            return self.upload.value[-1]["name"]
        return self.choice.value

    def source(self):
        """What `load_image` takes, or a `ValueError` for the page."""
        if self.choice.value != OWN:
            return self.pictures[self.choice.value]
        if not self.upload.value:
            raise ValueError("First choose a file with the Upload button.")
        if self.is_film():
            with self.file() as path:
                return _first_frame(path)
        return io.BytesIO(bytes(self.upload.value[-1]["content"]))

    def is_film(self):
        """Whether it is the upload of a film."""
        if self.choice.value != OWN or not self.upload.value:
            return False
        return self.upload.value[-1]["type"].startswith("video/")

    @contextlib.contextmanager
    def file(self):
        """The upload as a file, for a while."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "upload"
            path.write_bytes(bytes(self.upload.value[-1]["content"]))
            yield path

    def vector(self):
        """Its style, as the fast network predicts it; once for each picture."""
        if self._vector is None:
            self._vector = predict_style(self.source())
        return self._vector

    def _uploaded(self, _):
        if self.upload.value:
            self.choice.value = OWN
            self._show()

    def _show(self, *_):
        self._vector = None
        try:
            preview = _png(load_image(self.source(), 320))
            self.view.value = _img(preview, f"{self.title}: {self.name()}")
        except (ValueError, ImportError) as error:
            self.view.value = _problem(error)


def _first_frame(path):
    """`(H, W, 3)` uint8."""
    clip = ffmpeg.look(path)
    return next(ffmpeg.frames(clip, clip.shape, clip.rate, count=1))


def _knob(kind, words, value, **options):
    looks = {"style": {"description_width": "8em"}, "layout": {"width": "auto"}}
    return kind(value=value, description=words, **options, **looks)


def _slider(words, values, value):
    """Over numbers that are given one by one."""
    labelled = [(_in_words(v), v) for v in values]
    return _knob(widgets.SelectionSlider, words, value, options=labelled)


def _choice(words, values, value):
    return _knob(widgets.Dropdown, words, value, options=values)


def _knobs(network):
    """The settings that the page offers: `{name: widget}`."""
    layers = layer_names(network)
    firsts = [layer for layer in layers if layer.endswith("conv1")]
    return {
        "content_weight": _slider("alpha / beta", ALPHAS, DEFAULTS["content_weight"]),
        "tv_weight": _slider("total variation", TV_WEIGHTS, DEFAULTS["tv_weight"]),
        "content_layers": _choice("content layer", layers, DEFAULTS["content_layers"]),
        "style_layers": _knob(
            widgets.SelectMultiple, "style layers", STYLE_LAYERS, options=firsts, rows=5
        ),
        "size": _slider("size", SIZES, 256),
        "steps": _knob(widgets.IntSlider, "steps", 60, min=5, max=300, step=5),
        "optimizer": _choice("optimizer", sorted(OPTIMIZERS), DEFAULTS["optimizer"]),
        "init": _choice("start", INITS, DEFAULTS["init"]),
    }


def _fast_knobs():
    """The knobs of the fast network: `{name: widget}`."""
    styles = {PREDICTED: PREDICTED}
    styles |= {name.replace("_", " "): name for name in fast_styles()}
    options = list(styles.items())
    share = {"min": 0.0, "max": 1.0, "step": 0.05, "readout_format": ".2f"}
    return {
        "style": _choice("style", options, PREDICTED),
        "second": _choice("second style", options, PREDICTED),
        "share": _knob(widgets.FloatSlider, "of the second", 0.0, **share),
        "strength": _knob(widgets.FloatSlider, "strength", 1.0, **share),
    }


# What came of it


class _Painted:
    """A picture and its curves, under what was guessed and above what was asked for."""

    def __init__(self, name):
        self.name = name
        parts = ("title", "picture", "curves", "settings")
        self.parts = {part: widgets.HTML().add_class(f"nst-{part}") for part in parts}
        self.panel = widgets.VBox([*self.parts.values()], layout={"flex": "1 1 260px"})
        self.clear()

    def clear(self):
        """Shows nothing."""
        self.asked, self.guess = {}, ""
        for part in self.parts.values():
            part.value = ""

    def show(self, result, asked, guess):
        """Shows a `Result`, and what it was asked for: `{words: value}`."""
        self.asked, self.guess = asked, guess
        steps, totals = len(result.history["step"]), result.history["total"]
        named = asked.get("style", PREDICTED) != PREDICTED
        model = asked["style"] if named else asked["Painting"]
        words = f"{asked['Photo']}, painted like {model}"
        curves = ""
        if steps:
            words += f", after {steps} steps"
            fall = f"the total goes from {totals[0]:.3g} to {totals[-1]:.3g}"
            alt = f"Loss curves of {steps} steps: {fall}"
            curves = _img(curves_as_png(result), alt)
        self.parts["picture"].value = _img(_png(result.image), words)
        self.parts["curves"].value = curves
        settings = "; ".join(map(" ".join, asked.items()))
        self.parts["settings"].value = html.escape(settings)

    def show_film(self, film, asked, guess):
        """Shows a `Film`, and what it was asked for."""
        self.asked, self.guess = asked, guess
        self.parts["picture"].value = film._repr_html_()
        self.parts["curves"].value = ""
        settings = "; ".join(map(" ".join, asked.items()))
        self.parts["settings"].value = html.escape(settings)

    def take(self, other):
        """Shows what another shows, which has nothing to show from then on."""
        self.asked, self.guess = other.asked, other.guess
        for name, part in self.parts.items():
            part.value = other.parts[name].value
        other.clear()

    def compare(self, other):
        """Says above it which settings differ from the other's, and the guess."""
        if not self.asked:
            return
        different = [
            f"{name} {value}"
            for name, value in self.asked.items()
            if other.asked.get(name, value) != value
        ]
        title = f"{self.name}: {'; '.join(different)}" if different else self.name
        guess = f"<br>Guess: <i>{html.escape(self.guess)}</i>" if self.guess else ""
        self.parts["title"].value = f"<b>{html.escape(title)}</b>{guess}"


class Playground(widgets.VBox):
    """Two pictures, the knobs, the picture that they make, and one to compare it with.

    Args:
        contents: paths of photographs to choose from.
        styles: paths of paintings.
        network: as in `style_transfer`.
    """

    def __init__(self, contents, styles, network="vgg19_slim"):
        self.network, self.result = network, None
        self._stopping, self._thread, self._notes, self._runs = False, None, None, 0
        self._lock, self._wanted, self._looking = threading.Lock(), False, None
        self._fast = None, None  # the photograph's name, and its picture
        self.content = _Picker("Photo", contents)
        self.style = _Picker("Painting", styles)
        self.knobs, self.fast_knobs = _knobs(network), _fast_knobs()
        self.brush = Brush(np.ones((240, 360, 3)))
        self._new_photo()
        for knob in (self.content.choice, self.content.upload):
            knob.observe(lambda _: self._new_photo(), "value")
        for knob in (
            *self.fast_knobs.values(),
            *(p.choice for p in (self.content, self.style)),
            *(p.upload for p in (self.content, self.style)),
        ):
            knob.observe(lambda _: self.look(), "value")
        self.brush.observe(lambda _: self.look(), "mask")
        self.guess = _knob(
            widgets.Text, "your guess", "", placeholder="What will the picture be like?"
        )
        self._make_buttons()
        self.progress = widgets.IntProgress(min=0, max=1, layout={"width": "auto"})
        self.status = widgets.HTML(
            "Choose, move a knob: a picture in a second. Or guess, and press Paint."
        )
        self.kept, self.now = _Painted("Kept"), _Painted("Now")
        self.kept.panel.layout.display = "none"
        super().__init__([widgets.HTML(CSS), self._page()])
        self.add_class("nst")

    def _make_buttons(self):
        self.paint = widgets.Button(description="Paint", button_style="primary")
        self.stop = widgets.Button(description="Stop", disabled=True)
        self.keep = widgets.Button(description="Keep", disabled=True)
        self.paint.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._ask_to_stop())
        self.keep.on_click(lambda _: self._keep())

    def _page(self):
        """What to choose on the left, what comes of it on the right."""
        wrapped = {"flex_flow": "row wrap"}
        pickers = widgets.HBox([self.content.panel, self.style.panel], layout=wrapped)
        buttons = widgets.HBox([self.paint, self.stop, self.keep])
        tabs = [widgets.VBox([*k.values()]) for k in (self.fast_knobs, self.knobs)]
        titles = ["In a second", "Step by step", "Where"]
        knobs = widgets.Tab([*tabs, self.brush], titles=titles)
        left = widgets.VBox(
            [pickers, knobs, self.guess, buttons, self.progress, self.status],
            layout={"flex": "1 1 300px", "max_width": "400px"},
        )
        right = widgets.HBox(
            [self.kept.panel, self.now.panel],
            layout=wrapped | {"flex": "2 1 560px", "grid_gap": "1em"},
        )
        return widgets.Box([left, right], layout=wrapped | {"grid_gap": "1em"})

    def _asked(self, knobs):
        """What the page asks for, in its own words: `{words: value}`."""
        asked = {"Photo": self.content.name(), "Painting": self.style.name()}
        asked |= {k.description: _in_words(k.value) for k in knobs.values()}
        where = "everywhere" if self.brush.mask is None else "where the brush was"
        return asked | {"painted": where}

    def _new_photo(self):
        with contextlib.suppress(ValueError, ImportError):  # of which its picker tells
            self.brush.show(self.content.source())

    # The picture in a second

    def look(self):
        """Paints with the fast network; if it is painting, as soon as that is done."""
        if _alive(self._thread):
            return
        with self._lock:
            self._wanted = True
            if not _alive(self._looking):
                self._looking = threading.Thread(target=self._looks, daemon=True)
                self._looking.start()

    def _looks(self):
        while True:
            with self._lock:
                if not self._wanted:
                    self._looking = None
                    return
                self._wanted = False
            try:
                self._look()
            except Exception as error:  # the page is the only place to say it
                self.status.value = _problem(error)

    def _look(self):
        photo, knobs, runs = self.content.source(), self.fast_knobs, self._runs
        picture = fast_style_transfer(
            photo,
            self._vector(),
            size=FAST_SIZE,
            strength=knobs["strength"].value,
            content_masks=self.brush.mask,
        )
        if self._runs > runs:  # one has begun meanwhile, and shows its own picture
            return
        self.result, self._fast = picture, (self.content.name(), picture.image)
        self.now.show(picture, self._asked(knobs), self.guess.value)
        self._name_both()
        self.knobs["init"].value = "fast"
        self.keep.disabled = False
        self.status.value = f"{_link(picture)}; Paint goes on from there."

    def _vector(self):
        """The style that the knobs of the fast network ask for."""
        first, second, share = (
            self.fast_knobs[name].value for name in ("style", "second", "share")
        )
        vectors = [
            self.style.vector() if style == PREDICTED else style_vector(style)
            for style in ([first, second] if share else [first])
        ]
        return blended(vectors, [1 - share, share][: len(vectors)])

    # The run

    def start(self):
        """Paints, in a thread of its own, with the knobs as they are now."""
        if _alive(self._thread):
            return
        settings = {name: knob.value for name, knob in self.knobs.items()}
        run, knobs = self._run, self.knobs
        photo, picture = self._fast
        if settings["init"] == "fast" and photo == self.content.name():
            settings["init"] = picture
        settings["content_masks"] = self.brush.mask
        try:
            pictures = self.content.source(), self.style.source()
            if self.content.is_film():
                run, pictures, knobs = self._run_film, (), self.fast_knobs
                settings = {"style": self._vector(), "content_masks": self.brush.mask}
        except (ValueError, ImportError) as error:
            self.status.value = _problem(error)
            return
        self._stopping = False
        with self._lock:
            self._runs, self._wanted = self._runs + 1, False
        self._allow(paint=False, stop=True, keep=False)
        self.progress.max, self.progress.value = self.knobs["steps"].value, 0
        self.status.value = "Loading the network ..."
        self._notes = self._asked(knobs), self.guess.value
        self._thread = threading.Thread(
            target=self._guarded, args=(run, *pictures), kwargs=settings, daemon=True
        )
        self._thread.start()

    def _allow(self, **buttons):
        for name, allowed in buttons.items():
            getattr(self, name).disabled = not allowed

    def _ask_to_stop(self):
        self._stopping = True
        self.status.value = "Stopping ..."

    def _guarded(self, run, *pictures, **settings):
        """A run, however it ends."""
        try:
            run(*pictures, **settings)
        except KeyboardInterrupt:  # stopped before there was anything to show
            self.status.value = "Stopped."
        except Exception as error:  # the page is the only place to say it
            self.status.value = _problem(error)
        finally:
            self._allow(paint=True, stop=False, keep=bool(self.now.asked))

    def _run(self, *pictures, **settings):
        self.result = style_transfer(
            *pictures, **settings, network=self.network, callbacks=self._step
        )
        self._show(self.result)
        self._finish()

    def _run_film(self, style, content_masks):
        with self.content.file() as path:
            film = nst_film(
                path,
                style,
                path.with_name("nst_tf.mp4"),
                size=FILM_SIZE,
                end=FILM_SECONDS,
                strength=self.fast_knobs["strength"].value,
                content_masks=content_masks,
                callback=self._frame,
            )
            self.now.show_film(film, *self._notes)
            link = _film_link(film)
        self._name_both()
        done = "Done" if film.complete else "Stopped"
        self.status.value = f"{done} after {film.frames} frames. {link}"

    def _frame(self, done, total):
        self.progress.max, self.progress.value = total, done
        self.status.value = f"Frame {done} of {total}"
        if self._stopping:
            raise KeyboardInterrupt

    def _step(self, result):
        steps = self.progress.value = len(result.history["step"])
        if steps <= 3 or steps % 5 == 0:
            self._show(result)
        if self._stopping:
            raise KeyboardInterrupt

    def _show(self, result):
        self.now.show(result, *self._notes)
        self._name_both()
        total = result.history["total"][-1]
        self.status.value = f"Step {self.progress.value}: total loss {total:.4g}"

    def _finish(self):
        """Says that it is done."""
        done = "Done" if self.result.complete else "Stopped"
        seconds = self.result.history["seconds"][-1]
        self.status.value = (
            f"{done} after {self.progress.value} steps, {seconds:.0f} s. "
            f"{_link(self.result)}"
        )

    def _keep(self):
        """Puts the picture beside those that come next."""
        self.kept.take(self.now)
        self.kept.panel.layout.display = ""
        self.keep.disabled = True
        self.guess.value = ""
        self._name_both()

    def _name_both(self):
        self.kept.compare(self.now)
        self.now.compare(self.kept)


def pictures(folder):
    """The pictures of a folder, by name."""
    return sorted(p for p in Path(folder).glob("*.*") if p.suffix in (".jpg", ".png"))
