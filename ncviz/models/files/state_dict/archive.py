"""Check a PyTorch checkpoint's zip archive before torch opens it, and pack it anew so that torch sees only that."""

from __future__ import annotations

import io
import zipfile

from ncviz.archives import ArchiveBytes, check_packing, read_entry
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.content import SMALLER, refusing
from ncviz.models.files.state_dict.rewriting import rewrite_pickle
from ncviz.text import megabytes

SAVE_AGAIN = "save it again with torch.save(net.state_dict(), path)"


def repack_archive(content: bytes, label: str) -> io.BytesIO:
    """Return the same archive written anew into memory, uncompressed, after checking its sizes and its pickle.

    Torch's zip reader and Python's could disagree about a crafted file; torch is therefore given only what was
    checked here.

    Args:
        content: The file.
        label: Its name, for messages.

    Raises:
        ModelError: If it is no zip, too large once unpacked, suspiciously packed, or no PyTorch checkpoint.
    """
    target = io.BytesIO()
    with (
        refusing(f"{label} is a damaged or incomplete zip archive", f"copy the file again, or {SAVE_AGAIN}"),
        zipfile.ZipFile(archive_bytes(content, label)) as source,
        zipfile.ZipFile(target, "w") as packed,
    ):
        entries = [entry for entry in source.infolist() if not entry.is_dir()]
        check_entries(entries, len(content), label)
        pickle_name = _pickle_name(entries, label)
        for entry in entries:
            data = read_entry(source, entry)
            if entry.filename == pickle_name:
                data = rewrite_pickle(data, label)
            packed.writestr(entry.filename, data)
    target.seek(0)
    return target


def archive_bytes(content: bytes, label: str, advice: str = SAVE_AGAIN) -> io.BytesIO:
    """Return an archive as zipfile takes it, which is refused on opening if it has too many entries."""
    most = LIMITS.archive_entries
    return ArchiveBytes(
        content,
        most,
        lambda count: ModelError(f"{label} holds {count:,} entries, at most {most:,} are read; {advice}."),
    )


def check_entries(
    entries: list[zipfile.ZipInfo], file_bytes: int, label: str, advice: str = SAVE_AGAIN
) -> None:
    """Raise a ModelError if the archive's directory declares too much, or what no saved network declares.

    Raises:
        ModelError: Ending in the advice.
    """
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > LIMITS.file_bytes:
        raise ModelError(
            f"{label} would grow to {megabytes(unpacked)}, at most {megabytes(LIMITS.file_bytes)} are read; "
            f"{SMALLER}."
        )
    names = {entry.filename for entry in entries}
    if len(names) < len(entries) or sum(entry.compress_size for entry in entries) > file_bytes:
        raise ModelError(f"{label} is a crafted archive: its entries overlap; {advice}.")
    check_packing(entries, label, ModelError, advice)


def _pickle_name(entries: list[zipfile.ZipInfo], label: str) -> str:
    """Return the name of the checkpoint's pickle, ``<folder>/data.pkl``.

    Raises:
        ModelError: If the archive is TorchScript or no PyTorch checkpoint at all.
    """
    names = {entry.filename for entry in entries}
    folder = entries[0].filename.split("/")[0] if entries else ""
    if f"{folder}/constants.pkl" in names:
        raise ModelError(f"{label} is a TorchScript program, expected a state dict; {SAVE_AGAIN}.")
    if f"{folder}/data.pkl" not in names:
        raise ModelError(
            f"{label} is a zip archive but no PyTorch checkpoint (it holds no data.pkl); {SAVE_AGAIN}."
        )
    return f"{folder}/data.pkl"
