"""What moved between two frames, and how far that can be trusted.

Optical flow is OpenCV's (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse
Search"); the only file that knows OpenCV. A flow is trusted where it and the flow back
agree (Ruder et al. 2016, eq. 5) and where the moved frame looks like the new one (Lai
et al. 2018).
"""

import numpy as np

ALIKE = 50.0  # Lai et al.: the weight of a squared difference of colours
AROUND = 4.0  # pixels: how far contrast is looked for
MOST_GAIN = 2.0


def opencv():
    """The module `cv2`, or an `ImportError` that says what to install."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "steady films need OpenCV: `pip install opencv-python-headless`; with "
            "steady=0 they do not"
        ) from error
    return cv2


def grey(frame):
    """`(H, W, 3)` uint8 -> `(H, W)` uint8."""
    cv2 = opencv()
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def flow(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where each pixel of a frame is in another one.

    Args:
        frame, other: `(H, W)` uint8, see `grey`; at least 12 x 12.

    Returns:
        `(H, W, 2)` float32: to the right and down, in pixels.
    """
    cv2 = opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return search.calc(frame, other, None)


def moved(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """An image seen through a flow: at each pixel, what the flow points at.

    Args:
        image: `(H, W)` or `(H, W, C)` float32.
        flow: `(H, W, 2)`.

    Returns:
        As the image; beyond the border it is mirrored.
    """
    cv2 = opencv()
    height, width = flow.shape[:2]
    place = np.array(flow, "float32")
    place[..., 0] += np.arange(width)
    place[..., 1] += np.arange(height)[:, None]
    return cv2.remap(image, place, None, cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT)


def trust(there: np.ndarray, back: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """How far a flow can be trusted, at each pixel.

    Args:
        there: the flow from a frame to the one before, `(H, W, 2)`.
        back: the flow from that one to the frame.
        difference: the frame less the moved one before, `(H, W, 3)`, in [-1, 1].

    Returns:
        `(H, W, 1)` float32 in [0, 1]: 0 where something comes into sight.
    """
    back = moved(back, there)
    agree = _squared(there + back) < 0.01 * (_squared(there) + _squared(back)) + 0.5
    alike = np.exp(-ALIKE / 3 * _squared(difference))
    return (agree * alike).astype("float32")[..., None]


def _squared(vectors):
    """The squared lengths of vectors, `(H, W, C)` -> `(H, W)`."""
    return np.einsum("hwc,hwc->hw", vectors, vectors)


def with_contrast_of(mixed: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A mean of several images, as rich in contrast as one of them, place by place.

    Strokes that differ make a mean that is flatter than each.

    Args:
        mixed, image: `(H, W, 3)` float32.

    Returns:
        `(H, W, 3)` in [0, 1].
    """
    mean, deviation = _local(mixed)
    _, wanted = _local(image)
    gain = np.clip(wanted / (deviation + 1e-3), 1.0, MOST_GAIN)
    return (mean + gain * (mixed - mean)).clip(0, 1)


def _local(image):
    """Mean `(H, W, 3)` and deviation `(H, W, 1)` around each place."""
    cv2 = opencv()
    mean = cv2.GaussianBlur(image, None, AROUND)
    variance = cv2.GaussianBlur(_squared(image - mean) / 3, None, AROUND)
    return mean, np.sqrt(variance)[..., None]
