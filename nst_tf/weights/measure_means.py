"""Measures the mean activation of every filter on a folder of photographs.

    python nst_tf/weights/measure_means.py PHOTOS --network vgg19

writes `filter_means.npz` beside this script: one array a layer, for average and for max
pooling, as measured. The file's arrays of other networks are kept.
"""

import argparse
from pathlib import Path

import numpy as np

from nst_tf.features import POOLING, feature_extractor, layer_names, measure_means

FILE = Path(__file__).with_name("filter_means.npz")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of .jpg photographs")
    parser.add_argument("--network", default="vgg19", help="default: %(default)s")
    args = parser.parse_args()

    photos = sorted(args.photos.glob("*.jpg"))
    layers = layer_names(args.network)
    means = dict(np.load(FILE)) if FILE.exists() else {}
    for pooling in POOLING:
        model = feature_extractor(layers, args.network, pooling, normalize=False)
        for name, mean in measure_means(model, photos).items():
            means[f"{args.network}/{pooling}/{name}"] = mean
        print(f"{args.network}, {pooling} pooling: {len(photos)} photographs")
    np.savez_compressed(FILE, **means)


if __name__ == "__main__":
    main()
