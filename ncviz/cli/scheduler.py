"""The dask cluster that a command may compute on, as an executor."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ncviz.errors import NcvizError

if TYPE_CHECKING:
    from distributed import Client

ANSWER_SECONDS = 10
_ADDRESS = re.compile(r"tcp://(?:\[[^\s/\[\]]+\]|[^\s/:@\[\]]+):([0-9]{1,5})")
# Each has a level of its own, so that quieting the first would leave the second loud.
_LOGGERS = ("distributed", "distributed.client")


@contextmanager
def executor(address: str | None) -> Iterator[Executor | None]:
    """Lend an executor on a dask cluster, and let go of the cluster at the end.

    Args:
        address: ``tcp://HOST:PORT`` of the scheduler; without it, None is lent.

    Raises:
        NcvizError: If that is no address, dask.distributed is missing, or the cluster does not answer.
    """
    if address is None:
        yield None
        return
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match[1]) < 2**16:
        raise NcvizError(f"--scheduler expects tcp://HOST:PORT, got '{address}'.")
    # Imported here because it takes longer than all the rest of the command line.
    try:
        from distributed import KilledWorker
        from distributed.client import ClosedClientError
        from distributed.comm import CommClosedError
    except ImportError:
        raise NcvizError("--scheduler needs dask.distributed; install it: pip install distributed.") from None
    with _quiet(), _connect(address) as client:
        try:
            yield client.get_executor(pure=False)
        except (CancelledError, ClosedClientError, CommClosedError, KilledWorker) as error:
            raise NcvizError(
                f"The dask cluster at {address} was lost while computing; see that it runs, then try again."
            ) from error


def _connect(address: str) -> Client:
    from distributed import Client, rpc

    async def identify() -> None:
        async with rpc(address) as scheduler:
            await scheduler.identity()

    try:
        # Client's own timeout does not cover the handshake: at another kind of server it waits for ever.
        asyncio.run(asyncio.wait_for(identify(), ANSWER_SECONDS))
        return Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except Exception as error:
        raise NcvizError(
            f"No dask scheduler answers at {address}; check the address, or start one: dask scheduler."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's log, tracebacks included, from the terminal: what matters in it arrives as an exception."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
