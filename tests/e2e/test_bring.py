"""A network of one's own in a real browser: a file, a zip of images, the check, the coloured network."""

import io
import zipfile

import numpy as np
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    import torch
    from PIL import Image

    from ncviz.data.datasets import load_sample_arrays
    from ncviz.models.loading import load_model

    folder = tmp_path_factory.mktemp("own")
    torch.onnx.export(load_model("lenet-mnist-relu"), (torch.zeros(1, 1, 28, 28),), folder / "my-lenet.onnx",
                      dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}})  # fmt: skip
    images, labels = load_sample_arrays("mnist", "test")
    with zipfile.ZipFile(folder / "my-digits.zip", "w") as archive:
        for digit in range(10):
            for number, row in enumerate(np.flatnonzero(labels == digit)[:4]):
                png = io.BytesIO()
                Image.fromarray(images[row]).save(png, "PNG")
                archive.writestr(f"{digit}/{number}.png", png.getvalue())
    (folder / "broken.onnx").write_bytes(b"\x08\x07" + b"broken" * 50)
    return folder


def body(page):
    return page.page.locator("body").inner_text()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_from_file_to_coloured_network(visit, files):
    page = visit().open("/model?model=mlp-digits-relu")
    page.page.get_by_role("tab", name="Bring your own").click()
    page.wait(lambda: "3 · Check, then compute" in body(page))
    page.settle()
    loads = []
    page.page.on(
        "framenavigated", lambda frame: loads.append(frame.url) if frame == page.page.main_frame else None
    )
    requests = []
    page.page.on(
        "request", lambda request: requests.append(request.url) if request.is_navigation_request() else None
    )
    chooser = page.page.get_by_test_id("stMain").locator("input[type=file]")
    chooser.first.set_input_files(files / "broken.onnx")
    page.wait(lambda: "is no ONNX file" in body(page))
    chooser.first.set_input_files(files / "my-lenet.onnx")
    page.wait(lambda: "input 1×28×28 · 10 classes" in body(page))
    page.settle()
    page.page.get_by_role("radio", name="Your files").click()
    page.wait(lambda: "a folder for each class" in body(page))
    chooser.first.set_input_files(files / "my-digits.zip")
    page.wait(lambda: page.page.get_by_role("button", name="Use these images").count() == 1)
    page.settle()
    # A look elsewhere loses nothing.
    page.page.get_by_role("tab", name="Train").click()
    page.settle()
    page.page.get_by_role("tab", name="Bring your own").click()
    page.settle()
    assert "my-digits.zip" in body(page)
    page.page.get_by_role("button", name="Use these images").click()
    page.wait(lambda: "all 40 images of my-digits.zip" in body(page))
    page.wait(lambda: "40 of 40 images are classified correctly" in body(page))
    page.page.get_by_role("button", name="Compute curvature").click()
    page.wait(lambda: page.page.get_by_test_id("ncviz-network").count() > 0, 120)
    page.settle()
    assert page.visible_edges() > 500
    assert page.accuracy() == 1.0
    assert "my-lenet.onnx" in page.page.get_by_role("combobox", name="Network").input_value()
    assert "model=" not in page.page.url
    page.page.get_by_role("tab", name="Downloads").click()
    page.wait(lambda: "Pruned network (.onnx)" in body(page))
    with page.page.expect_download() as found:
        page.page.get_by_role("button", name="Pruned network (.onnx)").click()
    assert found.value.suggested_filename == "my-lenet-pruned.onnx"
    # Back on the page, it is kept for this session alone.
    page.page.get_by_role("link", name="Model").click()
    page.wait(lambda: "shown now" in body(page))
    assert requests == []
    assert page.outside == []
    assert [error for error in page.errors if "404" not in error] == []
    other = visit().open("/model?model=mlp-digits-relu")
    assert "my-lenet" not in body(other)
