"""One module per pipeline stage: read params, call ``scenes``, write outputs. Nothing imports a stage."""
