"""What the loop orders is what the delivery process reads."""

from contextlib import closing
from pathlib import Path

import pytest

from supervisor.delivery.order import Order, Pause, SegmentAudio, read_order
from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.orders import delivery_order
from tests.standin.jobs import plan_of, speak_all, spec_for


def test_an_order_carries_every_piece_with_its_hash(tmp_path: Path) -> None:
    state, spec = StateFolder(tmp_path), spec_for("/out/story.wav")
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(spec, plan_of(["One.", "Two."]))
        (file,) = ledger.files(spec.job)
        with pytest.raises(LedgerError, match="neither spoken nor set aside"):
            list(delivery_order(ledger, spec.job, file))
        speak_all(ledger, state, spec.job)
        (file,) = ledger.files(spec.job)
        order, pieces = read_order(delivery_order(ledger, spec.job, file))
        paths = [state.audio_path(spec.job, segment.key) for segment in ledger.segments(spec.job)]
    assert order == Order(path="/out/story.wav", format="wav", sample_rate_hz=22_050, title="Chapter 1")
    one, two = (
        SegmentAudio(wav=str(path), samples=2205, sample_rate_hz=22_050, sha256=sha256_of_file(path))
        for path in paths
    )
    assert pieces == [one, Pause(seconds=0.25), two]
