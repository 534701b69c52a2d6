"""What trainings need, asked for before anything is read."""

from __future__ import annotations


def need_training() -> None:
    """Say at once what is not installed.

    Raises:
        MissingDependency: A package of the extra is not there.
    """
    from tersely._optional import need

    for package in ("torch", "transformers", "scipy"):
        need(package, extra="train")
