"""A study from the command line: the run store and an embedded worker beside the study's own folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twin.spec.study import Study
from twin.store import RunStore, Settings
from twin.study import StudyProgress, StudyResult, run_study
from worker.doorbell import Doorbell, Submitter
from worker.embedded import EmbeddedWorker


def study_on_worker(study: Study, folder: Path, workers: int | None, resume: bool,
                    on_progress: Callable[[StudyProgress], None]) -> StudyResult:
    """Run the members in parallel processes; rows, messages and log lie in `.twin-store` beside the study's folder
    unless TWIN_DATA_DIR says else."""
    settings = Settings.from_environment(os.environ.get("TWIN_DATA_DIR") or folder.parent / ".twin-store")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = RunStore.open(settings)
    count = workers or study.workers or min(os.cpu_count() or 1, len(study.members))
    submit = Submitter(store, Doorbell(settings))
    with EmbeddedWorker(settings.data_dir, count, settings=settings) as worker:
        return run_study(study, submit, store, folder, on_progress, resume=resume, check=worker.check)
