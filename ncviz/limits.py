"""Every limit on what users bring and on what they compute, in one place; a server's owner changes them here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is read of a user's files, and what one session may hold and compute.

    The readers check a declared size against these before they allocate anything. While a network is read it takes up
    to three times ``file_bytes``: the file, what an archive in it unpacks to, and the weights.

    Attributes:
        file_bytes: Size of a network's file, and of what an archive in it unpacks to: ``parameters`` in float32, and
            ``header_bytes``. Streamlit takes uploads up to ``server.maxUploadSize`` in ``.streamlit/config.toml``, in
            units of 2^20 bytes; raise both.
        own_networks_bytes: Memory of all the networks that a server's sessions brought, together; beyond it no other is
            taken in until one is forgotten.
        unpacked_bytes: Sum of what the entries of an archive of images declare.
        ratio: Times that an archive's entry may grow when unpacked.
        free_ratio_bytes: Entries up to this size may grow as they like: a layer pruned to zeros packs very well.
        archive_entries: Entries of an archive.
        header_bytes: Text of a file's header or graph (safetensors, .pt2).
        nodes: Operations of a network's graph.
        layers: Layers with weights of a network.
        layer_units: Units of one layer: channels times positions.
        units: Units of all steps of a network for one image.
        parameters: Weights of a network, all layers together.
        operations: Multiplications of a network for one image.
        path_steps: Edges that a search for shortest paths may go through, those of a graph once for each class.
        readings: Values that a layer's kernels read at all of their places together, 8 bytes each in its graph.
        dimensions: Axes of an array.
        name_length: Characters of a name inside a file.
        image_file_bytes: Size of a file of images.
        images: Images of one data set.
        image_pixels: Pixels of one image, before it is resized.
        classes: Classes of a data set.
        image_values: Numbers of all the images of one data set, once they have the network's size.
        own_data_bytes: Memory of all the own data sets that a server holds; those used least recently go first.
        library_bytes: Files of all the networks and images that are saved on a server.
        record_header_bytes: What a stored result may say of itself, besides its numbers.
        session_seconds: Seconds of computing per session.
        session_networks: Own networks that one session holds.
        reading_bytes: Memory that the reading of a file may take, beside ``reading_copies`` times its size.
        reading_copies: See ``reading_bytes``.
        reading_seconds: Time of computing that the reading of a file may take, beside ``reading_seconds_per_mb`` for
            each 10^6 bytes of it, or ``image_seconds_per_mb`` for images.
        reading_seconds_per_mb: See ``reading_seconds``.
        image_seconds_per_mb: See ``reading_seconds``.
        elements: Numbers that the arithmetic in a network's file may go through, beside ``elements_per_byte``.
        elements_per_byte: See ``elements``.
        pixels: Pixels of all images of a file, before they are resized, beside ``pixels_per_byte``.
        pixels_per_byte: See ``pixels``.
        scans: Passes in which one progressive JPEG is kept.
        outputs: Outputs of a network's graph.
        session_uploads: Files that one session has brought and no page has read.
        session_upload_bytes: Memory of those; at least ``file_bytes``.
        upload_bytes: The same of all sessions together.
        repair_images: Training images that a pruned network is repaired on.
        repair_bytes: Memory that a repair takes for what passes or gradients hold; where that is not enough it goes
            batch by batch, or block by block.
        trusts_visitors: Whether every visitor may do what only the server's owner may, who opened the address with the
            token: name folders of the server's disk, clear all stored results, remove what others saved, and cancel
            others' trainings.
    """

    file_bytes: int = 604_000_000
    own_networks_bytes: int = 3_000_000_000
    unpacked_bytes: int = 400_000_000
    ratio: int = 50
    free_ratio_bytes: int = 1_000_000
    archive_entries: int = 10_000
    header_bytes: int = 4_000_000
    nodes: int = 2_000
    layers: int = 400
    layer_units: int = 4_000_000
    units: int = 60_000_000
    parameters: int = 150_000_000
    operations: int = 20_000_000_000
    path_steps: int = 20_000_000_000
    readings: int = 250_000_000
    dimensions: int = 8
    name_length: int = 300
    image_file_bytes: int = 200_000_000
    images: int = 100_000
    image_pixels: int = 25_000_000
    classes: int = 1_000
    image_values: int = 160_000_000
    own_data_bytes: int = 3_000_000_000
    library_bytes: int = 5_000_000_000
    record_header_bytes: int = 16_000_000
    session_seconds: float = 21_600.0
    session_networks: int = 8
    reading_bytes: int = 64_000_000
    reading_copies: int = 3
    reading_seconds: float = 10.0
    reading_seconds_per_mb: float = 0.03
    image_seconds_per_mb: float = 0.1
    elements: int = 1_000_000_000
    elements_per_byte: int = 4
    pixels: int = 150_000_000
    pixels_per_byte: int = 10
    scans: int = 100
    outputs: int = 100
    session_uploads: int = 2_000
    session_upload_bytes: int = 700_000_000
    upload_bytes: int = 2_000_000_000
    repair_images: int = 1_000
    repair_bytes: int = 1_000_000_000
    trusts_visitors: bool = False


LIMITS = Limits()
