"""The library: what an archive, a split, a record, a model and a metric *is*.

Functions here take values and paths and return values. They never open params.yaml and never know
where in the repository a file lives: that is the business of the modules in ``stages/``.
"""

import os

if "SCENES_CODE" in os.environ:  # this process was started by a stage, which may run only the code that its file names
    from scenes.provenance.code import guard_this_process

    guard_this_process()
