# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secrets out: what must not stand in a result, and how it is taken out without giving it away.

Masking blindly (`remove_values` of ansible-core) turns `{"port": 5985, "state": "open"}` into rubbish where a password is `5985` or `open`, and the gap
tells the reader what the password is. Here

- numbers and dictionary keys stay: they have a type and a place that no secret can get into;
- a secret that is also a public word (a word of this collection's published source, of which all its sentences are made, or a non-secret value of this
  task, such as the user name) is left alone by itself, because the word says nothing and its absence would; together with the user name, encoded or
  quoted it is still taken out;
- a short secret, or one that is part of a public word, is taken out where it stands as a word;
- every other secret is taken out wherever it stands.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import os
import re
import typing as t
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

MASK = "********"
SHORT = 6
SECRET_NAME = re.compile(r"^ansible_.*(?:pass|pwd|secret|token|credential)", re.IGNORECASE)
URL_NAME = re.compile(r"^ansible_.*_proxy$", re.IGNORECASE)
PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy")
WORD = re.compile(r"[^\W_]+")


@functools.lru_cache(maxsize=1)
def published_words() -> tuple[frozenset[str], str]:
    """Every word in the source of the collection's modules, as a set and as one text to search in.

    Called once in Ansible's parent process, so that its forks inherit it.
    """
    words: set[str] = set()
    for folder in ("modules", "module_utils"):
        for source in (Path(__file__).resolve().parents[1] / folder).rglob("*.py"):
            words.update(WORD.findall(source.read_text(encoding="utf-8")))
    return frozenset(words), "\n".join(sorted(words))


def secret_variables(variables: t.Iterable[str]) -> list[str]:
    """Names of the connection variables that hold secrets, those that no connection reads included."""
    return [name for name in variables if SECRET_NAME.match(name) or URL_NAME.match(name)]


def texts_in(value: t.Any) -> t.Iterator[str]:
    """Every text in a value of plain types, numbers as they are written."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


class Hidden:
    """The secrets of one task and the values of the same task that may be seen."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._public: set[str] = set()
        for name in (*PROXY_NAMES, *(name.upper() for name in PROXY_NAMES)):
            self.add_url(os.environ.get(name))

    def add(self, *secrets: str | None) -> None:
        """Secrets as they are."""
        self._secrets.update(secret for secret in secrets if secret)

    def add_url(self, url: str | None) -> None:
        """The credentials in a URL; the rest of it is no secret."""
        login, at, _host = ((url or "").partition("://")[2] or url or "").rpartition("@")
        if at:
            user, colon, password = login.partition(":")
            self.add(login)
            if colon:
                self.add(password, unquote(password))
                self.add_login(unquote(user), unquote(password))

    def add_login(self, username: str | None, password: str | None) -> None:
        """A user name and its password as they stand together in Basic's header and in URLs."""
        if password:
            self.add(f"{username or ''}:{password}")

    def show(self, values: t.Any) -> None:
        """Values that are no secret, in plain types."""
        self._public.update(text.casefold() for text in texts_in(values))

    def scrub(self, value: t.Any) -> t.Any:
        """The value, in plain types, without the secrets."""
        everything = "\n".join(texts_in(value))
        # Nearly always none of them is there, so nothing else is computed beforehand.
        present = {form for secret in self._secrets for form in _forms(secret) if form in everything}
        patterns = [pattern for form in sorted(present, key=len, reverse=True) if (pattern := self._pattern(form))]
        return _without(value, re.compile("|".join(patterns))) if patterns else value

    def _pattern(self, form: str) -> str | None:
        """How to find the secret; None where taking it out would only give it away."""
        words, blob = published_words()
        folded = form.casefold()
        as_word = rf"(?<![^\W_]){re.escape(form)}(?![^\W_])"
        if form in words or any(re.search(rf"(?<![^\W_]){re.escape(folded)}(?![^\W_])", public) for public in self._public):
            return None
        if not WORD.search(form) and len(form) < SHORT:
            return None
        weak = len(form) < SHORT or form in blob or any(folded in public for public in self._public)
        return as_word if weak else re.escape(form)


def _forms(secret: str) -> set[str]:
    """The secret as it may have got into a text: as it is, in a URL, in XML, in quotes, in Base64."""
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret), html.escape(secret, quote=False)}
    forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for encoding in ("utf-8", "latin-1", "utf-16-le"):
        encoded = base64.b64encode(secret.encode(encoding, "replace")).decode("ascii")
        forms |= {encoded, encoded.rstrip("=")}
    return forms


def _without(value: t.Any, pattern: re.Pattern[str]) -> t.Any:
    if isinstance(value, str):
        return pattern.sub(MASK, value)
    if isinstance(value, dict):
        return {key: _without(item, pattern) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, pattern) for item in value]
    return value
