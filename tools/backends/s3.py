"""An S3 server: versitygw, which keeps objects as files."""

from pathlib import Path

from tools.backends import golang
from tools.backends.cache import kept
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "s3"
VERSION = "1.8.0"
REGION = "us-east-1"
KEY, SECRET = "wadi-local", "wadi-local-secret"


def install() -> Path:
    module = f"github.com/versity/versitygw/cmd/versitygw@v{VERSION}"
    return kept(f"versitygw-{VERSION}", lambda folder: golang.install(NAME, module, folder)) / "versitygw"


def start(folder: Path, host: str = LOOPBACK) -> Server:
    binary = install()

    def program(home: Path, ports: list[int]) -> Program:
        for needed in ("data", "versions"):
            (home / needed).mkdir(exist_ok=True)
        address = f"{host}:{ports[0]}"
        command = [str(binary), "--quiet", "--port", address, "--access", KEY, "--secret", SECRET, "--region", REGION]
        command += ["posix", "--versioning-dir", str(home / "versions"), str(home / "data")]
        exports = {
            "S3_ENDPOINT_URL": f"http://{address}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
        }
        return Program(command, lambda: _list(f"http://{address}"), exports)

    return serve(NAME, folder, 1, program, host)


def _list(url: str) -> None:
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    config = Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1},
        connect_timeout=2, read_timeout=5,
    )  # fmt: skip
    boto3.client(
        "s3", endpoint_url=url, region_name=REGION, config=config, aws_access_key_id=KEY, aws_secret_access_key=SECRET
    ).list_buckets()
