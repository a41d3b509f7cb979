"""How much GPU memory fine-tuning needs, calculated from the network.

    python benchmarks/memory.py [--backbone EfficientNetV2L] [--side 384] [--batch-size 16] [--blocks 0] [--bytes 2]

An upper bound, calculated without a GPU: weights, gradients and AdamW's two moments at 4 bytes per number, and the
outputs of every layer of the backward pass, as if none were freed or fused, at the bytes of the precision (2 in
mixed_bfloat16 and mixed_float16, 4 in float32). Leave 2 GiB more for CUDA, cuDNN and fragmentation.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="EfficientNetV2L")
    parser.add_argument("--side", type=int, default=384, help="pixels (default: 384)")
    parser.add_argument("--batch-size", type=int, default=16, help="images (default: 16)")
    parser.add_argument("--blocks", type=int, default=0, help="blocks that are trained, from the end; 0: all (default)")
    parser.add_argument("--bytes", type=int, default=2, help="per number of an activation (default: 2)")
    arguments = parser.parse_args()

    import keras
    import numpy as np

    from scenes.models import backbone, finetuning

    network = backbone.build(arguments.backbone, arguments.side)
    finetuning.unfreeze(network, arguments.blocks or None)

    def numbers(variables) -> int:
        return sum(int(np.prod(variable.shape)) for variable in variables)

    def outputs(layer) -> int:
        return sum(int(np.prod(tensor.shape[1:])) for tensor in keras.tree.flatten(layer.output))

    trained = numbers(network.trainable_variables)
    layers = network.layers
    first = next(index for index, layer in enumerate(layers) if layer.trainable and layer.trainable_variables)
    stored = sum(outputs(layer) for layer in layers[first:])
    parts = {
        "weights": 4 * numbers(network.variables),
        "weights in the precision of the activations": arguments.bytes * numbers(network.variables),
        "gradients and AdamW's moments": 3 * 4 * trained,
        "activations": arguments.batch_size * stored * arguments.bytes,
    }
    print(
        f"{arguments.backbone} at {arguments.side} px, batch {arguments.batch_size}, "
        f"{trained / 1e6:.1f} of {numbers(network.variables) / 1e6:.1f} million weights trained"
    )
    for name, size in parts.items():
        print(f"{size / 2**30:7.2f} GiB  {name}")
    print(f"{sum(parts.values()) / 2**30:7.2f} GiB  in all")


if __name__ == "__main__":
    main()
