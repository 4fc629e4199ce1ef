"""Where tests run tasks: at a store, or, where only images count, at none."""

from ncviz.tasks import Context, Desk


def here(store, **options):
    """A context whose results are kept in a store alone, so that what one finds there was put there."""
    return Context(Desk(store), **options)


NOWHERE = here(None)
