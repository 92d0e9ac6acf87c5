"""wadi storage init [LOCATION …]"""

import argparse

from cli.errors import CliError
from cli.exits import Exit
from cli.session import Session

HELP = "make S3 buckets ready: there, open to browsers, rid of unfinished uploads"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "locations", nargs="*", metavar="LOCATION", help="s3://bucket or s3://bucket/prefix (all of AWS_S3_BUCKET)"
    )
    parser.add_argument("--endpoint", metavar="URL", help="the S3 server (S3_ENDPOINT_URL)")
    parser.add_argument("--region", help="of the buckets (AWS_REGION)")
    parser.add_argument("--profile", help="in the AWS credentials file (the environment's credentials)")
    parser.add_argument(
        "--origin", action="append", metavar="ORIGIN", help="pages that may read and upload, as https://host (all)"
    )
    parser.add_argument("--no-create", action="store_true", help="a bucket that is not there is an error")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from shared.config import ConfigError
    from shared.objects import ObjectError
    from shared.objects.s3.location import declared
    from shared.objects.s3.setup import prepare

    ended = Exit.OK
    given = {name: getattr(args, name) for name in ("endpoint", "region", "profile") if getattr(args, name)}
    try:
        buckets = [(each, given) for each in args.locations] or [(each, {**own, **given}) for each, own in declared()]
        if not buckets:
            raise CliError("There is no bucket to prepare.", Exit.USAGE, hint="Name one, or set AWS_S3_BUCKET.")
        for location, options in buckets:
            for step in prepare(location, options, args.origin or ["*"], create=not args.no_create):
                if step.outcome == "unusable":
                    ended = Exit.FAILED
                if session.out.json:
                    session.out.emit(step._asdict())
                else:
                    mark = {"done": "✓", "kept": "✓", "missing": "-", "unusable": "✗"}[step.outcome]
                    session.out.say(f"{mark} {step.location}  {step.what}: {step.detail}")
    except ConfigError as error:
        raise CliError(str(error), Exit.USAGE) from None
    except ObjectError as error:
        raise CliError(str(error)) from None
    return ended
