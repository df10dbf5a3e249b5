# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of the registry as it was read. Names of keys and values are compared as Windows does: upper and lower case are the same."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

Data = t.Union[str, int, bytes, t.Tuple[str, ...]]


@dataclass(frozen=True)
class Value:
    """One value: strings as str, DWORD and QWORD as int, MULTI_SZ as a tuple, everything else as bytes. The default value's name is ""."""

    name: str
    kind: str
    """`REG_SZ`, `REG_EXPAND_SZ`, `REG_DWORD`, `REG_QWORD`, `REG_MULTI_SZ`, `REG_BINARY`, `REG_NONE`."""
    data: Data


@dataclass(frozen=True)
class Registry:
    """Keys in full, `HKLM\\SOFTWARE\\...`, to their values."""

    keys: t.Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    """By key in lower case."""
    spelled: t.Mapping[str, str] = field(default_factory=dict)
    """Lower case to the host's own spelling."""
    unknown: t.Mapping[str, str] = field(default_factory=dict)
    """Keys (lower case) that could not be read, with the reason; what lies below them is unknown too."""

    def why(self, key: str) -> str | None:
        """Why nothing is known of this key; None where it was read, or is certainly not there."""
        low = key.lower()
        if low in self.keys and low not in self.unknown:
            # One that was read before the answer for its parent broke off.
            return None
        while low and low not in self.unknown:
            low = low.rpartition("\\")[0]
        return self.unknown.get(low)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key.lower() in self.keys

    def values(self, key: str) -> tuple[Value, ...]:
        """The values right under a key; none where it is not there."""
        return self.keys.get(key.lower(), ())

    def value(self, key: str, name: str) -> Value | None:
        """One value."""
        return next((one for one in self.values(key) if one.name.lower() == name.lower()), None)

    def subkeys(self, key: str) -> tuple[str, ...]:
        """Names of the keys right below, in the host's spelling."""
        start = f"{key.lower()}\\"
        depth = start.count("\\")
        names: dict[str, str] = {}
        for path in self.keys:
            if path.startswith(start):
                below = path.split("\\", depth + 1)[depth]
                # A key that is only known as the parent of others has its spelling from them.
                own = self.spelled.get(f"{start}{below}") or self.spelled.get(path, path)
                names.setdefault(below, own.split("\\", depth + 1)[depth])
        return tuple(sorted(names.values()))

    def text(self, key: str, name: str) -> str | None:
        """A string; a tuple's parts are joined with commas, a number is written in decimal; None where it is not set or binary."""
        found = self.value(key, name)
        if found is None or isinstance(found.data, bytes):
            return None
        return ",".join(found.data) if isinstance(found.data, tuple) else str(found.data)

    def number(self, key: str, name: str) -> int | None:
        """A DWORD or QWORD, or a string of digits; None else."""
        found = self.value(key, name)
        if found is None:
            return None
        if isinstance(found.data, int):
            return found.data
        text = found.data.strip() if isinstance(found.data, str) else ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 21 else None

    def strings(self, key: str, name: str) -> tuple[str, ...] | None:
        """A MULTI_SZ; a single string counts as one of one; None where it is not set."""
        found = self.value(key, name)
        if found is None or isinstance(found.data, (bytes, int)):
            return None
        return found.data if isinstance(found.data, tuple) else (found.data,)

    def data(self, key: str, name: str) -> bytes | None:
        """A binary value."""
        found = self.value(key, name)
        return found.data if found is not None and isinstance(found.data, bytes) else None
