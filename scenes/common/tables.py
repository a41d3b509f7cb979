"""Numbers as the metrics files hold them."""

DECIMALS = 6  # beyond these, `dvc metrics diff` would only show noise


def rounded(value):
    """Return nested dicts of plain Python numbers: integers as they are, all else as floats of six decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value if isinstance(value, int) else round(float(value), DECIMALS)
