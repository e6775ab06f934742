"""A colour ultrasound loop of a heart that no one ever had: a sector with speckle that moves.

Echoes are made as a probe hears them, along beams: a fixed cloud of scatterers, moved by the
beating walls, convolved with a pulse, detected, compressed to decibels, and scan-converted.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.demo.painting import Array

ROWS, COLUMNS = 480, 640
N_FRAMES = 36
FRAME_TIME_MS = 33.3
DEPTH_MM = 150.0
MM_PER_PIXEL = DEPTH_MM / 440
_N_BEAMS, _N_SAMPLES = 192, 560
_HALF_ANGLE = np.radians(42)
_TOP_ROW = 22


def make_loop(seed: int = 4) -> NDArray[np.uint8]:
    """Return one heart beat, (frames, rows, columns, 3), RGB."""
    probe = _Probe(seed)
    _ = probe.scatterers, probe.conversion
    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(probe.frame, np.arange(N_FRAMES) / N_FRAMES)))


@dataclass(frozen=True)
class _Probe:
    seed: int

    @cached_property
    def scatterers(self) -> Array:
        rng = np.random.default_rng(self.seed)
        return rng.standard_normal((2, _N_SAMPLES + 64, _N_BEAMS + 32), dtype=np.float32)

    @cached_property
    def grid(self) -> tuple[Array, Array, Array, Array]:
        """Return depth and angle of every sample, and the same as x (to the right) and y (down)."""
        depth = np.linspace(2, DEPTH_MM, _N_SAMPLES, dtype=np.float32)[:, None]
        angle = np.linspace(-_HALF_ANGLE, _HALF_ANGLE, _N_BEAMS, dtype=np.float32)[None, :]
        return depth, angle, depth * np.sin(angle), depth * np.cos(angle)

    @cached_property
    def conversion(self) -> tuple[NDArray[np.intp], NDArray[np.bool_], Array, Array]:
        """Return, for every pixel of the sector, its sample and the weights to the next ones."""
        x = (np.arange(COLUMNS) - COLUMNS / 2) * MM_PER_PIXEL
        y = (np.arange(ROWS) - _TOP_ROW) * MM_PER_PIXEL
        depth = np.hypot(x[None, :], y[:, None])
        angle = np.arctan2(x[None, :], np.maximum(y[:, None], 1e-3))
        row = (depth - 2) / (DEPTH_MM - 2) * (_N_SAMPLES - 1)
        column = (angle + _HALF_ANGLE) / (2 * _HALF_ANGLE) * (_N_BEAMS - 1)
        seen = (row >= 0) & (row < _N_SAMPLES - 1) & (column >= 0) & (column < _N_BEAMS - 1)
        seen &= y[:, None] > 0
        row, column = row[seen], column[seen]
        index = row.astype(np.intp) * _N_BEAMS + column.astype(np.intp)
        return index, seen, (row % 1).astype(np.float32), (column % 1).astype(np.float32)

    def frame(self, phase: float) -> NDArray[np.uint8]:
        """Return one frame; `phase` runs from 0 to 1 over a heart beat."""
        squeeze = 0.5 - 0.5 * np.cos(2 * np.pi * min(phase / 0.8, 1.0))
        depth, angle, x, y = self.grid
        strength, blood, flow = _anatomy(x, y, float(squeeze), phase)
        shift = 5.0 * squeeze * np.exp(-(((y - 90) / 50) ** 2))
        decibels = self._echo(strength, shift) - 0.05 * np.abs(angle) * depth
        grey = np.clip((decibels + 52) / 60, 0, 1)
        out = np.zeros((ROWS, COLUMNS, 3), np.float32)
        out[self.conversion[1]] = self.convert(grey)[:, None] * np.array([232, 236, 240])
        _doppler(self, out, blood, flow)
        _decorate(out)
        return np.clip(out, 0, 255).astype(np.uint8)

    def _echo(self, strength: Array, shift: Array) -> Array:
        """Return what comes back, in decibels below the brightest."""
        rows = np.arange(_N_SAMPLES)[:, None] + 32 + np.broadcast_to(shift, strength.shape)
        first = rows.astype(np.intp)
        part = (rows - first).astype(np.float32)
        columns = np.arange(_N_BEAMS)[None, :] + 16
        signal = [
            (plane[first, columns] * (1 - part) + plane[first + 1, columns] * part) * strength
            for plane in self.scatterers
        ]
        power = sum(_smear(plane) ** 2 for plane in signal)
        return np.asarray(10 * np.log10(power + 1e-6) - 8, np.float32)

    def convert(self, samples: Array) -> Array:
        """Return the values of the sector's pixels, bilinear between beams."""
        index, _, down, right = self.conversion
        flat = samples.reshape(-1)
        above = flat[index] * (1 - right) + flat[index + 1] * right
        below = flat[index + _N_BEAMS] * (1 - right) + flat[index + _N_BEAMS + 1] * right
        return np.asarray(above * (1 - down) + below * down, np.float32)


def _smear(plane: Array) -> Array:
    """Convolve with the pulse: short along the beam, wide across."""
    along = np.array([0.2, 0.6, 1.0, 0.6, 0.2], np.float32)
    across = np.array([0.3, 0.7, 1.0, 0.7, 0.3], np.float32)
    for axis, kernel in ((0, along), (1, across)):
        plane = sum(
            weight * np.roll(plane, step - 2, axis) for step, weight in enumerate(kernel)
        ) / float(np.sqrt((kernel**2).sum()))
    return plane


def _anatomy(x: Array, y: Array, squeeze: float, phase: float) -> tuple[Array, Array, Array]:
    """Return scattering strength, where blood is, and its speed towards the probe (-1 to 1)."""

    def ellipse(cx: float, cy: float, ax: float, ay: float, turn: float) -> Array:
        c, s = np.cos(turn), np.sin(turn)
        u, v = c * (x - cx) + s * (y - cy), c * (y - cy) - s * (x - cx)
        return np.asarray((1 - np.sqrt((u / ax) ** 2 + (v / ay) ** 2)) * min(ax, ay), np.float32)

    tissue = 0.32 + 0.1 * np.sin(x / 6 + np.sin(y / 9)) * np.sin(y / 7)
    near = np.clip(1 - y / 34, 0, 1)
    strength = tissue + 0.9 * near * (0.6 + 0.4 * np.sin(y / 1.7))
    ventricle = ellipse(13, 68, 21 - 6 * squeeze, 40 - 7 * squeeze, -0.12)
    right = ellipse(-24, 66, 13 - 3 * squeeze, 33 - 5 * squeeze, 0.25)
    atrium = ellipse(12, 122 - 2 * squeeze, 20 + 3 * squeeze, 16 + 2 * squeeze, 0.1)
    right_atrium = ellipse(-22, 120 - 2 * squeeze, 16 + 2 * squeeze, 15 + 2 * squeeze, -0.1)
    heart = ellipse(-2, 82, 54 - 3 * squeeze, 66 - 3 * squeeze, 0)
    strength = np.where(heart > 0, 0.34 + 0 * x, strength)
    strength = strength + 2.2 * np.exp(-((heart / 1.5) ** 2))
    chambers = np.maximum(np.maximum(ventricle, right), np.maximum(atrium, right_atrium))
    inside = 1 / (1 + np.exp(-np.clip(chambers * 1.6, -30, 30)))
    strength = strength * (1 - inside) + 0.014 * inside
    strength = strength + 1.1 * np.exp(-(((chambers + 0.8) / 1.2) ** 2))
    swing = 0.9 - 0.85 * np.clip(1.4 * squeeze, 0, 1)  # mitral and tricuspid leaflets
    for hinge, way in ((-4, 1), (30, -1), (-38, 1), (-9, -1)):
        along = np.clip((x - hinge) * way, 0, 15)
        line = 100 - 3 * squeeze - np.sin(swing) * along
        leaf = ((x - hinge) * way > 0) & ((x - hinge) * way < 15 - 2 * (hinge < -5))
        strength = strength + leaf * 2.0 * np.exp(-(((y - line) / 1.1) ** 2))
    filling = np.sin(2 * np.pi * np.clip((phase - 0.45) / 0.5, 0, 1)) ** 2 * (phase > 0.45)
    jet = np.exp(-(((x - 13) / 9) ** 2)) * np.exp(-(((y - 92) / 26) ** 2))
    out = np.exp(-(((x + 3) / 8) ** 2)) * np.exp(-(((y - 84) / 16) ** 2))
    flow = 1.25 * filling * jet - 1.1 * np.sin(np.pi * np.clip(phase / 0.45, 0, 1)) * out
    return strength.astype(np.float32), inside.astype(np.float32), flow.astype(np.float32)


def _doppler(probe: _Probe, out: Array, blood: Array, flow: Array) -> None:
    """Colour moving blood: red towards the probe, blue away from it."""
    depth, angle, _, _ = probe.grid
    gate = (np.abs(angle) < np.radians(20)) & (depth > 52) & (depth < 128)
    speed = probe.convert(flow * (blood > 0.6) * gate)
    shown = np.abs(speed) > 0.16
    seen = probe.conversion[1]
    part = out[seen]
    part[shown] = _colour(speed[shown])
    out[seen] = part


def _colour(speed: Array) -> Array:
    """Return the colour map: dark red to yellow, dark blue to cyan."""
    level = np.clip(np.abs(speed), 0, 1)[:, None]
    towards = np.array([130, 10, 0]) + level * np.array([125, 205, 40])
    away = np.array([0, 20, 130]) + level * np.array([40, 200, 125])
    return np.asarray(np.where(speed[:, None] > 0, towards, away), np.float32)


def _decorate(out: Array) -> None:
    """Draw the depth ruler, the grey scale and the colour scale; no text, nobody's name."""
    for centimetre in range(16):
        row = _TOP_ROW + round(centimetre * 10 / MM_PER_PIXEL)
        length = 9 if centimetre % 5 == 0 else 4
        if row < ROWS:
            out[row, COLUMNS - 14 : COLUMNS - 14 + length] = 150
    ramp = np.linspace(255, 0, 128, dtype=np.float32)[:, None, None]
    out[40:168, 16:26] = ramp
    speed = np.linspace(1, -1, 128, dtype=np.float32)
    out[200:328, 16:26] = _colour(speed)[:, None, :]
