"""Stores whose packages are not installed: the site runs, and says what is missing."""

import subprocess
import sys

import pytest

from propagation.stores.base import StoreMisconfigured
from propagation.stores.optional import PackageMissing

WITHOUT = """
import sys
from django.utils.module_loading import import_string
from propagation.stores.base import StoreMisconfigured
sys.modules[{package!r}] = None
try:
    import_string({backend!r})
except StoreMisconfigured as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("package", "backend"),
    [
        ("pyarrow", "objects.ObjectStore"),
        ("obstore", "objects.ObjectStore"),
        ("deltalake", "delta.TrainingTableStore"),
        ("nats", "nats.NatsStore"),
    ],
)
def test_a_missing_package_is_named(package: str, backend: str) -> None:
    program = WITHOUT.format(package=package, backend=f"propagation.stores.{backend}")
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"{package} is not installed" in result.stdout
    assert "requirements-stores.txt" in result.stdout


def test_the_system_check_can_tell_it() -> None:
    """It reports what BACKEND raises when it is imported, if that is an ImportError."""
    assert issubclass(PackageMissing, ImportError)
    assert issubclass(PackageMissing, StoreMisconfigured)
