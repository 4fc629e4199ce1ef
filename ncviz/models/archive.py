"""Check a PyTorch checkpoint's zip archive before torch opens it, and pack it anew so that torch sees only that."""

from __future__ import annotations

import io
import zipfile

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.pickles import check_pickle

_ENCRYPTED = 0x1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SAVE_AGAIN = "save it again with torch.save(net.state_dict(), path)"


def repack_archive(content: bytes, label: str) -> bytes:
    """Return the same archive written anew, uncompressed, after checking its sizes and its pickle.

    Torch's zip reader and Python's could disagree about a crafted file; torch is therefore given only what was
    checked here.

    Args:
        content: The file.
        label: Its name, for messages.

    Raises:
        ModelError: If it is no zip, too large once unpacked, suspiciously packed, or no PyTorch checkpoint.
    """
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as packed:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            check_entries(entries, len(content), label)
            pickle_name = _pickle_name(entries, label)
            for entry in entries:
                with source.open(entry) as file:
                    # With its size: ZipFile.read would unpack all that is there before it cuts what was not declared.
                    data = file.read(entry.file_size)
                if entry.filename == pickle_name:
                    check_pickle(data, label)
                packed.writestr(entry.filename, data)
    except ModelError:
        raise
    except Exception as error:  # a crafted archive makes zipfile raise almost anything
        raise ModelError(
            f"{label} is a damaged or incomplete zip archive ({type(error).__name__}); copy the file again, or "
            f"{SAVE_AGAIN}."
        ) from error
    return target.getvalue()


def check_entries(
    entries: list[zipfile.ZipInfo], file_bytes: int, label: str, advice: str = SAVE_AGAIN
) -> None:
    """Raise a ModelError if the archive's directory declares too much, or what no saved network declares.

    Raises:
        ModelError: Ending in the advice.
    """
    if len(entries) > LIMITS.archive_entries:
        raise ModelError(
            f"{label} holds {len(entries):,} entries, at most {LIMITS.archive_entries:,} are read; {advice}."
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > LIMITS.unpacked_bytes:
        raise ModelError(
            f"{label} would grow to {unpacked / 1e6:,.0f} MB, at most {LIMITS.unpacked_bytes / 1e6:.0f} MB are read; "
            f"{advice}."
        )
    names = {entry.filename for entry in entries}
    if len(names) < len(entries) or sum(entry.compress_size for entry in entries) > file_bytes:
        raise ModelError(f"{label} is a crafted archive: its entries overlap; {advice}.")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise ModelError(f"{label} is an encrypted archive, which cannot be read; {advice}.")
        if entry.compress_type not in _COMPRESSIONS:
            # LZMA reserves as large a dictionary as the file asks for.
            raise ModelError(f"{label} is packed in a way that is not read; {advice}.")
        if entry.file_size > max(LIMITS.free_ratio_bytes, LIMITS.ratio * entry.compress_size):
            raise ModelError(
                f"{label} holds an entry that grows from {entry.compress_size:,} to {entry.file_size:,} bytes, at most "
                f"{LIMITS.ratio}-fold is read; {advice}."
            )


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
