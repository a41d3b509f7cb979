"""One photo, one answer: from the app, the command, Keras and every exported file."""

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from scenes.export import check, saved_model
from scenes.images import decode
from scenes.models import cnn, store
from scenes.serving import classifier
from tests.code_facts import ROOT
from tests.helpers import small_model
from tests.helpers.pictures import encode, picture
from tests.helpers.small_model import DESCRIPTION, SIDE

pytestmark = pytest.mark.usefixtures("deterministic")
TOLERANCE = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["export"]["tolerance"]
SHAPES = [(2 * SIDE, 2 * SIDE), (SIDE, SIDE), (40, 500), (500, 40), (20, 13), (150, 113), (1200, 1600)]  # width, height
GREY = Image.fromarray(picture(20, 150, 113)).convert("L")
PHOTOS = [
    *(encode(picture(seed, *shape), quality=90) for seed, shape in enumerate(SHAPES)),
    *(encode(picture(seed, *shape), "PNG") for seed, shape in enumerate(SHAPES, 10)),
    encode(picture(21, 90, 60), quality=90, progressive=True),
    encode(GREY, quality=90),
    encode(GREY, "PNG"),
    encode(Image.fromarray(picture(22, 90, 60)).convert("P"), "PNG"),
    encode(Image.fromarray(picture(23, 90, 60)).convert("CMYK")),
    encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)), "PNG"),
]


def trained() -> keras.Model:
    """A network that has learned which colour a picture has most of."""
    images = np.stack([picture(seed, SIDE, SIDE) for seed in range(100, 196)])
    known = np.eye(3)[images.mean(axis=(1, 2)).argmax(axis=1)]
    keras.utils.set_random_seed(0)
    body = cnn.penultimate(cnn.build((SIDE, SIDE, 3), 3, filters=[8, 16], dropout=0.0))
    network = small_model.classifier(body.input, body.output)
    network.compile(keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
    network.fit(images, known, batch_size=16, epochs=8, verbose=0)
    assert (network.predict_on_batch(images).argmax(axis=1) == known.argmax(axis=1)).mean() > 0.8
    return network


@pytest.fixture(scope="module", params=["a small model", "the model in production"])
def model(request, tmp_path_factory, deterministic):
    """The classifier of a folder as `select` writes it, and the folder of its exports."""
    folder, exports = (tmp_path_factory.mktemp(name) for name in ("production", "exports"))
    if request.param == "a small model":
        store.save_production(folder, trained(), DESCRIPTION)
    elif (ROOT / "models/production/model.keras").is_file():
        folder = ROOT / "models/production"
    else:
        pytest.skip("there is no models/production")
    check.save(exports, list(check.PATHS), *store.load_production(folder))
    return classifier.from_folder(folder), exports


@pytest.fixture(scope="module")
def prepared(model) -> np.ndarray:
    """The photos as the app and the command prepare them."""
    return np.stack([model[0].prepare(decode.decode(data, max_pixels=10_000_000).pixels) for data in PHOTOS])


@pytest.fixture(scope="module")
def expected(model, prepared) -> np.ndarray:
    """The probabilities that app and command give, which are not all the same."""
    probabilities = np.stack([answer.probabilities for answer in model[0].predict(prepared)])
    assert np.ptp(probabilities, axis=0).max() > 0.1
    return probabilities


@pytest.mark.parametrize("name", ["keras", "saved_model", "litert", "onnx"])
def test_from_pixels(name, model, prepared, expected):
    network, exports = model[0].network, model[1]
    if name == "keras":
        found = network.predict_on_batch(prepared)
    elif name == "saved_model":
        found = saved_model.load(exports / check.PATHS[name], saved_model.PIXELS)(prepared)["probabilities"]
    else:
        found = check.load(exports, name, threads=2)(prepared)["probabilities"]
    check.compare(name, found, expected, tolerance=TOLERANCE)


def test_from_files(model, expected):
    classify, exports = model
    found = check.load(exports, "saved_model", threads=2)(PHOTOS)
    check.compare("saved_model", found["probabilities"], expected, tolerance=TOLERANCE)
    names = [classify.classes[index].encode() for index in expected.argmax(axis=1)]
    assert list(found["class"]) == names
