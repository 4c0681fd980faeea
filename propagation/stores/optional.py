"""Packages that only some stores need."""

from collections.abc import Iterator
from contextlib import contextmanager

from propagation.stores.base import StoreMisconfigured


class PackageMissing(StoreMisconfigured, ImportError):
    """A package of requirements-stores.txt is not installed."""


@contextmanager
def needed_packages() -> Iterator[None]:
    """Import inside this what requirements-stores.txt brings."""
    try:
        yield
    except ImportError as error:
        package = (error.name or str(error)).partition(".")[0]
        words = f"{package} is not installed: pip install -r requirements-stores.txt"
        raise PackageMissing(words) from error
