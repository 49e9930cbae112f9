import tomllib

from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.written import written

VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(VALUES)
def test_a_written_value_is_toml_of_one_line(value: object) -> None:
    shown = written(value)
    assert tomllib.loads(f"value = {shown}") == {"value": value}
    assert len(shown.splitlines()) <= 1
