# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell remoting ([MS-PSRP]) on psrpcore's server side: runspace pools, pipelines, their output."""

from __future__ import annotations

import typing as t
import uuid

import psrpcore

from .toy import Toy


class PowerShell:
    """One runspace pool. A pipeline runs as soon as its input is complete."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.pool = psrpcore.ServerRunspacePool()
        self.input: dict[uuid.UUID, list[str]] = {}
        self.waiting: dict[uuid.UUID | None, list[bytes]] = {}

    def start(self, id: uuid.UUID, fragment: bytes) -> None:
        """A new pipeline; psrpcore wants to know it before its first fragment."""
        psrpcore.ServerPipeline(self.pool, id)
        self.receive(fragment, id)

    def receive(self, data: bytes, id: uuid.UUID | None) -> None:
        """Fragments from the client, for the pool or for a pipeline."""
        self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, id))
        while (event := self.pool.next_event()) is not None:
            self._handle(event)
        while (payload := self.pool.data_to_send(300_000)) is not None:
            self.waiting.setdefault(payload.pipeline_id, []).append(payload.data)

    def output(self, id: uuid.UUID | None) -> list[bytes]:
        """What waits for the client."""
        return self.waiting.pop(id, [])

    def _handle(self, event: t.Any) -> None:
        id = getattr(event, "pipeline_id", None)
        if isinstance(event, psrpcore.PipelineInputEvent):
            self.input.setdefault(event.pipeline_id, []).append(str(event.data))
        elif isinstance(event, psrpcore.EndOfPipelineInputEvent) or (isinstance(event, psrpcore.CreatePipelineEvent) and event.pipeline.no_input):
            self._run(self.pool.pipeline_table[id], "".join(self.input.pop(id, [])))

    def _run(self, pipeline: t.Any, given: str) -> None:
        script = " ".join(command.command_text for command in pipeline.metadata.commands)
        pipeline.start()
        status, output = self.toy.run(script, given)
        if status:
            pipeline.write_error(RuntimeError(f"The term '{script[:40]}' is not recognized as the name of a cmdlet."))
        else:
            pipeline.write_output(output.decode().rstrip("\r\n"))
        pipeline.complete()
