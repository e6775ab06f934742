"""Reports beside the images: read, matched with the patient, made readable."""
