# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a thread that may be left behind: getaddrinfo and others have no time-out of their own."""

from __future__ import annotations

import threading
import time
import typing as t

from ..evidence.base import Unknown

T = t.TypeVar("T")


class Background(t.Generic[T]):
    """Runs a function in a daemon thread. Whoever stops waiting simply goes on; the thread ends by itself."""

    def __init__(self, work: t.Callable[[], T]) -> None:
        self._work = work
        self._value: list[T | Unknown] = []
        self._done = threading.Event()
        self._began = time.monotonic()
        threading.Thread(target=self._run, name="winrm.doctor", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except Exception as error:
            # A fault of ours in one observation must not cost the others; it is told, not hidden.
            self._value.append(Unknown(f"the probe failed: {type(error).__name__}: {error}"[:200]))
        finally:
            self._done.set()

    @property
    def done(self) -> bool:
        """True when the work is finished."""
        return self._done.is_set()

    def wait(self, seconds: float) -> T | Unknown:
        """The result, or Unknown when it is not there in time."""
        if not self._done.wait(max(0.0, seconds)):
            return Unknown(f"no answer within {time.monotonic() - self._began:.1f} s")
        return self._value[0]
