"""How much GPU memory fine-tuning needs, calculated from the network; nothing here was measured on a GPU.

    python benchmarks/memory.py                                      # the table of docs/gpu.md
    python benchmarks/memory.py --backbone EfficientNetV2L [--side 384] [--batch-size 16] [--accumulation 2]
        [--blocks 0] [--bytes 2]                                     # one network, in parts

An upper bound, the sum of:

- the weights, and a copy of them in the precision of the activations;
- their gradients, AdamW's two moments and the gradients of earlier batches of a step, 4 bytes a number each;
- the outputs of every layer of the backward pass, as if none were freed or fused, at the bytes of the precision (2 in
  mixed_bfloat16 and mixed_float16, 4 in float32);
- the gradients with respect to the input and the output of the largest layer, 4 bytes a number, because batch
  normalisation computes in float32.

CUDA, cuDNN's workspace and fragmentation take ``RESERVED`` more.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

GIB = 2**30
RESERVED = 2 * GIB
CARDS = (8, 16, 24, 80)  # GiB
STEP = 32  # images
ROWS = (
    ("EfficientNetLite0", 224),
    ("EfficientNetV2B0", 224),
    ("EfficientNetV2S", 384),
    ("EfficientNetV2L", 384),
    ("EfficientNetV2L", 480),
)


class Needs(NamedTuple):
    """Numbers that a training holds.

    Attributes:
        weights: of the network.
        trained: those of them that are trained.
        stored: outputs of all layers of the backward pass, of one image.
        largest: output of the largest of these layers, of one image.
    """

    weights: int
    trained: int
    stored: int
    largest: int

    def parts(self, batch_size: int, *, accumulation: int, size: int) -> dict[str, int]:
        """Return the bytes by what they hold; ``size`` is that of an activation."""
        return {
            "weights": 4 * self.weights,
            "weights in the precision of the activations": size * self.weights,
            "gradients and AdamW's moments": 3 * 4 * self.trained,
            "gradients of earlier batches of a step": 4 * self.trained * (accumulation > 1),
            "activations": batch_size * self.stored * size,
            "gradients of the largest activation": batch_size * self.largest * 2 * 4,
        }


def needs(name: str, image_size: int, blocks: int | None = None) -> Needs:
    """Build a backbone and count; ``blocks``: see ``scenes.backbones.finetuning.unfreeze``."""
    import keras
    import numpy as np

    from scenes.backbones import backbone, finetuning

    network = backbone.build(name, image_size)
    finetuning.unfreeze(network, blocks)
    first = next(index for index, layer in enumerate(network.layers) if layer.trainable and layer.trainable_variables)
    outputs = [
        sum(int(np.prod(tensor.shape[1:])) for tensor in keras.tree.flatten(layer.output))
        for layer in network.layers[first:]
    ]
    weights, trained = (
        sum(int(np.prod(variable.shape)) for variable in variables)
        for variables in (network.variables, network.trainable_variables)
    )
    return Needs(weights, trained, sum(outputs), max(outputs))


def largest_batch(needed: Needs, card: int) -> int | None:
    """Return the largest power of two up to ``STEP`` that fits ``card`` GiB in mixed precision; None if 1 does not."""
    for batch_size in (2**power for power in range(STEP.bit_length() - 1, -1, -1)):
        parts = needed.parts(batch_size, accumulation=STEP // batch_size, size=2)
        if sum(parts.values()) + RESERVED <= card * GIB:
            return batch_size
    return None


def row(name: str, image_size: int) -> str:
    """Return the row of a backbone in the table, as Markdown."""
    needed = needs(name, image_size)
    batches = [largest_batch(needed, card) for card in CARDS]
    cells = [f"{batch_size} x {STEP // batch_size}" if batch_size else "no" for batch_size in batches]
    return f"| {name}, {image_size} px | {' | '.join(cells)} |"


def table() -> list[str]:
    """Return the lines of the table, as Markdown."""
    header = [
        f"| batch_size x gradient_accumulation | {' | '.join(f'{card} GB' for card in CARDS)} |",
        f"|---|{'---|' * len(CARDS)}",
    ]
    return header + [row(*each) for each in ROWS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", help="calculate this one alone")
    parser.add_argument("--side", type=int, default=384, help="pixels (default: 384)")
    parser.add_argument("--batch-size", type=int, default=16, help="images (default: 16)")
    parser.add_argument("--accumulation", type=int, default=2, help="batches a step (default: 2)")
    parser.add_argument("--blocks", type=int, default=0, help="blocks that are trained, from the end; 0: all (default)")
    parser.add_argument("--bytes", type=int, default=2, help="of an activation (default: 2)")
    arguments = parser.parse_args()
    if arguments.backbone is None:
        print("\n".join(table()))
        return
    needed = needs(arguments.backbone, arguments.side, arguments.blocks or None)
    parts = needed.parts(arguments.batch_size, accumulation=arguments.accumulation, size=arguments.bytes)
    print(
        f"{arguments.backbone} at {arguments.side} px, batch {arguments.batch_size}, "
        f"{needed.trained / 1e6:.1f} of {needed.weights / 1e6:.1f} million weights trained"
    )
    for name, size in [*parts.items(), ("in all", sum(parts.values()))]:
        print(f"{size / GIB:7.2f} GiB  {name}")


if __name__ == "__main__":
    main()
