"""The head: two dense layers on a backbone's features."""


def build(features: int, classes: int, *, units: int, dropout: float):
    """Return a Keras model from pooled features to class probabilities.

    The features are standardised first (see :func:`standardise`), so that one learning rate suits any backbone.

    Args:
        features: width of the input.
        classes: number of outputs.
        units: width of the hidden layer.
        dropout: rate before each of the two layers.

    Returns:
        keras.Model: float32 (batch, features) to float32 (batch, classes) that sum to 1.
    """
    import keras
    from keras import layers

    inputs = keras.Input((features,), name="features")
    x = layers.Normalization(name="standardise")(inputs)
    x = layers.Dropout(dropout, name="dropout_a")(x)
    x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout_b")(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="head")


def standardise(model, features) -> None:
    """Set the mean and variance that ``model`` takes off, from the training ``features`` float32 (n, d)."""
    model.get_layer("standardise").adapt(features)
