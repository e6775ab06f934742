"""Write vectors/grading.json: what pydicom makes of stored values, for the renderer to agree with.

Run from the top of the repository: ``python viewer/test/render/make_vectors.py``.
"""

import base64
import json
import pathlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

STORED = [-2048, -1024, -500, -100, -1, 0, 1, 2, 39, 40, 41, 100, 127, 128, 255, 700, 1024, 2047]
UNSIGNED = [0, 1, 2, 3, 39, 40, 41, 100, 127, 128, 255, 700, 1024, 2047, 4000, 4095]


def dataset(*, signed, bits=12):
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.SamplesPerPixel = 1
    ds.PixelRepresentation = int(signed)
    ds.BitsStored = bits
    ds.BitsAllocated = 16
    return ds


def lut_item(first, bits, data):
    item = Dataset()
    item.LUTDescriptor = [len(data), first, bits]
    item.LUTData = [int(value) for value in data]
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    return item


def lut_fields(first, bits, data):
    words = np.asarray(data, "<u2").tobytes()
    return {"first": first, "bits": bits, "data": base64.b64encode(words).decode()}


def case(name, *, signed=True, window=None, function=None, rescale=None, modality=None, voi=None):
    ds = dataset(signed=signed)
    fields = {}
    if rescale is not None:
        ds.RescaleSlope, ds.RescaleIntercept = rescale
        fields["slope"], fields["intercept"] = rescale
    if modality is not None:
        ds.ModalityLUTSequence = [lut_item(*modality)]
        fields.setdefault("luts", {})["modality"] = lut_fields(*modality)
    if window is not None:
        ds.WindowCenter, ds.WindowWidth = window
        fields["windows"] = [list(window)]
    if function is not None:
        ds.VOILUTFunction = function
        fields["voi_function"] = function
    if voi is not None:
        ds.VOILUTSequence = [lut_item(*voi)]
        fields.setdefault("luts", {})["voi"] = [lut_fields(*voi)]
    stored = STORED if signed else UNSIGNED
    values = apply_modality_lut(np.asarray(stored, "<i2" if signed else "<u2"), ds)
    shown = np.asarray(apply_voi_lut(np.asarray(values), ds), "float64")
    low, high = output_range(ds, signed=signed)
    unit = (shown - low) / (high - low)
    return {"name": name, "image": fields, "stored": stored, "unit": [round(float(u), 6) for u in unit]}


def output_range(ds, *, signed):
    """Lowest and highest output of pydicom's functions for this data set."""
    if "VOILUTSequence" in ds:
        return 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
    if "ModalityLUTSequence" in ds:
        return 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    low, high = (-(2**11), 2**11 - 1) if signed else (0, 2**12 - 1)
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept


def main():
    ramp = (np.arange(256) ** 2).astype("u2")
    cases = [
        case("linear", window=(40, 400)),
        case("linear with rescale", window=(40, 400), rescale=(1.0, -1024.0), signed=False),
        case("linear with slope", window=(100.5, 333.25), rescale=(0.5, 3.25)),
        case("linear of width one", window=(40, 1)),
        case("linear of width two", window=(40, 2)),
        case("linear exact", window=(40, 400), function="LINEAR_EXACT"),
        case("linear exact, narrow", window=(40, 0.5), function="LINEAR_EXACT"),
        case("sigmoid", window=(40, 400), function="SIGMOID"),
        case("sigmoid, narrow", window=(127, 3), function="SIGMOID", signed=False),
        case("voi table", voi=(0, 16, ramp), signed=False),
        case("voi table with first value", voi=(-128, 16, ramp)),
        case("modality table and window", modality=(0, 16, ramp), window=(20000, 30000), signed=False),
        case("rescale and voi table", rescale=(2.0, -100.0), voi=(-100, 16, np.arange(256) * 257), signed=False),
    ]
    path = pathlib.Path(__file__).parent / "vectors" / "grading.json"
    path.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
