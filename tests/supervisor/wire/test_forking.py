import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.forking import (
    CHILD_NAME,
    MAX_PACKET_BYTES,
    TEMPLATE_NAME,
    Born,
    Fork,
    FromTemplate,
    Prepare,
    Refused,
    ToTemplate,
    Unfit,
    Warm,
    decode_answer,
    decode_order,
    encode_packet,
)

words = st.text(max_size=20)
sizes = st.integers(0, 2**50)
settings = st.dictionaries(
    words, st.one_of(words, sizes, st.booleans(), st.lists(words, max_size=3)), max_size=3
)
orders = st.one_of(
    st.builds(Prepare, engine=words, device=words, settings=settings), st.builds(Fork, life=sizes)
)
answers = st.one_of(
    st.builds(
        Warm, weight_files=st.lists(words, max_size=3), private_bytes=sizes, took_s=st.floats(0.0, 1e6)
    ),
    st.builds(Unfit, why=words, for_good=st.booleans()),
    st.builds(Born, life=sizes, pid=sizes),
    st.builds(Refused, life=sizes, why=words, for_good=st.booleans()),
)


@given(orders)
def test_an_order_comes_out_as_it_went_in(order: ToTemplate) -> None:
    assert decode_order(encode_packet(order)) == order


@given(answers)
def test_an_answer_comes_out_as_it_went_in(answer: FromTemplate) -> None:
    assert decode_answer(encode_packet(answer)) == answer


@given(st.binary(max_size=40))
def test_whatever_else_arrives_is_the_peers_fault(packet: bytes) -> None:
    for decode in (decode_order, decode_answer):
        with pytest.raises(PeerError, match="no message of a template's"):
            decode(packet)


def test_neither_end_takes_what_only_the_other_may_say() -> None:
    with pytest.raises(PeerError):
        decode_answer(encode_packet(Fork(life=1)))
    with pytest.raises(PeerError):
        decode_order(encode_packet(Born(life=1, pid=2)))


def test_a_packet_that_no_socket_would_take_is_refused_before_it_is_sent() -> None:
    with pytest.raises(LocalError, match=f"is over the {MAX_PACKET_BYTES} of a packet"):
        encode_packet(Prepare(engine="e", device="cpu", settings={"key": "x" * MAX_PACKET_BYTES}))


def test_the_kernel_keeps_the_names_whole() -> None:
    assert max(len(CHILD_NAME), len(TEMPLATE_NAME)) <= 15
