# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `argspec.probe_options()` in words."""

from __future__ import annotations


class ModuleDocFragment:
    """How long and how deep to look from outside."""

    DOCUMENTATION = r"""
options:
  timeout:
    description:
      - Seconds after which the host is given up as a whole. What was seen until then is returned.
    type: float
    default: 20.0
  connect_timeout:
    description:
      - Seconds to wait for an answer to one TCP connect. A port that stays silent for longer is V(filtered).
    type: float
    default: 3.0
  revocation:
    description:
      - Whether to ask the certificate authority (OCSP, then CRL) if the host's certificate is revoked.
      - This connects to the addresses that the certificate itself names, so it is off by default.
    type: bool
    default: false
"""
