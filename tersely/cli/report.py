"""What a command does about a mistake: one line on standard error and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tersely.errors import Error

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
BROKEN_PIPE = 141  # and for one whose reader went away, as with `| head`
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def reported() -> Iterator[None]:
    """Turn our errors into `error: message` and an exit code; Ctrl-C, closed pipes, full disks too.

    Anything else is a fault of this program, and its traceback is shown.
    """
    try:
        yield
    except Error as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        _drop_output()
        raise typer.Exit(BROKEN_PIPE) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_output()
        typer.echo(f"error: {error.filename or 'standard output'}: {error.strerror}", err=True)
        raise typer.Exit(1) from error


def _drop_output() -> None:
    """Keep Python from complaining: it flushes standard output once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
