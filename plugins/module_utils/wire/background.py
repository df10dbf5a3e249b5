# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a thread that may be left behind: getaddrinfo, libkrb5 and others have no time-out of their own."""

from __future__ import annotations

import threading
import time
import typing as t

from ..evidence.base import Unknown
from .deadline import unanswered

T = t.TypeVar("T")


class Late(TimeoutError):
    """The work has not ended in time; it goes on by itself."""


class Background(t.Generic[T]):
    """Runs a function in a daemon thread. Whoever stops waiting simply goes on; the thread ends by itself."""

    def __init__(self, work: t.Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self._error: Exception | None = None
        self._done = threading.Event()
        self._began = time.monotonic()
        threading.Thread(target=self._run, name="winrm.doctor", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except Exception as error:
            # Told to whoever waits, not hidden.
            self._error = error
        finally:
            self._done.set()

    @property
    def done(self) -> bool:
        """True when the work is finished."""
        return self._done.is_set()

    def result(self, seconds: float) -> T:
        """What the work returns, or raises; Late when it is not there in time."""
        if not self._done.wait(max(0.0, seconds)):
            raise Late(unanswered(time.monotonic() - self._began))
        if self._error is not None:
            raise self._error
        return self._value[0]

    def wait(self, seconds: float) -> T | Unknown:
        """The result, or Unknown when it is not there in time: a fault of ours in one observation must not cost the others."""
        try:
            return self.result(seconds)
        except Late as error:
            return Unknown(str(error))
        except Exception as error:
            return Unknown(f"the probe failed: {type(error).__name__}: {error}"[:200])
