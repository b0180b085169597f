"""`didomi` against a sandbox: forked where many runs are needed, and as a program of its own where that matters."""

from __future__ import annotations

from job.conftest import api, forker, job, new_job, running_sandbox

__all__ = ["api", "forker", "job", "new_job", "running_sandbox"]
