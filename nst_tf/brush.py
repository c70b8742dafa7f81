"""A mask that is painted with the mouse; the only file that knows ipycanvas.

    from nst_tf.brush import Brush

    brush = Brush("photo.jpg")  # a photograph to paint on, in a notebook
    nst.style_transfer("photo.jpg", "painting.jpg", content_masks=brush.mask)

A stroke follows the mouse, or a finger. When it ends, what is not painted lies under a
veil.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from nst_tf.images import Picture, load_image, to_pil

try:
    import ipywidgets as widgets
    import traitlets
    from ipycanvas import MultiCanvas
except ImportError as error:
    raise ImportError(
        'the playground needs its extra: `pip install "nst_tf[playground]"`'
    ) from error

SIDE = 360  # pixels of the canvas's long edge
SOFT = 0.01  # of that edge: how far a stroke fades
VEIL = 170  # of 255: how dark it is
WET = "rgba(255, 214, 0, 0.6)"  # a stroke that has not ended yet


class Brush(widgets.VBox):
    """A photograph to paint a mask on.

    Args:
        photo: as `load_image` takes it.

    Attributes:
        mask: `(H, W)` float32 in [0, 1] in the photograph's proportions; None while
            nothing is painted. It can be observed.
    """

    mask = traitlets.Any(None, allow_none=True)

    def __init__(self, photo: Picture):
        looks = {"style": {"description_width": "8em"}, "layout": {"width": "auto"}}
        self.size = widgets.IntSlider(
            12, min=2, max=40, description="brush, in %", **looks
        )
        self.erase, self.others = (
            widgets.Checkbox(
                False, description=words, indent=False, layout={"width": "auto"}
            )
            for words in ("erase", "all but this")
        )
        self.clear = widgets.Button(description="Clear")
        self.canvas = MultiCanvas(2).add_class("nst-brush")
        self._last = None  # where the stroke is; None between strokes
        self.show(photo)

        self.canvas.on_client_ready(self._redraw)
        self.canvas.on_mouse_down(self._begin)
        self.canvas.on_mouse_move(self._move)
        self.canvas.on_mouse_up(self._end)
        self.canvas.on_mouse_out(self._end)
        self.canvas.on_touch_start(lambda touches: self._begin(*touches[0]))
        self.canvas.on_touch_move(lambda touches: self._move(*touches[0]))
        self.canvas.on_touch_end(lambda _: self._end())
        self.canvas.on_touch_cancel(lambda _: self._end())
        self.others.observe(lambda _: self._update(), "value")
        self.clear.on_click(lambda _: self._clear())
        choices = widgets.HBox([self.erase, self.others, self.clear])
        super().__init__([self.canvas, self.size, choices])

    def show(self, photo: Picture) -> None:
        """Takes another photograph, on which nothing is painted yet.

        Raises:
            ValueError: not a picture.
        """
        self._photo = to_pil(load_image(photo, SIDE)[0])
        self.canvas.width, self.canvas.height = self._photo.size
        self._clear()

    # Strokes

    def _begin(self, x, y):
        self._last = x, y
        self._move(x, y)

    def _move(self, x, y):
        if self._last is None:
            return
        width = self._width()
        draw = ImageDraw.Draw(self._strokes)
        color = 0 if self.erase.value else 255
        draw.line([self._last, (x, y)], color, round(width))
        draw.circle((x, y), width / 2, color)
        wet = self.canvas[1]
        wet.stroke_style, wet.line_width, wet.line_cap = WET, width, "round"
        wet.stroke_line(*self._last, x, y)
        self._last = x, y

    def _end(self, *_):
        if self._last is not None:
            self._last = None
            self._update()

    def _width(self):
        return self.size.value / 100 * max(self._photo.size)

    def _clear(self):
        self._strokes = Image.new("L", self._photo.size)
        self._update()

    # What they make

    def _update(self):
        """Makes the mask of all strokes, and shows it."""
        mask = None
        if self._strokes.getbbox():
            soft = ImageFilter.GaussianBlur(SOFT * max(self._photo.size))
            mask = np.asarray(self._strokes.filter(soft), "float32") / 255
            mask = 1 - mask if self.others.value else mask
        self.mask = mask
        self._redraw()

    def _redraw(self):
        below, above = self.canvas[0], self.canvas[1]
        below.put_image_data(np.asarray(self._photo))
        above.clear()
        if self.mask is not None:
            veil = np.zeros((*self.mask.shape, 4), "uint8")
            veil[..., 3] = VEIL * (1 - self.mask)
            above.put_image_data(veil)
