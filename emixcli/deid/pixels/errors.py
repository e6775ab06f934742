"""Why pixels cannot be cleaned."""

from __future__ import annotations

from emixcli.deid.refusal import DeidError


class PixelError(DeidError):
    """The pixels are refused; `reason` is `pixels.damaged` or `pixels.codec`."""


def damaged(hint: str = "") -> PixelError:
    """Return the error for compressed pixels that cannot be read."""
    return PixelError("pixels.damaged", hint=hint)


def unsupported(what: str) -> PixelError:
    """Return the error for a compression, named in `what`, that cannot be cleaned."""
    return PixelError("pixels.codec", hint=f"{what} cannot be cleaned: decompress it first")


def unclean_video(what: str) -> PixelError:
    """Return the error for a video, named in `what`, that holds more than pictures."""
    return PixelError(
        "pixels.codec",
        hint=f"{what} cannot be cleaned: leave it out, or write it as MPEG-4 with pictures only",
    )
