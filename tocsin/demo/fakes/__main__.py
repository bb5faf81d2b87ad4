"""Run the fake providers as a process of their own until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from tocsin.demo import fakes


async def _run(options: argparse.Namespace) -> None:
    providers = fakes.Fakes(
        port=options.port,
        ledger_file=options.ledger,
        fsync=options.fsync,
        tokens=tuple(options.token),
    )
    await providers.start()
    sys.stdout.write(f"fake providers listen on {providers.url}\n")
    mail = providers.mail
    sys.stdout.write(f"a fake mail server listens on 127.0.0.1:{mail.port}, TLS {mail.tls_port}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await providers.stop()


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tocsin.demo.fakes", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ledger", type=Path, help="append each call to this file as JSON")
    parser.add_argument("--fsync", action="store_true", help="write each call to the disk itself")
    parser.add_argument("--token", action="append", default=["xoxb-fake"], help="a bot token")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
