"""Describe servers and sessions in plain values, and lay them out for people."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.printing import harmless
from session_sharing.v1 import lifecycle_pb2 as pb


def session_facts(session: pb.SessionInfo) -> dict[str, Any]:
    """Describe an open session to a resource of any kind."""
    return {
        "session": session.name,
        "kind": session.kind,
        "resource": session.resource,
        "details": dict(sorted(session.details.items())),
        **life_facts(session),
    }


def life_facts(session: pb.SessionInfo) -> dict[str, Any]:
    """Describe who opened a session, who is attached, and who waits."""
    return {
        "opened": moment(session.opened_at),
        "opened_by": session.opened_by,
        "closing": session.closing,
        "attachments": [
            {
                "by": attachment.label,
                "client": attachment.client_id,
                "behavior": InitializationBehavior(attachment.behavior).name,
                "since": moment(attachment.since),
                "present": attachment.present,
            }
            for attachment in session.attachments
        ],
        "waiting": list(session.waiting),
    }


def failed_facts(failed: pb.FailedSession) -> dict[str, Any]:
    """Describe a session that failed when it was closed."""
    return {
        "session": failed.name,
        "kind": failed.kind,
        "resource": failed.resource,
        **failure_facts(failed),
    }


def failure_facts(failed: pb.FailedSession) -> dict[str, Any]:
    """Describe why and when a session failed."""
    return {
        "failed": failed.reason,
        "failed_at": moment(failed.failed_at),
        "opened_by": failed.opened_by,
        "attachments": [],
    }


def server_facts(info: pb.GetServerInfoResponse) -> dict[str, Any]:
    """Describe a server and its counters."""
    return {
        "version": info.version,
        "kinds": list(info.kinds),
        "started": moment(info.started_at),
        "stopping": info.draining,
        "counters": {name: _short(info.counters[name]) for name in sorted(info.counters)},
    }


def moment(timestamp: Timestamp) -> str:
    """Return a wall-clock time, in UTC, for people."""
    return timestamp.ToDatetime().isoformat(sep=" ", timespec="seconds") + "Z"


def failure_line(failed: pb.FailedSession) -> str:
    """Return the line of a list for a session that failed when it was closed."""
    opened = harmless(f"opened by {failed.opened_by}: {failed.reason}")
    return f"FAILED at {moment(failed.failed_at)}, {opened}"


def outline(facts: dict[str, Any], indent: str = "") -> str:
    """Return facts as indented lines."""
    lines = []
    for key, value in facts.items():
        label = f"{indent}{harmless(key.replace('_', ' '))}:"
        if isinstance(value, dict):
            lines += [label, outline(value, indent + "  ")] if value else [f"{label} none"]
        elif isinstance(value, list):
            lines.append(label + ("" if value else " none"))
            lines += [
                f"{indent}- {outline(item, indent + '  ').lstrip()}"
                if isinstance(item, dict)
                else f"{indent}- {harmless(item)}"
                for item in value
            ]
        else:
            lines.append(f"{label} {harmless(str(value))}")
    return "\n".join(lines)


def _short(number: float) -> float:
    return int(number) if number == int(number) else round(number, 6)
