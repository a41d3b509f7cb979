"""The library: archives, splits, records, models and metrics.

Its functions take values and paths and return values. Only stages, commands, experiments and the app know params.yaml
and where files are.
"""

import os

if "SCENES_CODE" in os.environ:  # a stage started this process, and may only run the code that its file lists
    from scenes.provenance.code import guard_this_process

    guard_this_process()
