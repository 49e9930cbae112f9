import re

import pytest

from supervisor.cli.demo import story
from tests.supervisor.cli.driver import Home

pytestmark = pytest.mark.processes


def test_the_story_is_shipped() -> None:
    assert story().read_text("utf-8").startswith("# ")


@pytest.mark.timeout(60)  # the demonstration's own promise
def test_the_demonstration_recycles_kills_and_ends_with_equal_hashes(home: Home) -> None:
    done = home.run("demo")
    hashes = re.findall(r"^(?:undisturbed|bad day) +([0-9a-f]{64})", done.out, re.MULTILINE)
    assert done.code == 0
    assert len(hashes) == 2
    assert len(set(hashes)) == 1
    recycles = re.findall(r"child \d+ replaced: (?:watermark: memory.host.soft|lookahead: )", done.out)
    assert len(recycles) >= 3
    assert len(re.findall(r"child \d+ died: killed by SIGKILL", done.out)) == 3
    assert re.search(rf"^bad day .* {len(recycles)} recycles, 3 kills$", done.out, re.MULTILINE)
