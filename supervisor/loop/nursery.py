"""Where children come from: forked from a warm template, or started cold. The runner's one way to get them.

The template is started with the first child, which waits for it: to import and load once and then
fork takes no longer than a cold start. A template that is lost is replaced while the work goes on;
a child that was asked of it meanwhile is started cold. Where a template is of no use (it does not
fit into memory, its engine cannot be forked, it is lost again and again) that is said once,
and all children are started cold from then on.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, assert_never

from supervisor.core.notes import Notice
from supervisor.edge.hostmem import read_host
from supervisor.edge.launch import allocator_env
from supervisor.edge.prefetch import Prefetcher
from supervisor.edge.process import ChildProcess, start_child, waited_for
from supervisor.edge.strangers import reap_strangers
from supervisor.edge.template import Unborn, become_reaper, start_template
from supervisor.errors import ConfigError, SupervisorError
from supervisor.loop.templatelink import Lost, TemplateLink
from supervisor.wire.forking import Born, FromTemplate, Prepare, Refused, Unfit, Warm
from supervisor.wire.messages import Hello

Done = Callable[[ChildProcess | SupervisorError], None]

#: As often a template may be lost with no child of it between: then there is a reason to it.
MOST_LOSSES: Final = 3

#: A child that is killed takes its forks along within milliseconds; they are reaped after this.
_STRANGERS_S: Final = 1.0


class Nursery:
    """One template at most, and the children that are asked for."""

    def __init__(  # noqa: PLR0913 - all of it is said once, by name, from one configuration
        self,
        *,
        python: str,
        state_marker: str,
        start: Literal["template", "cold"],
        hello: Hello,
        notice: Callable[[Notice], None],
        overheard: Callable[[str], None] = lambda _: None,
        warm_limit_s: float = 300.0,
    ) -> None:
        """Make one; nothing is started before the first child.

        Args:
            python: Interpreter of template and children.
            state_marker: Real path of the state folder.
            start: `child.start`.
            hello: What every child will be told: the template prepares for just that.
            notice: Takes what is said once.
            overheard: Takes each line of the template's stderr.
            warm_limit_s: Longest time that a template may take to get warm: `child.start_timeout_s`.
        """
        self._python = python
        self._marker = state_marker
        self._env = allocator_env(hello.device)
        self._order = Prepare(engine=hello.engine, device=hello.device, settings=hello.settings)
        self._notice = notice
        self._overheard = overheard
        self._warm_limit_s = warm_limit_s
        self._loop = asyncio.get_running_loop()
        self._by_template = start == "template"
        self._link: TemplateLink | None = None
        self._is_warm = False
        self._losses = 0
        self._waiting: deque[tuple[int, Done]] = deque()  # for a template that gets warm
        self._asked: deque[tuple[Unborn, Done]] = deque()  # in the order of asking
        self._weights: dict[str, None] = {}  # in order, each once
        self._prefetcher = Prefetcher()
        self._look: asyncio.TimerHandle | None = None
        self._ending: list[TemplateLink] = []  # killed, and not dead yet
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the template; None where there is none."""
        return None if self._link is None else self._link.pid

    @property
    def is_warm(self) -> bool:
        """Whether the next child will be forked at once."""
        return self._is_warm

    def start(self, life: int, done: Done) -> None:
        """Start a child; `done` gets it, or why there is none, perhaps before this returns.

        Never blocks for longer than a cold start's own fork. After `close` nothing comes.
        """
        if self._closed:
            return
        self._look_for_strangers_later()
        if self._by_template and self._link is None:
            self._start_template()
        if not self._by_template or self._link is None:
            self._start_cold(life, done)
        elif self._is_warm:
            self._fork(self._link, life, done)
        else:
            self._waiting.append((life, done))

    def prefetch(self) -> None:
        """Have the files that the next child will read put into memory, while the one before still works."""
        self._prefetcher.fetch(list(self._weights))

    def learn_weights(self, paths: list[str]) -> None:
        """Remember files to prefetch, as a `Ready` names them."""
        self._weights.update(dict.fromkeys(paths))

    def close(self) -> None:
        """End the template. Born children live on, those only asked for do not come. Idempotent."""
        self._closed = True
        self._waiting.clear()
        self._end_link()
        for link in self._ending:
            link.close()
        self._ending.clear()
        while self._asked:
            self._asked.popleft()[0].close()
        if self._look is not None:
            self._look.cancel()
        reap_strangers(waited_for())

    # ------------------------------------------------------------------ starting

    def _start_cold(self, life: int, done: Done) -> None:
        try:
            child = start_child(
                python=self._python, life=life, state_marker=self._marker, extra_env=self._env
            )
        except SupervisorError as error:
            done(error)
        else:
            done(child)

    def _start_template(self) -> None:
        if not become_reaper():
            self._give_up("this system does not let a process take in what its descendants leave")
            return
        try:
            process = start_template(python=self._python, state_marker=self._marker, extra_env=self._env)
        except SupervisorError as error:
            self._count_loss(str(error))
            return
        self._is_warm = False
        self._link = TemplateLink(process, tell=self._on, overheard=self._overheard)
        try:
            self._link.prepare(self._order, self._warm_limit_s)
        except SupervisorError as error:
            self._give_up(str(error))

    def _fork(self, link: TemplateLink, life: int, done: Done) -> None:
        try:
            unborn = link.ask(life)
        except SupervisorError:
            self._start_cold(life, done)  # says so itself if there is no room for a process
        else:
            self._asked.append((unborn, done))

    # ------------------------------------------------------------------ what becomes of the template

    def _on(self, event: FromTemplate | Lost) -> None:
        match event:
            case Warm():
                self._on_warm(event)
            case Unfit(for_good=True):
                self._refuse(ConfigError(event.why))
            case Unfit():
                self._give_up(event.why)
            case Born():
                self._on_born(event)
            case Refused():
                self._on_refused(event)
            case Lost():
                self._on_lost(event)
            case _:
                assert_never(event)

    def _on_warm(self, warm: Warm) -> None:
        self.learn_weights(warm.weight_files)
        available_bytes = read_host(None).available_bytes
        # At worst a child writes to all that it shares, and then holds as much once more.
        if available_bytes < warm.private_bytes:
            self._give_up(
                f"it holds {_mib(warm.private_bytes)} of memory and only {_mib(available_bytes)} are left "
                "for a child beside it"
            )
            return
        self._is_warm = True
        while self._waiting and self._link is not None:
            self._fork(self._link, *self._waiting.popleft())

    def _on_born(self, born: Born) -> None:
        unborn, done = self._asked.popleft()
        self._losses = 0
        try:
            child = unborn.adopt(born.pid)
        except SupervisorError:
            unborn.close()
            self._start_cold(unborn.life, done)
        else:
            done(child)

    def _on_refused(self, refused: Refused) -> None:
        unborn, done = self._asked.popleft()
        unborn.close()
        if refused.for_good:
            self._give_up(refused.why)
        self._start_cold(unborn.life, done)

    def _on_lost(self, lost: Lost) -> None:
        was_warm = self._is_warm
        self._count_loss(lost.why)
        if was_warm and self._by_template:
            self._start_template()  # beside a child at work, for the one after

    def _count_loss(self, why: str) -> None:
        self._losses += 1
        if self._losses >= MOST_LOSSES:
            self._give_up(f"it was lost {self._losses} times, at last: {why}")
        else:
            self._overheard(f"the template is lost: {why}")
            self._end_link()
            self._start_cold_what_waits()

    def _give_up(self, why: str) -> None:
        self._by_template = False
        self._end_link()
        text = f'no template: {why}. Children are started cold; child.start = "cold" says so from the start'
        self._notice(Notice(level="warning", name="template", text=text))
        self._start_cold_what_waits()

    def _refuse(self, error: SupervisorError) -> None:
        """Tell all who wait that there will be no child, and why: a cold one would fare alike."""
        self._end_link()
        waiting = list(self._waiting)
        self._waiting.clear()
        for _, done in waiting:
            done(error)

    def _start_cold_what_waits(self) -> None:
        waiting = [*((unborn.life, done) for unborn, done in self._asked), *self._waiting]
        for unborn, _ in self._asked:
            unborn.close()
        self._asked.clear()
        self._waiting.clear()
        for life, done in waiting:
            self._start_cold(life, done)

    def _end_link(self) -> None:
        link, self._link = self._link, None
        self._is_warm = False
        self._ending = [one for one in self._ending if not one.is_over]
        if link is not None:
            link.end()
            self._ending.append(link)

    # ------------------------------------------------------------------ orphans

    def _look_for_strangers_later(self) -> None:
        """Once for each child: where children come and go, their forks are left to us."""
        if self._look is None and self._by_template:
            self._look = self._loop.call_later(_STRANGERS_S, self._look_for_strangers)

    def _look_for_strangers(self) -> None:
        self._look = None
        if not self._asked:
            reap_strangers(waited_for())
        else:
            self._look_for_strangers_later()


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB"
