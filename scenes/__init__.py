"""The library: what an archive, a split, a record, a model and a metric *is*.

Functions here take values and paths and return values. They never open params.yaml and never know
where in the repository a file lives: that is the business of the modules in ``stages/``.
"""
