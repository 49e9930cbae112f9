"""`GET /metrics`: figures for Prometheus, in its text format or in OpenMetrics, as the asker likes best."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol, cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from supervisor.doors.http.counters import RESPAWN_S, Counters
from supervisor.doors.http.health import health_of
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.replies import raw_reply
from supervisor.loop.service import ServiceState, Status

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_PREFIX: Final = "tts_supervisor"

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

#: Of OpenMetrics; 0.0.1 is what it was called before there was a first one.
_VERSIONS: Final = ("", "1.0.0", "0.0.1")


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what this answers at."""

    async def metrics(request: Request) -> Response:
        status = reception.service.status()
        figures = _Collected(families(status, reception.counters, reception.since_s))
        is_open = wants_openmetrics(request.headers.getlist("accept"))
        media = _OPENMETRICS if is_open else _TEXT
        return raw_reply(_written(figures, is_open=is_open), media=media, headers={"vary": "Accept"})

    return [Route("/metrics", metrics)]


def wants_openmetrics(accepted: Iterable[str]) -> bool:
    """Say whether OpenMetrics is liked at least as well as the plain format.

    Args:
        accepted: `Accept` headers; what cannot be read in them is passed over.
    """
    openly = plainly = 0.0
    for part in ",".join(accepted).split(","):
        media, *rest = (word.strip() for word in part.lower().split(";"))
        options = {name: value for name, _, value in (word.partition("=") for word in rest)}
        likes = _weight(options.get("q", "1"))
        if media == "application/openmetrics-text" and options.get("version", "") in _VERSIONS:
            openly = max(openly, likes)
        elif media in ("text/plain", "text/*"):
            plainly = max(plainly, likes)
    return openly > 0 and openly >= plainly


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _written(figures: "_Collected", *, is_open: bool) -> bytes:
    # 5 MiB, which a service that nobody scrapes does not need.
    if is_open:
        from prometheus_client.openmetrics import exposition as openmetrics  # noqa: PLC0415 - see above

        return cast("_Write", openmetrics.generate_latest)(figures)  # it says nothing of its types
    from prometheus_client.exposition import generate_latest  # noqa: PLC0415 - see above

    return generate_latest(figures)


class _Write(Protocol):
    def __call__(self, registry: "_Collected") -> bytes: ...


class _Collected:
    """Families, as the client's writer asks for them."""

    def __init__(self, families: Iterable["Metric"]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable["Metric"]:
        return self._families


def families(status: Status, counters: Counters, since_s: float) -> Iterator["Metric"]:
    """Yield all figures.

    Args:
        status: Of the service, now.
        counters: Since the door opened.
        since_s: When that was, seconds since the epoch.
    """
    yield from _of_service(status, since_s)
    yield from _of_lives(counters)
    yield from _of_child(status)


def _of_service(status: Status, since_s: float) -> Iterator["Metric"]:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - see above

    totals = status.totals
    segments = CounterMetricFamily(
        f"{_PREFIX}_segments", "Segments, by what became of them.", labels=["result"]
    )
    segments.add_metric(["spoken"], totals.segments)
    segments.add_metric(["failed"], totals.failed)
    yield segments
    yield CounterMetricFamily(
        f"{_PREFIX}_attempts", "Attempts at segments that are over.", value=totals.attempts
    )
    yield CounterMetricFamily(
        f"{_PREFIX}_audio_seconds",
        "Seconds of audio that were spoken.",
        value=totals.audio_seconds,
        unit="seconds",
    )
    yield CounterMetricFamily(
        f"{_PREFIX}_lost_seconds",
        "Seconds of children that came to nothing: on segments to be spoken again, and on failed starts.",
        value=totals.lost_seconds,
        unit="seconds",
    )
    yield CounterMetricFamily(
        f"{_PREFIX}_cache_releases", "Releases of the child's caches.", value=totals.cleans
    )
    yield GaugeMetricFamily(
        f"{_PREFIX}_queue_waiting", "Requests that wait for their turn.", value=status.queue
    )
    yield GaugeMetricFamily(
        f"{_PREFIX}_ready", "1 while speech would work now, as /health has it.", value=health_of(status).ready
    )
    yield GaugeMetricFamily(
        f"{_PREFIX}_start_time_seconds", "When the door opened.", value=since_s, unit="seconds"
    )
    states = GaugeMetricFamily(f"{_PREFIX}_state", "1 of the state that the service is in.", labels=["state"])
    for state in get_args(ServiceState):
        states.add_metric([state], float(state == status.state))
    yield states


def _of_lives(counters: Counters) -> Iterator["Metric"]:
    from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily  # noqa: PLC0415 - see above

    lives = CounterMetricFamily(
        f"{_PREFIX}_child_lives", "Lives that are over, by how they ended.", labels=["ended"]
    )
    for ending, count in counters.lives.items():
        lives.add_metric([ending], count)
    yield lives
    recycles = CounterMetricFamily(
        f"{_PREFIX}_child_recycles", "Children that were replaced as planned, by reason.", labels=["reason"]
    )
    for reason, count in counters.recycles.items():
        recycles.add_metric([reason], count)
    yield recycles
    edges = [*(str(most_s) for most_s in RESPAWN_S), "+Inf"]
    yield HistogramMetricFamily(
        f"{_PREFIX}_child_respawn_seconds",
        "From the end of a child to the readiness of the next.",
        buckets=list(zip(edges, map(float, counters.respawns), strict=True)),
        sum_value=counters.respawn_s,
        unit="seconds",
    )


def _of_child(status: Status) -> Iterator["Metric"]:
    from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415 - see above

    children = status.children or ([] if status.child is None else [status.child])
    memory = GaugeMetricFamily(
        f"{_PREFIX}_memory_bytes", "Memory as last read, by kind.", labels=["device", "kind"], unit="bytes"
    )
    marks = GaugeMetricFamily(
        f"{_PREFIX}_memory_mark_bytes", "Marks of memory.", labels=["device", "mark"], unit="bytes"
    )
    for number, child in enumerate(children):
        # Several children may run on devices that are named alike.
        device = (
            child.device
            if len({one.device for one in children}) == len(children)
            else f"{child.device}#{number}"
        )
        for kind, count in child.memory.items():
            memory.add_metric([device, kind], count)
        for mark, count in child.marks.items():
            marks.add_metric([device, mark], count)
    yield memory
    yield marks
    yield GaugeMetricFamily(
        f"{_PREFIX}_children_ready",
        "Children that may be given work.",
        value=sum(one.ready for one in children),
    )
