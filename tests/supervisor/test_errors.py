import inspect

from supervisor import errors
from supervisor.errors import SupervisorError


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    classes = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SupervisorError)
    ]
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("├──", "").replace("└──", "").replace("│", "").split()
        if len(words) > 2 and words[1].isdigit():
            drawn[words[0]] = int(words[1])
    assert drawn == {kind.__name__: kind.exit_code for kind in classes}


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, SupervisorError)
    }
    assert codes == {1, 2, 4, 75, 76, 77, 78}
