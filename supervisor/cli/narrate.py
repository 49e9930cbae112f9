"""`narrate INPUT... -o OUT`."""

from supervisor.cli.outcome import do_job, report
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, job_request, state_folder


def narrate(args: Arguments) -> int:
    """Narrate documents; return the exit code."""
    config = configuration(args, speaks=True)
    request = job_request(args, config, args.format)
    return report(
        do_job(config, state_folder(args), request, json=args.json, socket=args.socket), json=args.json
    )
