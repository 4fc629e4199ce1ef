"""The errors that a user can cause, each carrying one sentence fit for the page and the terminal."""


class NcvizError(ValueError):
    """Something the user gave cannot be used; the message says what was expected, what came, what to do."""


class ModelError(NcvizError):
    """A network or checkpoint that cannot be read, or a layer that is not supported."""


class DataError(NcvizError):
    """Images or labels that are missing, malformed or unfit for the network."""


class DeviceError(NcvizError):
    """A compute device that is missing, or that ran out of memory."""


class StoreError(NcvizError):
    """The result store cannot be read or written."""


class CancelledError(Exception):
    """The user cancelled the computation; nothing was published."""
