"""In which number format a network computes. Weights are kept, and models written, in float32 whatever it is."""


def use(precision: str) -> str:
    """Set Keras' policy for the layers built from now on.

    Args:
        precision: ``float32``, ``mixed_bfloat16``, ``mixed_float16``, or ``auto``: bfloat16 on GPUs that compute in it
            (compute capability 8.0, Ampere, and later), float16 on those with tensor cores for it only (7.0), float32
            elsewhere.

    Returns:
        The name of the policy.

    Source: https://www.tensorflow.org/guide/mixed_precision, https://developer.nvidia.com/cuda-gpus
    """
    import keras

    policy = automatic(_capabilities()) if precision == "auto" else precision
    keras.config.set_dtype_policy(policy)
    return policy


def automatic(capabilities: list[tuple[int, int]]) -> str:
    """Return the policy for GPUs of these compute capabilities: what the weakest of them does fast."""
    weakest = min(capabilities, default=(0, 0))
    if weakest >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if weakest >= (7, 0) else "float32"


def _capabilities() -> list[tuple[int, int]]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return [tuple(detail.get("compute_capability", (0, 0))) for detail in details]
