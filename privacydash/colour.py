"""The operator's accent colour, if it can be read on the pages; contrast by WCAG 2.2."""

import re
from dataclasses import dataclass

type Rgb = tuple[int, int, int]

WANTED = 4.5
"""Contrast that text of normal size needs: WCAG 2.2, success criterion 1.4.3."""
# --paper and --card of static/privacydash.css, light and dark.
LIGHT: tuple[Rgb, ...] = ((244, 247, 247), (255, 255, 255))
DARK: tuple[Rgb, ...] = ((16, 24, 27), (24, 35, 39))
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Accent:
    """CSS colours: links and buttons in light and in dark, the same stronger, and text on them."""

    light: str
    light_strong: str
    on_light: str
    dark: str
    dark_strong: str
    on_dark: str


def accent(raw: str) -> Accent:
    """The colours that go with ``#rrggbb``.

    Raises ValueError where it is no such colour, or too pale for links on a light page. On a dark
    page it is made as much lighter as it has to be.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", raw):
        raise ValueError(f"expected a colour such as #0b5c63, got {raw!r}")
    light: Rgb = (int(raw[1:3], 16), int(raw[3:5], 16), int(raw[5:7], 16))
    found = min(contrast(light, page) for page in LIGHT)
    if found < WANTED:
        raise ValueError(
            f"{raw} has a contrast of {found:.1f} to the page, and text needs {WANTED}; "
            "take a darker colour"
        )
    dark = light
    while min(contrast(dark, page) for page in DARK) < WANTED:
        dark = _mix(dark, WHITE, 0.1)
    return Accent(
        light=_css(light),
        light_strong=_css(_mix(light, BLACK, 0.25)),
        on_light=_css(WHITE),
        dark=_css(dark),
        dark_strong=_css(_mix(dark, WHITE, 0.3)),
        on_dark=_css(max((BLACK, WHITE), key=lambda text: contrast(text, dark))),
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 (the same) to 21 (black and white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _css(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
