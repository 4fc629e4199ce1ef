"""The menu of a phone, which closes once a page is chosen."""

from ncviz.ui.components.bundle import component

NAME = "ncviz_menu"


def close_menu(page: str) -> None:
    """Close the menu where it lies over the page, whenever another page is shown.

    Args:
        page: The name of the page in the address.
    """
    component(NAME, "stage/menu")(key="menu", data={"page": page})
