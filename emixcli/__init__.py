"""emix: get a patient's images to the clinician who needs them."""

__version__ = "0.1.0"
