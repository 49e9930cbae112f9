"""`narrate INPUT... -o OUT`."""

from supervisor.cli.handover import do_or_hand_over
from supervisor.cli.parser import Arguments
from supervisor.cli.request import job_request, loaded, state_folder


def narrate(args: Arguments) -> int:
    """Narrate documents; return the exit code."""
    return do_or_hand_over(
        args,
        loaded(args, speaks=True),
        state_folder(args),
        lambda config: job_request(args, config, args.format),
    )
